"""The review that a component must pass before others can run it, shared by the command line and the registry."""
