"""In-memory stand-ins for the core's ports. They copy the platform's limits and do nothing that it would not do."""
