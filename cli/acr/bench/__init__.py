"""The bench that tests a component: wasmtime and Node."""
