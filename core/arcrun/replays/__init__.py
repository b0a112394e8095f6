"""Replays of runs: what a run may take over from the record of another."""
