"""The workflow language: source -> edges and nodes -> plan, with all findings reported at once."""
