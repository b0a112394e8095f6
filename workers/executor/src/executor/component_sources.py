"""The sources of components that are not bundled: the account's bucket by name, then the registry."""

import asyncio
import hashlib
from dataclasses import dataclass
from typing import Protocol

from arcrun.contracts.model import Contract
from arcrun.contracts.parse import parse_contract
from arcrun.errors import ComponentError
from arcrun.interruptible import Pause, run_steps_pausing
from arcrun.ports import Blob, BlobStore, ComponentRegistry
from arcrun.registry.package import module_key
from arcrun.wasm.seal import metered_key
from arcrun.yaml_text import parse_json_or_yaml_in_steps

Fingerprint = tuple[str, str]  # changes with the component


@dataclass(frozen=True)
class StoredComponent:
    """A component as stored. `module` is the WebAssembly or main.js, `metered` the metered module, None if none is
    stored.
    """

    contract: Contract
    module: bytes
    metered: bytes | None
    fingerprint: Fingerprint


class ComponentSource(Protocol):
    """Finds components. `reference` is `id` or `id@v1`."""

    async def find_fingerprint(self, reference: str) -> Fingerprint | None:
        """The fingerprint of the current component; None if there is none."""

    async def read(self, reference: str) -> StoredComponent | None:
        """The component; None if there is none. Raises ComponentError INVALID_CONTRACT, ContractError."""

    async def explain(self, reference: str) -> list[str]:
        """Lines that say why the component was not found, for the error's details."""


class BucketSource:
    """Reads `{reference}.contract.yaml`, and `{reference}.wasm` or, if its contract says so, `{reference}.js`. `pause`
    (`Clock.pause`) yields to other requests.
    """

    def __init__(self, bucket: BlobStore, pause: Pause) -> None:
        self._bucket, self._pause = bucket, pause

    async def find_fingerprint(self, reference: str) -> Fingerprint | None:
        module, contract = await self._read_etags(reference)
        if contract and not module:
            module = await self._bucket.etag(_javascript_key(reference))
        return (module, contract) if module and contract else None

    async def read(self, reference: str) -> StoredComponent | None:
        module, contract = await asyncio.gather(*(self._bucket.get(key) for key in _keys_of(reference)))
        if contract is None:
            return None
        if module is None:
            return await self._read_javascript(reference, contract)
        metered = await self._bucket.get(metered_key(hashlib.sha256(module.content).hexdigest()))
        return StoredComponent(
            await _read_contract(reference, contract.content, self._pause),
            module.content,
            metered.content if metered else None,
            (module.etag, contract.etag),
        )

    async def _read_javascript(self, reference: str, contract: Blob) -> StoredComponent | None:
        main = await self._bucket.get(_javascript_key(reference))
        if main is None:
            return None
        parsed = await _read_contract(reference, contract.content, self._pause)
        return StoredComponent(parsed, main.content, None, (main.etag, contract.etag)) if parsed.is_javascript else None

    async def explain(self, reference: str) -> list[str]:
        found = zip(_keys_of(reference), await self._read_etags(reference), strict=True)
        return [f"bucket: {key} {'is there' if etag else 'is not there'}" for key, etag in found]

    async def _read_etags(self, reference: str) -> list[str | None]:
        return await asyncio.gather(*(self._bucket.etag(key) for key in _keys_of(reference)))


class RegistrySource:
    """Components that the registry shows this executor; their bytes are in the same bucket, under their hashes."""

    def __init__(self, registry: ComponentRegistry, bucket: BlobStore) -> None:
        self._registry, self._bucket = registry, bucket

    async def find_fingerprint(self, reference: str) -> Fingerprint | None:
        found = await self._registry.find(reference)
        return (found.sha256, found.contract_sha256) if found else None

    async def read(self, reference: str) -> StoredComponent | None:
        found = await self._registry.find(reference)
        if found is None:
            return None
        fingerprint = (found.sha256, found.contract_sha256)
        return await read_stored(self._bucket, parse_contract(found.contract), found.sha256, fingerprint)

    async def explain(self, reference: str) -> list[str]:
        found = await self._registry.find(reference)
        return [f"registry: {f'its module {found.sha256} is not in the bucket' if found else 'it has none'}"]


async def read_stored(
    bucket: BlobStore, contract: Contract, sha256: str, fingerprint: Fingerprint = ("", "")
) -> StoredComponent | None:
    """The component whose module is in the bucket under its hash; None if it is missing or has another hash."""
    if contract.is_javascript:
        module, metered = await bucket.get(module_key(sha256, is_javascript=True)), None
    else:
        module, metered = await asyncio.gather(bucket.get(module_key(sha256)), bucket.get(metered_key(sha256)))
    if module is None or hashlib.sha256(module.content).hexdigest() != sha256:
        return None
    return StoredComponent(contract, module.content, metered.content if metered else None, fingerprint)


def _keys_of(reference: str) -> tuple[str, str]:
    return f"{reference}.wasm", f"{reference}.contract.yaml"


def _javascript_key(reference: str) -> str:
    return f"{reference}.js"


async def _read_contract(reference: str, content: bytes, pause: Pause) -> Contract:
    try:
        contract = parse_contract(await run_steps_pausing(parse_json_or_yaml_in_steps(content.decode()), pause))
    except ValueError:
        message = f"`{reference}.contract.yaml` is not YAML."
        raise ComponentError(message, code="INVALID_CONTRACT", next_actions=["Upload it again."]) from None
    if contract.canonical_id != reference.partition("@")[0]:
        message = f"`{reference}.contract.yaml` is the contract of `{contract.canonical_id}`."
        raise ComponentError(message, code="INVALID_CONTRACT", next_actions=["Upload the matching contract."])
    return contract
