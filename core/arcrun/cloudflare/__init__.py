"""Cloudflare's REST API over the HttpClient port, for a Worker's access to another account."""
