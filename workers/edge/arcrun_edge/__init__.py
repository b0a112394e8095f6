"""Implements the ports over the platform's bindings, one module each; only code here imports js, pyodide or workers."""
