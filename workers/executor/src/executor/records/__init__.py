"""Records of runs, in a RunLog or in a tenant's KV."""
