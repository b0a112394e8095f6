"""`acr dev`: the platform on this machine."""
