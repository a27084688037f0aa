"""Pages of the engineer: work orders, engineering tokens, visit files."""
