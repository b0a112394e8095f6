"""Exports: what a platform has stored of its owner's, in a file."""
