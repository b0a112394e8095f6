"""Runs that outlive their isolate: the journal of what they have done, and the loop that repeats them exactly."""
