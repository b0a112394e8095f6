"""Components: their folders and sources, seeding and installation."""
