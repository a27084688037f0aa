"""The four records of a sale held against each other: issuance log, database, books, receipts with their payments. Pure.

Rows come in as streams in the order of what they are joined by (a number of the log, an order, a sale), so that a million of
them take no more memory than the differences that are found. A row is a tuple whose first field is what it is joined by.
Every difference is one sentence that names what to look for. An order's energy counts on the site's day of its first token,
in every record, so that midnight makes no difference.

Not here: where the rows come from (`auditor/records.py`) and how it is told (`auditor/reconciliation.py`).
"""
