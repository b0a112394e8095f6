"""`acr`, the command line of arcrun. It reaches the Workers over HTTP only."""
