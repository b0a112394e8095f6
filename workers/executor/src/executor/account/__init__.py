"""What belongs to an account as a whole: its credentials, its components, its audit log."""
