"""The executor: runs workflows and components."""
