"""Puts components that are not bundled into the bucket: `{id}.wasm`, the metered module, `{id}.contract.yaml`."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from acr.cloudflare.r2 import R2Bucket
from acr.errors import CliError
from acr.parts.component_folder import require_inner_components
from arcrun.contracts.model import Contract
from arcrun.contracts.parse import parse_contract
from arcrun.errors import ArcrunError
from arcrun.wasm.component import build_component
from arcrun.wasm.seal import metered_key
from arcrun.yaml_text import parse_yaml


def upload_components(bucket: R2Bucket, folders: Iterable[Path]) -> list[str]:
    """The keys that had to be written."""
    folders = tuple(folders)
    require_inner_components(folders)
    return upload_objects(bucket, [item for folder in folders for item in _objects_of(folder)])


def upload_objects(bucket: R2Bucket, objects: Sequence[tuple[str, bytes]], prefix: str = "") -> list[str]:
    """The keys that had to be written, in order: those that are not there, or are there with other bytes.

    `prefix` is one that all keys have. R2's entity tag is the MD5 of an object's bytes.
    """
    stored = {item.key: item.etag.strip('"') for item in bucket.list_objects(prefix)} if objects else {}
    written = []
    for key, content in objects:
        if stored.get(key) != hashlib.md5(content, usedforsecurity=False).hexdigest():
            bucket.put(key, content)
            written.append(key)
    return written


def metered_object(contract: Contract, module: bytes) -> tuple[str, bytes]:
    """The key and the bytes with which the executor would keep the module at its first use. Raises ComponentError."""
    component = build_component(contract, module)
    assert component.module is not None
    return metered_key(component.sha256), component.module


def _objects_of(folder: Path) -> Iterator[tuple[str, bytes]]:
    """The modules come before the contract, which is what makes a new component known. Raises CliError."""
    for path in sorted(folder.glob("*/contract.yaml")):
        name, contract = path.parent.name, path.read_bytes()
        module = path.parent / f"{name}.wasm"
        if not module.is_file():
            raise CliError(f"{module} is not there.", f"Build the component first: {path.parent}")
        try:
            metered = metered_object(parse_contract(parse_yaml(contract.decode()).value), module.read_bytes())
        except (ArcrunError, ValueError) as error:
            raise CliError(f"{path.parent}: {error}", f"See what is wrong: acr parts test {path.parent}") from None
        yield f"{name}.wasm", module.read_bytes()
        yield metered
        yield f"{name}.contract.yaml", contract
