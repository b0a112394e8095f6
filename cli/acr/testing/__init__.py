"""Workflow tests: their files, how they are run on this machine, and how their results are compared."""
