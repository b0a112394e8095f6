"""Brings the Workers into an account: what they need, their upload, their secrets, and whether they answer."""
