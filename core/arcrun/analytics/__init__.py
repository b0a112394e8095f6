"""How often components have run, how well and how fast."""
