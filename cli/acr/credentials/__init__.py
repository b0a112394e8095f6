"""Credentials: encrypted on this machine, stored in the account."""
