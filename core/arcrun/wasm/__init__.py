"""Components as WebAssembly: their binary, their ABI, the functions that the host lends them."""
