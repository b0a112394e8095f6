"""Node and what runs on it: wrangler, the JavaScript packages."""
