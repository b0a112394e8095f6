"""What a workflow's webhook answers: `response` of its file."""
