"""Cloudflare's REST API, over the HttpClient port: what a Worker uses of an account that is not its own."""
