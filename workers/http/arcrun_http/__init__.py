"""What the three services' HTTP faces share: bodies, API keys, errors."""
