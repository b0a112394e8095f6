"""What a node gets: its input as far as it is known before a run, against its component's contract."""
