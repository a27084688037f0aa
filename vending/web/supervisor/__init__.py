"""Pages of the second person: what waits for approval, the budget and its refill."""
