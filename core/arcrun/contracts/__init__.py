"""contract.yaml: a component's interface, as a typed value."""
