"""Accounts of the hosted mode: what is known of a tenant, how it is sealed, how an API key leads to it."""
