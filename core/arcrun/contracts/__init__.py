"""contract.yaml: what a component promises, as a typed value."""
