"""The business: estate, tariffs, ledger, sales, receipts and their pages."""
