"""Files on this machine: the user's configuration, the project's, where the platform lies."""
