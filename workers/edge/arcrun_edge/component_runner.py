"""ComponentRunner on the platform: bundled modules in this isolate, modules given as bytes in a sandboxed one.

Compiling bytes is refused in a Worker. A module in the upload arrives compiled (`import_from_javascript`); bytes go to
the Worker Loader, which makes an isolate of them, keyed by their hash, without network and without bindings.
"""

import asyncio
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from js import Object
from pyodide.ffi import JsException, JsProxy, create_proxy, jsnull, to_js

from arcrun.errors import ComponentError
from arcrun.limits import (
    MAX_REPLY_BYTES,
    MAX_REQUEST_BYTES,
    MAX_STDERR_BYTES,
    MAX_STDOUT_BYTES,
    MAX_SUBSCRIPTIONS,
    MAX_VECTORS,
)
from arcrun.ports import ComponentRunner
from arcrun.wasm.abi import Execution, ExitKind, HostFunctions
from arcrun.wasm.component import Component
from arcrun.wasm.metering import DEFAULT_FUEL, METERING_VERSION
from arcrun_edge.faults import naming_faults
from workers import import_from_javascript

SANDBOX_COMPATIBILITY_DATE = "2026-11-01"


class PlatformRunner:
    """Sends a component to the tier that can run it. `loader` is the Worker Loader binding, None on the free plan."""

    def __init__(self, loader: Any | None) -> None:
        self._bundled: ComponentRunner = BundledRunner()
        self._sandbox: ComponentRunner | None = SandboxRunner(loader) if loader is not None else None

    async def run(self, component: Component, stdin: str, host: HostFunctions) -> Execution:
        if component.module is None:
            return await self._bundled.run(component, stdin, host)
        if self._sandbox is None:
            raise _sandbox_unavailable(component.id)
        return await self._sandbox.run(component, stdin, host)


class BundledRunner:
    """Instantiates a module of the Worker's own upload, in this isolate."""

    async def run(self, component: Component, stdin: str, host: HostFunctions) -> Execution:
        with naming_faults(f"The runner of `{component.id}`", "RUNNER_FAILED"):
            module, waits = _bundled_module(component.id)
            if not waits:  # it cannot call the host, so it needs no proxy, which costs more than its call
                return _read_execution(_component_host().run(module, stdin, *_surroundings(host), None))
            with _host_call(host) as call_host:
                return _read_execution(await _component_host().run(module, stdin, *_surroundings(host), call_host))


class SandboxRunner:
    """Runs bytes in an isolate made by the Worker Loader. The platform keeps it warm by its id."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader

    async def run(self, component: Component, stdin: str, host: HostFunctions) -> Execution:
        code = create_proxy(lambda: _worker_code(component))
        try:
            return await _call_sandbox(self._loader.get(_isolate_id(component), code), stdin, host)
        finally:
            code.destroy()


class FreshSandboxRunner:
    """Runs bytes in an isolate of their own for each call, which nobody keeps."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader

    async def run(self, component: Component, stdin: str, host: HostFunctions) -> Execution:
        return await _call_sandbox(self._loader.load(_worker_code(component)), stdin, host)


async def _call_sandbox(stub: Any, stdin: str, host: HostFunctions) -> Execution:
    try:
        with _host_call(host) as call_host:
            result = await stub.getEntrypoint().call(stdin, *_surroundings(host), call_host)
    except JsException as error:
        return Execution(ExitKind.NOT_LOADED, -1, error.message, "", "", 0)
    return _read_execution(result)


@contextmanager
def _host_call(host: HostFunctions) -> Iterator[Any]:
    """The JavaScript face of a component's host functions. A call that is cancelled takes what it has asked along."""
    pending: set[asyncio.Task[str]] = set()

    async def answer(name: str, request: str) -> JsProxy:
        task = asyncio.ensure_future(host.answer(name, request))
        pending.add(task)
        task.add_done_callback(pending.discard)
        reply = await task
        return to_js([reply, host.now_ms()])

    proxy = create_proxy(answer)
    try:
        yield proxy
    finally:
        for task in pending:
            task.cancel()
        proxy.destroy()


def _surroundings(host: HostFunctions) -> tuple[JsProxy, str, float]:
    """Limits, seed and time, as `run` in component_host.mjs takes them."""
    return _limits(), host.seed().hex(), host.now_ms()


@cache
def _limits() -> JsProxy:
    limits = {
        "maxStdoutBytes": MAX_STDOUT_BYTES,
        "maxStderrBytes": MAX_STDERR_BYTES,
        "maxRequestBytes": MAX_REQUEST_BYTES,
        "maxReplyBytes": MAX_REPLY_BYTES,
        "maxVectors": MAX_VECTORS,
        "maxSubscriptions": MAX_SUBSCRIPTIONS,
        "fuel": DEFAULT_FUEL,
    }
    return to_js(limits, dict_converter=Object.fromEntries)


def _read_execution(result: Any) -> Execution:
    if isinstance(result, str):
        digits, _, stdout = result.partition("\n")
        return Execution(ExitKind.EXITED, 0, "", stdout, "", 0, int(digits) if digits else None)
    kind, exit_code, message, stdout, stderr, memory_bytes, fuel = result
    fuel_used = None if fuel is jsnull else int(fuel)
    return Execution(ExitKind(kind), exit_code, message, stdout, stderr, memory_bytes, fuel_used)


@cache
def _bundled_module(component_id: str) -> tuple[Any, bool]:
    """The compiled module, and whether it waits for the host."""
    module = _import_default(f"components/{component_id}.wasm")
    return module, bool(_component_host().waits(module))


def _worker_code(component: Component) -> JsProxy:
    return to_js(
        {
            "compatibilityDate": SANDBOX_COMPATIBILITY_DATE,
            "mainModule": "sandbox.mjs",
            "modules": {
                "sandbox.mjs": {"js": _import_default("sandbox.mjs.txt")},
                "component_host.mjs": {"js": _import_default("component_host.mjs.txt")},
                "component.wasm": {"wasm": component.module},
            },
            "env": {},
            # None would become undefined, and the sandbox would then inherit the executor's network.
            "globalOutbound": jsnull,
        },
        dict_converter=Object.fromEntries,
    )


def _isolate_id(component: Component) -> str:
    return f"{component.sha256}-{METERING_VERSION}-{_host_version()}"


@cache
def _host_version() -> str:
    """A warm isolate of an older host must not serve a newer executor."""
    sources = _import_default("sandbox.mjs.txt") + _import_default("component_host.mjs.txt")
    return hashlib.sha256(sources.encode()).hexdigest()[:12]


@cache
def _import_default(name: str) -> Any:
    return import_from_javascript(name).default


@cache
def _component_host() -> Any:
    return import_from_javascript("component_host.mjs")


def _sandbox_unavailable(component_id: str) -> ComponentError:
    return ComponentError(
        f"`{component_id}` lies in the bucket, and this Worker has no LOADER binding to run it in a sandbox.",
        code="SANDBOX_UNAVAILABLE",
        http_status=503,
        next_actions=[
            "Move the account to the Workers paid plan, which has the Worker Loader, and deploy again.",
            "Or bundle the component into the executor at the next deploy.",
        ],
    )
