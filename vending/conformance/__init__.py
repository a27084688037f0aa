"""The conformance kit: a vendor runs his own client against a server that plays each outcome, and hears what it did wrong."""
