"""ComponentRunner on the platform: runs bundled modules in this isolate, and modules given as bytes in a sandbox.

A Worker may not compile bytes. A module of the upload arrives compiled (`import_from_javascript`). Bytes go to the
Worker Loader, which makes an isolate for them, keyed by their hash, without network and without bindings.
"""

import asyncio
import hashlib
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, NamedTuple

from pyodide.ffi import JsException, JsProxy, create_proxy, jsnull, to_js

from arcrun.errors import ComponentError
from arcrun.limits import (
    MAX_IDLE_INSTANCES,
    MAX_REPLY_BYTES,
    MAX_REQUEST_BYTES,
    MAX_STDERR_BYTES,
    MAX_STDOUT_BYTES,
    MAX_SUBSCRIPTIONS,
    MAX_VECTORS,
    SANDBOX_CPU_FACTOR,
)
from arcrun.ports import Clock
from arcrun.wasm.abi import Execution, ExitKind, HostFunctions
from arcrun.wasm.component import Component, ComponentRunner
from arcrun.wasm.costs import FUEL_A_MS, SANDBOX_FUEL
from arcrun.wasm.host_functions import MEMORY_BUSY
from arcrun.wasm.memory_quota import SMALL_INPUT, Hold, MemoryQuota, estimate_memory
from arcrun.wasm.metering import METERING_VERSION
from arcrun_edge.event_loop import import_module
from arcrun_edge.faults import build_fault
from arcrun_edge.javascript import to_object

SANDBOX_COMPATIBILITY_DATE = "2026-11-01"
_host_sources: list["_HostSources"] = []  # empty until the first read, then one


class PlatformRunner:
    """Runs a component on the tier that it needs. `loader` is the Worker Loader binding; None on the free plan."""

    def __init__(self, loader: Any | None, clock: Clock) -> None:
        self._bundled: ComponentRunner = BundledRunner(clock)
        self._sandbox: ComponentRunner | None = SandboxRunner(loader, clock) if loader is not None else None

    def run(
        self, component: Component, stdin: str, host: HostFunctions, fuel: int = SANDBOX_FUEL
    ) -> Coroutine[Any, Any, Execution]:
        if component.module is None:
            return self._bundled.run(component, stdin, host, fuel)
        if self._sandbox is None:
            raise _sandbox_unavailable(component.id)
        return self._sandbox.run(component, stdin, host, fuel)


class _Bundled(NamedTuple):
    """A module of the upload; whether it waits for the host, and whether it draws randomness."""

    module: Any
    waits: bool
    draws: bool


class BundledRunner:
    """Instantiates modules of the Worker's own upload in this isolate."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._quota = MemoryQuota(clock)
        self._modules: dict[str, _Bundled] = {}
        self._run: Any = None  # `run` of component_host.mjs; None until a module has been imported

    async def _import(self, component_id: str) -> _Bundled:
        """Import a module. Calls that waited for the same import then continue in a stretch of work each."""
        host = await import_module("component_host.mjs")
        module = (await import_module(f"components/{component_id}.wasm")).default
        self._run = host.run
        found = self._modules[component_id] = _Bundled(module, bool(host.waits(module)), bool(host.draws(module)))
        await self._clock.pause()
        return found

    async def run(self, component: Component, stdin: str, host: HostFunctions, fuel: int = SANDBOX_FUEL) -> Execution:
        try:
            module, waits, draws = self._modules.get(component.id) or await self._import(component.id)
            seed = host.seed().hex() if draws else ""
            limits = _limits(fuel, MAX_IDLE_INSTANCES)

            async def run_waiting(memory: _Memory | None) -> Execution:
                with _host_call(host, memory) as call_host:
                    arguments = module, _hand_over(stdin), limits, seed, host.now_ms(), call_host
                    return _read_execution(await self._run(*arguments))

            if waits and host.may_wait():
                async with self._quota.hold(host.kind(), len(stdin)) as hold:
                    return await run_waiting(_Memory(self._quota, hold))
            if len(stdin) > SMALL_INPUT:
                await self._quota.wait_for_room(estimate_memory(len(stdin)))
            if waits:
                return await run_waiting(None)
            # The module cannot call the host, so it gets no proxy, which would cost more than the call.
            return _read_execution(self._run(module, _hand_over(stdin), limits, seed, host.now_ms(), None))
        except JsException as error:
            raise build_fault(f"The runner of `{component.id}`", error, "RUNNER_FAILED") from None


class _Memory(NamedTuple):
    """The memory of a call, counted while it waits."""

    quota: MemoryQuota
    hold: Hold


def _hand_over(stdin: str) -> Any:
    """The input for JavaScript. A long string is passed as bytes, which saves a copy and can be freed early."""
    return stdin if len(stdin) <= SMALL_INPUT else to_js(stdin.encode("utf-8", "replace"))


class SandboxRunner:
    """Runs bytes in an isolate from the Worker Loader, which the platform keeps warm under its id."""

    def __init__(self, loader: Any, clock: Clock) -> None:
        self._loader, self._clock = loader, clock
        self._quotas: dict[str, MemoryQuota] = {}  # by isolate id

    async def run(self, component: Component, stdin: str, host: HostFunctions, fuel: int = SANDBOX_FUEL) -> Execution:
        sources = await _read_host_sources()
        isolate = f"{component.sha256}-{METERING_VERSION}-{sources.version}"
        quota = self._quotas.setdefault(isolate, MemoryQuota(self._clock))
        code = create_proxy(lambda: _worker_code(component, sources))
        try:
            async with quota.hold(host.kind(), len(stdin)) as hold:
                memory = _Memory(quota, hold)
                return await _call_sandbox(self._loader.get(isolate, code), stdin, host, fuel, memory)
        finally:
            code.destroy()
            if quota.is_empty:
                self._quotas.pop(isolate, None)


class FreshSandboxRunner:
    """Runs bytes in a new isolate for each call; none is kept."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader

    async def run(self, component: Component, stdin: str, host: HostFunctions, fuel: int = SANDBOX_FUEL) -> Execution:
        stub = self._loader.load(_worker_code(component, await _read_host_sources()))
        return await _call_sandbox(stub, stdin, host, fuel)


async def _call_sandbox(
    stub: Any, stdin: str, host: HostFunctions, fuel: int, memory: _Memory | None = None
) -> Execution:
    try:
        with _host_call(host, memory) as call_host:
            entrypoint = stub.getEntrypoint(jsnull, _platform_limits(fuel))
            result = await entrypoint.call(stdin, _limits(fuel), host.seed().hex(), host.now_ms(), call_host)
    except JsException as error:
        kind = ExitKind.FUEL_EXHAUSTED if "CPU" in error.message else ExitKind.NOT_LOADED
        return Execution(kind, -1, error.message, "", "", 0)
    return _read_execution(result)


@contextmanager
def _host_call(host: HostFunctions, memory: _Memory | None = None) -> Iterator[Any]:
    """A JavaScript function that answers a component's host calls. Leaving the block cancels those that are pending.

    `memory` counts what the component has when it starts to wait, and when it goes on with the reply.
    """
    pending: set[asyncio.Task[str]] = set()

    def answer(name: str, request: str, memory_bytes: int) -> asyncio.Task[JsProxy]:
        # It is counted synchronously, before another call looks for room.
        if memory is not None and not memory.quota.wait(memory.hold, memory_bytes):
            return asyncio.ensure_future(refuse())
        return asyncio.ensure_future(reply_to(name, request))

    async def refuse() -> JsProxy:
        return to_js([MEMORY_BUSY, host.now_ms()])

    async def reply_to(name: str, request: str) -> JsProxy:
        task = asyncio.ensure_future(host.answer(name, request))
        pending.add(task)
        task.add_done_callback(pending.discard)
        reply = await task
        if memory is not None:
            memory.quota.go_on(memory.hold, len(reply))
        return to_js([reply, host.now_ms()])

    proxy = create_proxy(answer)
    try:
        yield proxy
    finally:
        for task in pending:
            task.cancel()
        proxy.destroy()


@lru_cache(maxsize=64)
def _limits(fuel: int, idle_instances: int = 0) -> JsProxy:
    """The `options` of `run` in component_host.mjs."""
    limits = {
        "maxStdoutBytes": MAX_STDOUT_BYTES,
        "maxStderrBytes": MAX_STDERR_BYTES,
        "maxRequestBytes": MAX_REQUEST_BYTES,
        "maxReplyBytes": MAX_REPLY_BYTES,
        "maxVectors": MAX_VECTORS,
        "maxSubscriptions": MAX_SUBSCRIPTIONS,
        "maxIdleInstances": idle_instances,
        "fuel": fuel,
    }
    return to_object(limits)


@lru_cache(maxsize=64)
def _platform_limits(fuel: int) -> JsProxy:
    """The CPU time that the platform allows a call, in its own measure. It bounds code that is slower than its fuel
    suggests, such as loads that all miss the processor's caches. Local workerd ignores it.
    https://developers.cloudflare.com/dynamic-workers/usage/limits/
    """
    cpu_ms = SANDBOX_CPU_FACTOR * (fuel // FUEL_A_MS)
    return to_object({"limits": {"cpuMs": cpu_ms}})


def _read_execution(result: Any) -> Execution:
    if isinstance(result, str):
        digits, _, stdout = result.partition("\n")
        return Execution(ExitKind.EXITED, 0, "", stdout, "", 0, int(digits) if digits else None)
    kind, exit_code, message, stdout, stderr, memory_bytes, fuel = result
    fuel_used = None if fuel is jsnull else int(fuel)
    return Execution(ExitKind(kind), exit_code, message, stdout, stderr, memory_bytes, fuel_used)


class _HostSources(NamedTuple):
    """The sources that a sandbox runs. `version` is their hash: a warm isolate with an older host must not serve a
    newer executor.
    """

    sandbox: str
    host: str
    version: str


async def _read_host_sources() -> _HostSources:
    if not _host_sources:
        sandbox, host = [(await import_module(f"{name}.mjs.txt")).default for name in ("sandbox", "component_host")]
        version = hashlib.sha256((sandbox + host).encode()).hexdigest()[:12]
        _host_sources.append(_HostSources(sandbox, host, version))
    return _host_sources[0]


def _worker_code(component: Component, sources: _HostSources) -> JsProxy:
    return to_object(
        {
            "compatibilityDate": SANDBOX_COMPATIBILITY_DATE,
            "mainModule": "sandbox.mjs",
            "modules": {
                "sandbox.mjs": {"js": sources.sandbox},
                "component_host.mjs": {"js": sources.host},
                "component.wasm": {"wasm": component.module},
            },
            "env": {},
            # None would become undefined, and the sandbox would then inherit the executor's network.
            "globalOutbound": jsnull,
        }
    )


def _sandbox_unavailable(component_id: str) -> ComponentError:
    return ComponentError(
        f"`{component_id}` is stored in the bucket, and this Worker has no LOADER binding to run it in a sandbox.",
        code="SANDBOX_UNAVAILABLE",
        http_status=503,
        next_actions=[
            "Move the account to the Workers paid plan, which has the Worker Loader, and deploy again.",
            "Or bundle the component into the executor at the next deploy.",
        ],
    )
