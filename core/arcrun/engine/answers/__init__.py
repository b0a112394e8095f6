"""What a run answers: its response, and what it answers before its end."""
