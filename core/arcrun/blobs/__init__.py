"""Values beside a run's JSON: bytes in the bucket, which only the host reads and writes, and what names them."""
