"""Cloudflare's REST API, version 4: one client, one module per product."""
