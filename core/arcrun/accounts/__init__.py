"""Accounts of the hosted mode: the tenant's record, how it is sealed, and how an API key leads to it."""
