"""The standard (IEC 62055-41) as pure functions: no clock, no randomness of its own, no I/O."""

__version__ = "0.1.0"
