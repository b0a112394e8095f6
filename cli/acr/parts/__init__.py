"""Components: their folders, where they are found, seeded and installed."""
