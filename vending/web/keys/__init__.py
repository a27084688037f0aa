"""Pages of the key manager: keys, budgets, the head of the log."""
