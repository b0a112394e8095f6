"""Runs a plan over ports and keeps its record."""
