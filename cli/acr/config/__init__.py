"""Files on this machine: the user's and the project's configuration, and the platform's sources."""
