"""A ComponentRunner with wasmtime, with limits on fuel, memory and time."""

import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import wasmtime

from acr.bench.component_call import USED_UP, CallEndedError, WasmtimeCall
from arcrun.limits import MAX_MEMORY_PAGES
from arcrun.wasm import abi
from arcrun.wasm.abi import Execution, ExitKind, HostFunctions
from arcrun.wasm.component import Component
from arcrun.wasm.costs import SANDBOX_FUEL
from arcrun.wasm.metering import DEFAULT_FUEL, FUEL_EXPORT

MAX_TABLE_ENTRIES = 1_000_000
MAX_STACK_BYTES = 1024 * 1024  # as much as V8 has


@dataclass(frozen=True)
class WasmtimeRunner:
    """`fuel` is a metered module's budget; `deadline_s` ends any call, metered or not, that runs longer."""

    fuel: int = DEFAULT_FUEL
    deadline_s: float = 20.0

    async def run(self, component: Component, stdin: str, host: HostFunctions, fuel: int = SANDBOX_FUEL) -> Execution:
        """Run in the caller's thread until it ends; `host` must answer without waiting. `fuel` is ignored in favour of
        the runner's own.
        """
        assert component.module is not None
        return self.call(component.module, stdin.encode(), host)

    def call(self, module: bytes, stdin: bytes, host: HostFunctions) -> Execution:
        """Call `module` in a fresh instance, with arbitrary bytes as its input."""
        call = WasmtimeCall(stdin, host)
        linker = wasmtime.Linker(_engine())
        call.define_on(linker)
        store = _build_store()
        with self._deadline(store):
            return self._start(store, linker, module, call)

    def _start(self, store: wasmtime.Store, linker: wasmtime.Linker, module: bytes, call: WasmtimeCall) -> Execution:
        try:
            compiled = compile_module(module)
            instance = _run(lambda: linker.instantiate(store, compiled))
        except wasmtime.WasmtimeError as error:
            return _not_loaded(_last_line(error))
        if isinstance(instance, _End):  # a start function's
            return _describe(call, instance, 0, None)
        exports = instance.exports(store)
        fuel, start, memory = exports.get(FUEL_EXPORT), exports.get("_start"), exports.get("memory")
        if not isinstance(start, wasmtime.Func) or not isinstance(memory, wasmtime.Memory):
            return _not_loaded("it does not export `memory` and `_start`")
        tank = fuel if isinstance(fuel, wasmtime.Global) else None
        if tank is not None:
            tank.set_value(store, self.fuel)
        call.begin(memory, tank)
        end = _call(start, store)
        used = None if tank is None else self.fuel - int(tank.value(store))
        if used is not None and used > self.fuel and end.kind is not ExitKind.DEADLINE_EXCEEDED:
            end = _End(ExitKind.FUEL_EXHAUSTED, -1, USED_UP)  # overspent fuel is a failure, whatever the exit code
        return _describe(call, end, memory.data_len(store), used)

    @contextmanager
    def _deadline(self, store: wasmtime.Store) -> Iterator[None]:
        store.set_epoch_deadline(1)
        timer = threading.Timer(self.deadline_s, _engine().increment_epoch)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


@functools.cache
def _engine() -> wasmtime.Engine:
    config = wasmtime.Config()
    config.epoch_interruption = True
    config.max_wasm_stack = MAX_STACK_BYTES
    config.cache = True  # on disk: `code` takes seconds to compile
    return wasmtime.Engine(config)


@functools.lru_cache(maxsize=128)
def compile_module(module: bytes) -> wasmtime.Module:
    """Compile a module, cached. Raises wasmtime.WasmtimeError."""
    return wasmtime.Module(_engine(), module)


def _build_store() -> wasmtime.Store:
    store = wasmtime.Store(_engine())
    store.set_limits(memory_size=MAX_MEMORY_PAGES * abi.PAGE_BYTES, table_elements=MAX_TABLE_ENTRIES)
    return store


class _End(NamedTuple):
    """How a call ended, as in Execution."""

    kind: ExitKind
    exit_code: int
    message: str


def _call(start: wasmtime.Func, store: wasmtime.Store) -> _End:
    try:
        end = _run(lambda: start(store))
    except wasmtime.WasmtimeError as error:
        return _End(ExitKind.TRAPPED, -1, _last_line(error))
    return end if isinstance(end, _End) else _End(ExitKind.EXITED, 0, "")


def _run(code: Callable[[], Any]) -> Any:
    """The result of `code`, which runs a module's code, or an _End if it ended the call.

    Raises wasmtime.WasmtimeError.
    """
    try:
        return code()
    except CallEndedError as ended:
        return _End(ended.kind, ended.exit_code, ended.message)
    except wasmtime.Trap as trap:
        if trap.trap_code is wasmtime.TrapCode.INTERRUPT:
            return _End(ExitKind.DEADLINE_EXCEEDED, -1, "out of time")
        return _End(ExitKind.TRAPPED, -1, _last_line(trap))


def _not_loaded(message: str) -> Execution:
    return Execution(ExitKind.NOT_LOADED, -1, message, "", "", 0)


def _last_line(error: Exception) -> str:
    """The error's last line: wasmtime puts the cause after the backtrace."""
    return str(error).strip().rpartition("\n")[2].strip().removeprefix("wasm trap: ")


def _describe(call: WasmtimeCall, end: _End, memory_bytes: int, fuel_used: int | None) -> Execution:
    try:
        stdout = call.stdout.decode()
    except UnicodeDecodeError:
        stdout, end = "", _End(ExitKind.NOT_UTF8, 0, "") if end[:2] == (ExitKind.EXITED, 0) else end
    return Execution(*end, stdout, call.stderr.decode(errors="replace"), memory_bytes, fuel_used)
