"""Puts components that are not bundled into the bucket: `{id}.wasm` and `{id}.contract.yaml`."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from acr.cloudflare.r2 import R2Bucket
from acr.errors import CliError


def upload_components(bucket: R2Bucket, folders: Iterable[Path]) -> list[str]:
    """The keys that had to be written."""
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


def _objects_of(folder: Path) -> Iterator[tuple[str, bytes]]:
    """The module comes before the contract, which is what makes a new component known. Raises CliError."""
    for contract in sorted(folder.glob("*/contract.yaml")):
        name = contract.parent.name
        module = contract.parent / f"{name}.wasm"
        if not module.is_file():
            raise CliError(f"{module} is not there.", f"Build the component first: {contract.parent}")
        yield f"{name}.wasm", module.read_bytes()
        yield f"{name}.contract.yaml", contract.read_bytes()
