"""The fixtures of the security module."""

from keystore_fixtures import folder, made, module, source

__all__ = ["folder", "made", "module", "source"]
