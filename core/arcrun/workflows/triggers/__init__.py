"""What starts a workflow, as its author wrote it."""
