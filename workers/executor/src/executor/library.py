"""Where components come from: the Worker's own bundle, then the bucket.

A module of the bucket is metered at its first use. What that comes to is kept in the bucket, under the module's hash
(arcrun/wasm/seal.py), and spares later isolates the work; one that is not whole is made and kept anew.
"""

import asyncio
import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from arcrun.contracts.model import Contract
from arcrun.contracts.parse import parse_contract
from arcrun.errors import ComponentError
from arcrun.json_text import parse_json
from arcrun.ports import Background, Blob, BlobStore, Clock
from arcrun.wasm.component import BundledComponent, Component, build_component
from arcrun.wasm.seal import metered_key
from arcrun.yaml_text import parse_yaml

# A component replaced in the bucket is seen by a warm isolate after at most this time.
FRESH_MS = 5_000
REFERENCE_PATTERN = re.compile(r"[a-z][a-z0-9_]{0,127}(@v[0-9]{1,9})?")
MAX_CACHED_BYTES = 16 * 1024 * 1024


@dataclass
class _Cached:
    component: Component
    module_etag: str
    contract_etag: str
    checked_ms: float


class ComponentLibrary:
    def __init__(
        self, bundle: Mapping[str, BundledComponent], bucket: BlobStore, clock: Clock, background: Background
    ) -> None:
        self._bundle, self._bucket, self._clock, self._background = bundle, bucket, clock, background
        self._bundled: dict[str, Component] = {}
        self._cached: dict[str, _Cached] = {}
        self._written: set[str] = set()

    async def find(self, reference: str) -> Component:
        """The component that `reference` names, `id` or `id@v2`.

        Raises ComponentError: COMPONENT_NOT_FOUND, INVALID_CONTRACT and those of `build_component`.
        """
        return self._find_bundled(reference) or await self._find_in_bucket(reference)

    @property
    def bundled_ids(self) -> Collection[str]:
        return self._bundle.keys()

    def _find_bundled(self, reference: str) -> Component | None:
        component_id, _, version = reference.partition("@")
        entry = self._bundle.get(component_id)
        if entry is None or version not in ("", entry.contract["version"]):
            return None
        component = self._bundled.get(component_id)
        if component is None:
            component = Component(parse_contract(entry.contract), entry.sha256)
            self._bundled[component_id] = component
        return component

    async def _find_in_bucket(self, reference: str) -> Component:
        if not REFERENCE_PATTERN.fullmatch(reference):
            raise self._not_found(reference, None, None)
        cached = self._cached.get(reference)
        now_ms = self._clock.now_ms()
        if cached is not None:
            if now_ms - cached.checked_ms < FRESH_MS:
                return cached.component
            if await self._is_unchanged(reference, cached):
                cached.checked_ms = now_ms
                return cached.component
            self._cached.pop(reference, None)
        (module, metered), contract = await asyncio.gather(
            self._read_module(reference), self._bucket.get(f"{reference}.contract.yaml")
        )
        if module is None or contract is None:
            raise self._not_found(reference, module, contract)
        component = build_component(_read_contract(reference, contract.content), module.content, metered)
        if component.module != metered:
            self._keep_metered(component)
        self._keep(reference, _Cached(component, module.etag, contract.etag, now_ms))
        return component

    async def _read_module(self, reference: str) -> tuple[Blob | None, bytes | None]:
        """The module as published, and the metered one that is kept of it."""
        module = await self._bucket.get(f"{reference}.wasm")
        if module is None:
            return None, None
        metered = await self._bucket.get(metered_key(hashlib.sha256(module.content).hexdigest()))
        return module, metered.content if metered else None

    def _keep_metered(self, component: Component) -> None:
        """After the answer, which neither waits for it nor fails with it; once, for calls at once all come here."""
        key, module = metered_key(component.sha256), component.module
        if module is not None and key not in self._written:
            self._written.add(key)
            self._background.start(self._bucket.put(key, module))

    async def _is_unchanged(self, reference: str, cached: _Cached) -> bool:
        etags = await asyncio.gather(
            self._bucket.etag(f"{reference}.wasm"), self._bucket.etag(f"{reference}.contract.yaml")
        )
        return list(etags) == [cached.module_etag, cached.contract_etag]

    def _keep(self, reference: str, entry: _Cached) -> None:
        self._cached[reference] = entry
        while len(self._cached) > 1 and self._cached_bytes() > MAX_CACHED_BYTES:
            del self._cached[next(iter(self._cached))]

    def _cached_bytes(self) -> int:
        return sum(len(entry.component.module or b"") for entry in self._cached.values())

    def _not_found(self, reference: str, module: Blob | None, contract: Blob | None) -> ComponentError:
        looked = [f"bundle: {len(self._bundle)} components"]
        for name, found in ((f"{reference}.wasm", module), (f"{reference}.contract.yaml", contract)):
            looked.append(f"bucket: {name} {'is there' if found else 'is not there'}")
        return ComponentError(
            f"There is no component `{reference}`.",
            code="COMPONENT_NOT_FOUND",
            http_status=404,
            next_actions=[
                "Check the spelling against the list of components: acr parts.",
                f"Or put `{reference}.wasm` and `{reference}.contract.yaml` into the bucket.",
            ],
            details={"component": reference, "looked_in": looked},
        )


def _read_contract(reference: str, content: bytes) -> Contract:
    """JSON is tried first: it is YAML too, and a hundred times faster to read in a Worker."""
    try:
        text = content.decode()
        try:
            source = parse_json(text)
        except ValueError:
            source = parse_yaml(text).value
    except ValueError:
        message = f"`{reference}.contract.yaml` is not YAML."
        raise ComponentError(message, code="INVALID_CONTRACT", next_actions=["Upload it again."]) from None
    contract = parse_contract(source)
    if contract.canonical_id != reference.partition("@")[0]:
        message = f"`{reference}.contract.yaml` is the contract of `{contract.canonical_id}`."
        raise ComponentError(message, code="INVALID_CONTRACT", next_actions=["Upload the matching contract."])
    return contract
