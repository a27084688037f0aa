"""Reading across the capabilities for people: sales, losses, forecasts, the preview of a tariff. It never writes."""
