"""The auditor: checks every invariant on a live database in its own words, and imports nothing that writes.

What the product keeps true while it works (docs/invariants.md) is looked at here a second time, from the rows alone: plain
SQL, and arithmetic written anew where SQL does not reach. So a fault in the writers does not hide itself. Read only.
"""
