"""Where the registry keeps a version's bytes in the bucket: under their hashes, so that nothing is ever overwritten.

The metered module lies where every metered module does (arcrun/wasm/seal.py).
"""


def module_key(sha256: str) -> str:
    """The module as it was submitted."""
    return f"modules/{sha256}.wasm"


def contract_key(sha256: str) -> str:
    """The contract as compact JSON. `sha256` is that of this text."""
    return f"contracts/{sha256}.json"
