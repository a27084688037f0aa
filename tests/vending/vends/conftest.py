"""The shop with the real security module in it, made once for each test process and copied for each test."""

from vending_counter import counter, made_module, module

__all__ = ["counter", "made_module", "module"]
