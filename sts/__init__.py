"""The standard (IEC 62055-41) as pure functions: no clock, no randomness of its own, no I/O.

What it is not: a certified security module, or a place for keys. Whoever calls hands in the key, the
time and the random bits, and every refusal is an `sts.errors.StsError`. Nothing is imported here, so
that a program pays only for the parts that it names.
"""

__version__ = "0.1.0"
