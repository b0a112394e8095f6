"""What the webhook of a workflow asks of its callers."""
