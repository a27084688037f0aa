"""Who leaves and what hangs on the wall: moving out and swapping a meter, each one act with evidence and two people."""
