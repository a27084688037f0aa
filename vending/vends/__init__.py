"""The sale: order, plan, payment, token, release. The module issues; this package orders, posts and releases."""
