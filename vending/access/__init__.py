"""People: who may do what where, how they prove who they are, and what needs a second person."""
