"""Messages that start runs (docs/adr/0036). Only the Worker's `email` event and a route import it."""
