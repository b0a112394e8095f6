"""What a component must pass before anyone else runs it; the command line and the registry share it."""
