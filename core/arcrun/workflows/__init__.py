"""The workflow language: text -> edges and nodes -> plan, with every finding reported at once."""
