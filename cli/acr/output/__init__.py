"""The commands' output: tables, JSON, traces, warnings."""
