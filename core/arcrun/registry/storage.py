"""Where the registry keeps a version's bytes in the bucket: under their hashes, so that nothing is ever overwritten."""

from arcrun.wasm.metering import METERING_VERSION


def module_key(sha256: str) -> str:
    """The module as it was submitted."""
    return f"modules/{sha256}.wasm"


def metered_key(sha256: str) -> str:
    """The module as the sandbox runs it: memory bounded, fuel metered. `sha256` is that of the module as submitted."""
    return f"metered/{METERING_VERSION}/{sha256}.wasm"


def contract_key(sha256: str) -> str:
    """The contract as compact JSON. `sha256` is that of this text."""
    return f"contracts/{sha256}.json"
