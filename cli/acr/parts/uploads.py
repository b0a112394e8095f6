"""Uploads components that are not bundled to the bucket: `{id}.wasm`, the metered module, `{id}.contract.yaml`; of one
in JavaScript `{id}.js` and the contract.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from acr.cloudflare.r2 import R2Bucket
from acr.errors import CliError
from acr.parts.component_folder import find_module, require_inner_components
from acr.parts.own_components import JAVASCRIPT_SUFFIX, MODULE_SUFFIX
from arcrun.contracts.model import Contract
from arcrun.contracts.parse import parse_contract
from arcrun.errors import ArcrunError
from arcrun.wasm.component import build_component
from arcrun.wasm.javascript import build_javascript
from arcrun.wasm.seal import metered_key
from arcrun.yaml_text import parse_yaml


def upload_components(bucket: R2Bucket, folders: Iterable[Path]) -> list[str]:
    """Upload the components in `folders`. Returns the keys that were written. Raises CliError."""
    folders = tuple(folders)
    require_inner_components(folders)
    return upload_objects(bucket, [item for folder in folders for item in _objects_of(folder)])


def upload_objects(bucket: R2Bucket, objects: Sequence[tuple[str, bytes]], prefix: str = "") -> list[str]:
    """Write objects, in order, that are missing or differ. Returns their keys.

    All keys must start with `prefix`. Contents are compared by R2's ETag, which is their MD5.
    """
    stored = {item.key: item.etag.strip('"') for item in bucket.list_objects(prefix)} if objects else {}
    written = []
    for key, content in objects:
        if stored.get(key) != hashlib.md5(content, usedforsecurity=False).hexdigest():
            bucket.put(key, content)
            written.append(key)
    return written


def list_module_objects(reference: str, contract: Contract, module: bytes) -> list[tuple[str, bytes]]:
    """The objects besides the contract: the JavaScript, or the module and the metered one. Raises ComponentError."""
    key = reference + module_suffix(contract)
    if contract.is_javascript:
        build_javascript(contract, module)
        return [(key, module)]
    return [(key, module), metered_object(contract, module)]


def module_suffix(contract: Contract) -> str:
    return JAVASCRIPT_SUFFIX if contract.is_javascript else MODULE_SUFFIX


def metered_object(contract: Contract, module: bytes) -> tuple[str, bytes]:
    """The metered module's key and bytes, as the executor would store them at first use. Raises ComponentError."""
    component = build_component(contract, module)
    assert component.module is not None
    return metered_key(component.sha256), component.module


def _objects_of(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield modules before the contract, which makes a new component visible. Raises CliError."""
    for path in sorted(folder.glob("*/contract.yaml")):
        name, contract, module = path.parent.name, path.read_bytes(), find_module(path)
        if not module.is_file():
            raise CliError(f"{module} does not exist.", f"Build the component first: {path.parent}")
        try:
            built = list_module_objects(name, parse_contract(parse_yaml(contract.decode()).value), module.read_bytes())
        except (ArcrunError, ValueError) as error:
            raise CliError(f"{path.parent}: {error}", f"Show all problems: acr parts test {path.parent}") from None
        yield from built
        yield f"{name}.contract.yaml", contract
