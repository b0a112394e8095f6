"""Cloudflare Workflows: the instances of one, and the steps of an instance."""
