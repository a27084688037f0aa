"""`python -m sts`: the command line of the standard."""

from sts.cli import main

main()
