"""Replays and retries of runs."""
