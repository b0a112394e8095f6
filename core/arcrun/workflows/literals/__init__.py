"""What stands in a workflow as it is written, whatever braces it has: code, and templates of other languages."""
