"""The HTTP code that the three services share: bodies, API keys, errors."""
