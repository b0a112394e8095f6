"""State that outlives runs: values by key, of a workflow or shared by name."""
