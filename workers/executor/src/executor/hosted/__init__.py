"""Runs of tenants that last: what is sealed, hidden and counted for them, and where they lie."""
