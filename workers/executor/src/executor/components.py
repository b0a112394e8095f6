"""Finds components and calls them.

They come from the Worker's own bundle, then from the bucket, then from the registry. A module that is not bundled is
metered at its first use. The metered module is stored in the bucket, under the module's hash (arcrun/wasm/seal.py), so
that later isolates need not meter it again; an incomplete one is replaced.
"""

import hashlib
import re
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from arcrun.caches import Cache, CacheSpace
from arcrun.contracts.parse import parse_contract
from arcrun.engine.budget import BudgetedHttpClient, RunBudget
from arcrun.engine.input_check import VALIDATOR_ID, read_mismatches
from arcrun.errors import ComponentError
from arcrun.interruptible import run_steps_pausing
from arcrun.json_text import write_json
from arcrun.limits import CALL_CPU_MS, MAX_CACHED_MODULE_BYTES, MAX_METERED_ON_USE_BYTES, MAX_NODE_CPU_MS
from arcrun.ports import AiModel, Background, BlobStore, Clock, ComponentRegistry, HttpClient, Random, TextDecoder
from arcrun.store.access import Caller, StoreAccess
from arcrun.store.protocol import StoreObject
from arcrun.wasm.abi import Execution, HostFunctions, Outcome, read_outcome
from arcrun.wasm.component import (
    ENGINE_ID,
    BundledComponent,
    Component,
    ComponentRunner,
    build_in_steps,
    fuel_of_bundled,
    fuel_of_stored,
)
from arcrun.wasm.host import BLOB, STORE, PortHostFunctions
from arcrun.wasm.seal import is_sealed, metered_key
from executor.component_sources import (
    BucketSource,
    ComponentSource,
    Fingerprint,
    RegistrySource,
    StoredComponent,
    read_stored,
)

if TYPE_CHECKING:
    from arcrun.blobs.access import BlobAccess
    from arcrun.blobs.vault import BlobVault
    from executor.authorization.access_tokens import AccessTokenStore
    from executor.authorization.requests import AuthorizedHttpClient

# A warm isolate sees a component that was replaced in the bucket after at most this time.
FRESH_MS = 5_000
REFERENCE_PATTERN = re.compile(r"[a-z][a-z0-9_]{0,127}(@v[0-9]{1,9})?")
STRETCH_CHARACTERS = 256 * 1024  # of JSON, which takes some 10 ms to write or to parse


@dataclass
class _Cached:
    component: Component
    source: ComponentSource
    fingerprint: Fingerprint
    checked_ms: float


class ComponentResolver:
    """Finds components by reference. `registry` is None if the account has none. Without `has_names` the bucket is not
    searched by name: components stored by name belong to the account and are not for tenants.
    """

    def __init__(
        self,
        bundle: Mapping[str, BundledComponent],
        bucket: BlobStore,
        clock: Clock,
        background: Background,
        registry: ComponentRegistry | None = None,
        *,
        has_names: bool = True,
    ) -> None:
        self._bundle, self._bucket, self._clock, self._background = bundle, bucket, clock, background
        self.registry = registry
        self._sources: list[ComponentSource] = [BucketSource(bucket, clock.pause)] if has_names else []
        if registry is not None:
            self._sources.append(RegistrySource(registry, bucket))
        self._bundled: dict[str, Component] = {}
        self._moved: dict[str, Component] = {}  # bundled components with their code, by hash
        self._cached: Cache[_Cached] = Cache(space=CacheSpace(MAX_CACHED_MODULE_BYTES))
        self._written: set[str] = set()

    async def find(self, reference: str) -> Component:
        """The component that `reference` names, `id` or `id@v2`.

        Raises ComponentError: COMPONENT_NOT_FOUND, INVALID_CONTRACT and the codes of `build_component`.
        """
        return self._find_bundled(reference) or await self._find_stored(reference)

    async def find_sandboxed(self, bundled: Component) -> Component:
        """The bundled component with its code, which the registry stores in the bucket under its hash.

        Raises ComponentError CODE_NOT_STORED.
        """
        cached = self._moved.get(bundled.sha256)
        if cached is None:
            stored = await read_stored(self._bucket, bundled.contract, bundled.sha256)
            if stored is None:
                raise ComponentError(
                    f"`{bundled.id}` needs a sandbox (by cpu_ms or isolate), but its code is not in the bucket.",
                    code="CODE_NOT_STORED",
                    http_status=503,
                    next_actions=[
                        "Publish the built-in components to the registry, which stores it: acr deploy, or acr dev.",
                        "Locally this takes some seconds after the start; try again then.",
                    ],
                )
            cached = self._moved[bundled.sha256] = await self._build(bundled.id, stored)
        return cached

    def find_runnable(self, component: Component) -> Component:
        """The component whose module runs this one: itself, or for JavaScript the engine, which is bundled."""
        engine = None if component.source is None else self._find_bundled(ENGINE_ID)
        return engine or component

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
            contract = replace(parse_contract(entry.contract), is_ours=True)
            component = Component(contract, entry.sha256, source=entry.source)
            self._bundled[component_id] = component
        return component

    async def _find_stored(self, reference: str) -> Component:
        if not REFERENCE_PATTERN.fullmatch(reference):
            raise self._not_found(reference, [])
        cached, now_ms = self._cached.get(reference), self._clock.now_ms()
        if cached is not None:
            if now_ms - cached.checked_ms < FRESH_MS:
                return cached.component
            if await self._is_unchanged(reference, cached):
                cached.checked_ms = now_ms
                return cached.component
            self._cached.pop(reference)
        for source in self._sources:
            stored = await source.read(reference)
            if stored is not None:
                component = await self._build(reference, stored)
                entry = _Cached(component, source, stored.fingerprint, now_ms)
                self._cached.put(reference, entry, len(component.module or component.source or b""))
                return component
        raise self._not_found(reference, [line for source in self._sources for line in await source.explain(reference)])

    async def _is_unchanged(self, reference: str, cached: _Cached) -> bool:
        """Whether the first source that has the component is the cached one's, with the same fingerprint."""
        for source in self._sources:
            fingerprint = await source.find_fingerprint(reference)
            if fingerprint is not None:
                return source is cached.source and fingerprint == cached.fingerprint
        return False

    async def _build(self, reference: str, stored: StoredComponent) -> Component:
        """Build a component, yielding to other requests: a large module takes seconds."""
        if stored.contract.is_javascript:
            from arcrun.wasm.javascript import build_javascript  # noqa: PLC0415 - most executors have none

            return build_javascript(stored.contract, stored.module)
        if len(stored.module) > MAX_METERED_ON_USE_BYTES and not _is_metered(stored):
            raise _too_large(reference, len(stored.module))
        steps = build_in_steps(stored.contract, stored.module, stored.metered)
        component = await run_steps_pausing(steps, self._clock.pause)
        if component.module != stored.metered:
            self._keep_metered(component)
        return component

    def _keep_metered(self, component: Component) -> None:
        """Store the metered module after the answer; once per isolate, since concurrent calls all get here."""
        key, module = metered_key(component.sha256), component.module
        if module is not None and key not in self._written:
            self._written.add(key)
            self._background.start(self._bucket.put(key, module))

    def _not_found(self, reference: str, looked: list[str]) -> ComponentError:
        return ComponentError(
            f"There is no component `{reference}`.",
            code="COMPONENT_NOT_FOUND",
            http_status=404,
            next_actions=[
                "Check the spelling against the list of components: acr parts list",
                "Or publish your own to the registry: acr parts publish DIR",
            ],
            details={"component": reference, "looked_in": [f"bundle: {len(self._bundle)} components", *looked]},
        )


def _is_metered(stored: StoredComponent) -> bool:
    return stored.metered is not None and is_sealed(stored.metered, hashlib.sha256(stored.module).hexdigest())


def _too_large(reference: str, size: int) -> ComponentError:
    return ComponentError(
        f"The module of `{reference}` has {size >> 10} KiB and is not metered yet; the executor meters up to "
        f"{MAX_METERED_ON_USE_BYTES >> 10} KiB.",
        code="MODULE_TOO_LARGE",
        next_actions=[
            "If it came from the registry, publish it again, which meters it: acr parts publish DIR",
            "If it is in the bucket, upload it metered: acr parts install, or acr deploy --components DIR",
        ],
        details={"component": reference, "bytes": size},
    )


@dataclass(frozen=True)
class _Called:
    """A component that is called, that whose module runs it, and who calls it."""

    component: Component
    runnable: Component
    caller: Caller | None


@dataclass(frozen=True)
class ComponentCaller:
    """Implements the engine's `Components`. `turn` is entered around each call."""

    resolver: ComponentResolver
    runner: ComponentRunner
    http: HttpClient
    clock: Clock
    random: Random
    ai: AiModel | None = None
    decoder: TextDecoder | None = None
    reaches_local: bool = False
    has_sandbox: bool = True
    turn: Callable[[], AbstractAsyncContextManager[None]] | None = None
    most_cpu_ms: int = MAX_NODE_CPU_MS
    open_store: Callable[[], StoreObject] | None = None
    open_blobs: Callable[[], "BlobVault"] | None = None
    open_tokens: Callable[[], "AccessTokenStore"] | None = None

    async def find(self, reference: str) -> Component:
        return await self.resolver.find(reference)

    def call(
        self,
        component: Component,
        input_value: Mapping[str, Any],
        budget: RunBudget,
        cpu_ms: int | None = None,
        caller: Caller | None = None,
    ) -> Coroutine[Any, Any, Outcome]:
        if cpu_ms is not None:
            self.require_cpu(component.id, cpu_ms)
        called = _Called(component, self.resolver.find_runnable(component), caller)
        if component.contract.exchanged_keys and caller is not None and self.open_tokens is not None:
            return self._call_with_tokens(called, input_value, budget, cpu_ms)
        return self._place(called, input_value, budget, cpu_ms)

    def _place(
        self, called: _Called, input_value: Mapping[str, Any], budget: RunBudget, cpu_ms: int | None
    ) -> Coroutine[Any, Any, Outcome]:
        """A call in this isolate, or in a sandbox."""
        key, runnable = called.component.contract.isolate_key, called.runnable
        is_apart = key and input_value.get(key) is True
        if runnable.module is None and (cpu_ms or 0) <= CALL_CPU_MS and not is_apart:
            return self._call(called, input_value, budget, fuel_of_bundled(runnable.id, cpu_ms))
        return self._call_in_sandbox(called, input_value, budget, cpu_ms)

    async def _call_with_tokens(
        self, called: _Called, input_value: Mapping[str, Any], budget: RunBudget, cpu_ms: int | None
    ) -> Outcome:
        from executor.authorization.exchanges import Exchanges  # noqa: PLC0415 - few components take such tokens

        assert called.caller is not None
        assert self.open_tokens is not None

        def call(value: Mapping[str, Any]) -> Coroutine[Any, Any, Outcome]:
            return self._place(called, value, budget, cpu_ms)

        http = BudgetedHttpClient(self.http, budget.subrequests)
        exchanges = Exchanges(self.open_tokens(), http, budget.subrequests.take)
        return await exchanges.call(call, called.component.contract, input_value, called.caller)

    def require_cpu(self, component_id: str, cpu_ms: int) -> None:
        """Raises ComponentError CPU_MS_LIMIT."""
        if cpu_ms > self.most_cpu_ms:
            raise ComponentError(
                f"`{component_id}` requests {cpu_ms} ms of computing time (cpu_ms), but this platform allows "
                f"an account {self.most_cpu_ms} ms.",
                code="CPU_MS_LIMIT",
                http_status=422,
                next_actions=[f"Set cpu_ms to {self.most_cpu_ms} or less, and give the component less to do at once."],
                details={"cpu_ms": cpu_ms, "limit_ms": self.most_cpu_ms},
            )

    async def _call_in_sandbox(
        self, called: _Called, input_value: Mapping[str, Any], budget: RunBudget, cpu_ms: int | None
    ) -> Outcome:
        runnable = called.runnable
        fuel = fuel_of_bundled(runnable.id, cpu_ms) if runnable.module is None else fuel_of_stored(cpu_ms)
        if runnable.module is None:
            runnable = await self._move_to_sandbox(runnable, budget)
            called = replace(called, runnable=runnable)
        budget.subrequests.take()  # its sandbox is called over RPC
        async with budget.sandboxes.turn(runnable.sha256, self.clock):
            return await self._call(called, input_value, budget, fuel)

    async def _move_to_sandbox(self, component: Component, budget: RunBudget) -> Component:
        """The bundled component with its code, for a sandbox, where a long computation blocks no other request.

        Raises ComponentError SANDBOX_UNAVAILABLE, CODE_NOT_STORED.
        """
        if not self.has_sandbox:
            raise ComponentError(
                f"`{component.id}` requests more than {CALL_CPU_MS} ms of computing time (cpu_ms), or a sandbox "
                "(isolate), but this Worker has no LOADER binding to make one.",
                code="SANDBOX_UNAVAILABLE",
                http_status=503,
                next_actions=[
                    f"Set cpu_ms to {CALL_CPU_MS} or less, without isolate, and give the component less to do at once.",
                    "Or move the account to the Workers paid plan, which has the Worker Loader, and deploy again.",
                ],
            )
        budget.subrequests.take(3)
        return await self.resolver.find_sandboxed(component)

    async def _call(self, called: _Called, input_value: Mapping[str, Any], budget: RunBudget, fuel: int) -> Outcome:
        if self.turn is None:
            execution = await self._execute(called, input_value, budget, fuel)
        else:
            async with self.turn():
                execution = await self._execute(called, input_value, budget, fuel)
        if len(execution.stdout) > STRETCH_CHARACTERS:
            await self.clock.pause()
        budget.subrequests.require_kept()
        if budget.work.is_limited:
            budget.work.take_read(len(execution.stdout))
            budget.work.take_fuel(execution.fuel_used or 0)
        return read_outcome(execution, called.component.id)

    async def _execute(
        self, called: _Called, input_value: Mapping[str, Any], budget: RunBudget, fuel: int
    ) -> Execution:
        component, caller = called.component, called.caller
        stdin = write_json(input_value)
        if component.source is not None:
            from arcrun.wasm.javascript import write_call  # noqa: PLC0415 - most executors have none

            stdin = write_call(component.source, stdin)
        if budget.work.is_limited:
            budget.work.take_written(len(stdin))
            fuel = budget.work.clamp_fuel(fuel)
        if len(stdin) > STRETCH_CHARACTERS:  # writing it and running the component are two stretches of work
            await self.clock.pause()
        hosts_key = component.contract.hosts_key
        key = id(component.contract)  # its host functions keep the contract alive
        hosts = input_value.get(hosts_key) or () if hosts_key else None
        host = budget.lent.get(key)
        auth_key = component.contract.auth_key
        if auth_key and auth_key in input_value:
            http = await self._authorize(input_value[auth_key], budget, caller)
            host = self._lend(component, budget, hosts, caller, http=http)
            execution = await self.runner.run(called.runnable, stdin, host, fuel)
            if http.failure is not None:
                raise http.failure
            return execution
        if caller is not None:
            host = self._lend(component, budget, hosts, caller)
        elif hosts is not None:
            host = self._lend(component, budget, hosts, kind=str(hash(str(input_value.get("source")))))
        elif host is None:
            host = budget.lent[key] = self._lend(component, budget)
        return await self.runner.run(called.runnable, stdin, host, fuel)

    def _open_stores(self, caller: Caller, budget: RunBudget) -> StoreAccess | None:
        if self.open_store is None:
            return None
        return StoreAccess(self.open_store(), caller, budget.subrequests.take, partial(self._check_secrets, caller))

    def _open_blobs(self, open_vault: "Callable[[], BlobVault]", caller: Caller, budget: RunBudget) -> "BlobAccess":
        from arcrun.blobs.access import BlobAccess  # noqa: PLC0415 - few runs have any

        return BlobAccess(open_vault(), self.random, caller.run_id, caller.origin, budget.take_piece)

    async def _check_secrets(self, caller: Caller, operation: Mapping[str, Any]) -> None:
        """Raises HostFunctionError STORE_SECRET."""
        from executor.stores.secrets import require_no_secret  # noqa: PLC0415 - few runs have secrets, and stores

        await require_no_secret(caller.secrets.values(), operation, self.clock.pause)

    async def _authorize(self, given: Any, budget: RunBudget, caller: Caller | None) -> "AuthorizedHttpClient":
        """The client of a call whose requests prove who sends them. Raises ArcrunError."""
        from executor.authorization.calls import authorize  # noqa: PLC0415 - few nodes have `auth`

        http = BudgetedHttpClient(self.http, budget.subrequests)
        ports: dict[str, Any] = {"open_tokens": self.open_tokens, "clock": self.clock}
        return await authorize(given, caller, http=http, take=budget.subrequests.take, **ports)

    def _lend(
        self,
        component: Component,
        budget: RunBudget,
        hosts: Sequence[str] | None = None,
        caller: Caller | None = None,
        kind: str = "",
        *,
        http: HttpClient | None = None,
    ) -> HostFunctions:
        """The host functions for all calls of a component in a run; or for one, that may reach only these `hosts`, or
        has the stores and blobs of `caller`. `kind` tells what takes other memory than the component's other calls.
        """
        capabilities, stores, open_blobs = component.contract.capabilities, None, None
        if caller is not None and STORE in capabilities:
            stores = self._open_stores(caller, budget)
        if caller is not None and BLOB in capabilities and self.open_blobs is not None:
            open_blobs = partial(self._open_blobs, self.open_blobs, caller, budget)
        return PortHostFunctions(
            component.contract,
            http or BudgetedHttpClient(self.http, budget.subrequests),
            self.clock,
            self.random,
            ai=self.ai,
            decoder=self.decoder,
            reaches_local=self.reaches_local,
            stores=stores,
            hosts=hosts,
            kind=kind,
            open_blobs=open_blobs,
        )

    async def find_mismatches(
        self, schema: Mapping[str, Any], value: Any, budget: RunBudget
    ) -> Sequence[tuple[str, str]]:
        """By the bundled validate_json, whose work is always bounded."""
        validator = await self.resolver.find(VALIDATOR_ID)
        return read_mismatches(await self.call(validator, {"value": value, "schema": schema}, budget))
