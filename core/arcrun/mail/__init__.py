"""Messages that start workflows: read from MIME, and who has sent them."""
