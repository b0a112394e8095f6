"""What starts a workflow besides its name: `triggers` of its file."""
