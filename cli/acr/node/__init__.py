"""Node: wrangler and the JavaScript packages."""
