"""Webhooks with `verify`: who may call them, and who was refused."""
