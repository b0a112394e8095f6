"""Requests of nodes that have `auth`: the access tokens that a Workspace keeps, and what is added to each request."""
