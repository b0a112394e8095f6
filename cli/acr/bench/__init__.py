"""What a component is tried on: wasmtime and Node."""
