"""Components as WebAssembly: their binary, their ABI, and the host functions."""
