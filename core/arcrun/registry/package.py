"""A component as it is submitted, stored and installed: its contract in one form, its module, and their hashes.

The registry stores the bytes in the bucket under their hashes, so that nothing is ever overwritten. Metered modules are
stored separately (arcrun/wasm/seal.py).
"""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property

from arcrun.contracts.model import JAVASCRIPT
from arcrun.limits import MAX_CONTRACT_BYTES
from arcrun.yaml_text import YamlTextError, parse_json_or_yaml


@dataclass(frozen=True)
class Package:
    """`contract_text` is compact JSON, so that its hash does not depend on comments or YAML style. `module` is the
    WebAssembly, or main.js.
    """

    contract_text: str
    module: bytes

    @cached_property
    def is_javascript(self) -> bool:
        """Whether the contract, which may be invalid, says `runtime: javascript`."""
        try:
            contract = parse_json_or_yaml(self.contract_text)
        except YamlTextError:
            return False
        return isinstance(contract, dict) and contract.get("runtime") == JAVASCRIPT

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.module).hexdigest()

    @cached_property
    def contract_sha256(self) -> str:
        return hashlib.sha256(self.contract_text.encode()).hexdigest()


def build_package(contract_text: str, module: bytes) -> Package:
    """`contract_text` is YAML or JSON. An invalid or too long one is kept as it is, and its review will refuse it."""
    # Half a surrogate pair, which JSON can contain and UTF-8 cannot, is written as its original escape.
    return Package(_compact(contract_text).encode("utf-8", "backslashreplace").decode(), module)


def _compact(contract_text: str) -> str:
    if len(contract_text) > MAX_CONTRACT_BYTES:
        return contract_text
    try:
        return json.dumps(parse_json_or_yaml(contract_text), ensure_ascii=False, separators=(",", ":"))
    except (YamlTextError, TypeError):
        return contract_text


def module_key(sha256: str, *, is_javascript: bool = False) -> str:
    """The key of the module as submitted, or of the JavaScript."""
    return f"modules/{sha256}.{'js' if is_javascript else 'wasm'}"


def contract_key(sha256: str) -> str:
    """The key of the contract as compact JSON. `sha256` is the hash of that JSON."""
    return f"contracts/{sha256}.json"
