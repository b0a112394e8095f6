"""Whether a request starts a run: idempotency, and the limits of its workflow."""
