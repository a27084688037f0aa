"""Charts as SVG made by the server."""
