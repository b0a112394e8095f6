"""The documentation: its pages, and their form for a browser."""
