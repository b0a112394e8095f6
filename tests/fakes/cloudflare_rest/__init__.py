"""A Cloudflare account behind its REST API and wrangler."""
