"""Access keys: what each may do, how a request's is found, and how they are made, listed and revoked."""
