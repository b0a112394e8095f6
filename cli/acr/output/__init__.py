"""What commands print: tables, JSON, traces, warnings."""
