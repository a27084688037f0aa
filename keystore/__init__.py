"""The keys and the security module: the only holder of vending keys and the only chooser of token identifiers."""
