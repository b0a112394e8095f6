"""Workflow files: reading, upgrading, and the project's folder."""
