"""The only code that imports js, pyodide and workers: one module a binding, one port each."""
