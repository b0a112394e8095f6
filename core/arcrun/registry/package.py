"""A component as it is submitted, stored and installed: its contract in one form, its module, and their hashes.

The registry keeps the bytes in the bucket under their hashes, so that nothing is ever overwritten. The metered module
lies where every metered module does (arcrun/wasm/seal.py).
"""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property

from arcrun.limits import MAX_CONTRACT_BYTES
from arcrun.yaml_text import YamlTextError, parse_json_or_yaml


@dataclass(frozen=True)
class Package:
    """`contract_text` is compact JSON, so its hash does not depend on comments or on how the YAML is written."""

    contract_text: str
    module: bytes

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.module).hexdigest()

    @cached_property
    def contract_sha256(self) -> str:
        return hashlib.sha256(self.contract_text.encode()).hexdigest()


def build_package(contract_text: str, module: bytes) -> Package:
    """`contract_text` is YAML or JSON. One that is neither, or too long, stays as it is: its review will refuse it."""
    # Half a surrogate pair, which JSON can hold and UTF-8 cannot, is written as the escape that it came as.
    return Package(_compact(contract_text).encode("utf-8", "backslashreplace").decode(), module)


def _compact(contract_text: str) -> str:
    if len(contract_text) > MAX_CONTRACT_BYTES:
        return contract_text
    try:
        return json.dumps(parse_json_or_yaml(contract_text), ensure_ascii=False, separators=(",", ":"))
    except (YamlTextError, TypeError):
        return contract_text


def module_key(sha256: str) -> str:
    """The module as it was submitted."""
    return f"modules/{sha256}.wasm"


def contract_key(sha256: str) -> str:
    """The contract as compact JSON. `sha256` is that of this text."""
    return f"contracts/{sha256}.json"
