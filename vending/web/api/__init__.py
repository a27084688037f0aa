"""The API for programs, `/api/v1`: an application of its own, without cookies, forms or pages.

`operations` is its one table: each row is an address with its scopes, what it takes and what it answers. The URL map, the
OpenAPI document, the documentation page and the check of rights are all made from it.
"""
