"""`python -m sts`: the command line of the standard."""

import sys

from sts.cli import main

sys.exit(main())
