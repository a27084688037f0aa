"""The counter of the sale's tests: acts of occupancy end in tokens of the real module."""

from vending_counter import counter, made_module

__all__ = ["counter", "made_module"]
