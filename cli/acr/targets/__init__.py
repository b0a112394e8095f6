"""Which platform a command talks to, and its Workers over HTTP."""
