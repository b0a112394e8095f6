"""Sessions of browsers: begun with a key or a one-time link, carried by a cookie, and ended."""
