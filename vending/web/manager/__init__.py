"""Pages of the manager: the building now, estate, people, tariffs, sales, reports."""
