"""The web: pages and the API over the use cases."""
