"""Fakes of the ports, with the platform's limits."""
