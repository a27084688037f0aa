"""The estate: sites, units, tenants, leases, meters and circuits: the facts, and how they came to be."""
