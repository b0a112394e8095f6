"""Runs that last: instances of the Workflow `arcrun-run`."""
