"""Shifts: one person and one drawer from float to deposit slip. Reads the ledger, never payments (decisions.md D20)."""
