"""Files of workflows."""
