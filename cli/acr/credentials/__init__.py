"""Credentials: encrypted on this machine, kept in the account."""
