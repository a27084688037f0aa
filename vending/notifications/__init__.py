"""Messages to customers: the port of the channels, what was sent to whom, and whether it was taken."""
