"""Records of runs in Durable Objects: their operations, and how the answers of several objects are merged."""
