"""Runs one call of a component under wasmtime: real WASI streams, limits on fuel and memory, and stubs for the host.

run("string_ops", {"operation": "upper", "input": "abc"}).output == {"success": True, "data": {"result": "ABC"}}
"""

import functools
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import wasmtime
import yaml

from arcrun.contracts.model import Contract, HostStub
from arcrun.contracts.parse import parse_contract
from arcrun.wasm.abi import HOST_FUNCTIONS, HOST_MODULE

COMPONENTS = Path(__file__).parents[2] / "components"
COMPONENT_IDS = sorted(path.parent.name for path in COMPONENTS.glob("*/contract.yaml"))

# About 2 s of computing: enough for a MiB of text, and an endless loop still ends.
FUEL = 2_000_000_000
MEMORY_BYTES = 64 * 1024 * 1024

JsonObject = dict[str, Any]


class StubHost:
    """Answers host calls: `http_request` and `ai_run` from stubs, in order; `requests` and `log` keep what was asked.

    A stub's request is a part of the one that must come. Its response is the reply's value, or {"error": {...}}.
    """

    def __init__(self, http: Sequence[HostStub] = (), ai: Sequence[HostStub] = ()) -> None:
        self._stubs = {"http_request": list(http), "ai_run": list(ai)}
        self.requests: list[tuple[str, Any]] = []
        self.log: list[str] = []

    def answer(self, name: str, request: Any) -> JsonObject:
        self.requests.append((name, request))
        if name == "sleep":
            return {"ok": True, "value": {"waited_ms": request["ms"]}}
        if not self._stubs.get(name):
            return {"ok": False, "error": {"code": "NO_STUB", "message": f"No stub is left for {name}: {request}"}}
        stub = self._stubs[name].pop(0)
        differing = {key: request.get(key) for key in stub.request if request.get(key) != stub.request[key]}
        if differing:
            message = f"The request is not the stub's; it has {differing}"
            return {"ok": False, "error": {"code": "WRONG_REQUEST", "message": message}}
        if "error" in stub.response:
            return {"ok": False, "error": stub.response["error"]}
        return {"ok": True, "value": dict(stub.response)}


@dataclass(frozen=True)
class Result:
    """`trap` is None if the component returned; exit code 0 counts as returning."""

    stdout: bytes
    trap: str | None
    host: StubHost = field(repr=False)

    @property
    def output(self) -> JsonObject:
        """The envelope, if there is one: UTF-8, strictly JSON, and no trap."""
        assert self.trap is None, self.trap
        output = json.loads(self.stdout.decode(), parse_constant=_refuse_constant)
        assert isinstance(output, dict)
        return output

    @property
    def data(self) -> JsonObject:
        assert self.output["success"] is True, self.output
        data = self.output["data"]
        assert isinstance(data, dict)
        return data

    @property
    def error(self) -> JsonObject:
        assert self.output["success"] is False, self.output
        error = self.output["error"]
        assert isinstance(error, dict)
        return error


def _refuse_constant(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")


def load_contract(component_id: str) -> Contract:
    return parse_contract(yaml.safe_load((COMPONENTS / component_id / "contract.yaml").read_text("utf-8")))


def run(component_id: str, given: Mapping[str, Any], host: StubHost | None = None) -> Result:
    """Run a component on one input, in a fresh instance."""
    return run_text(component_id, json.dumps(given), host)


def run_text(component_id: str, stdin: str | bytes, host: StubHost | None = None) -> Result:
    """The same for any bytes on stdin."""
    host = host or StubHost()
    written = bytearray()
    with tempfile.NamedTemporaryFile() as source:
        source.write(stdin if isinstance(stdin, bytes) else stdin.encode())
        source.flush()
        store = _build_store(source.name, written)
        linker = _build_linker(host)
        instance = linker.instantiate(store, _load_module(component_id))
        start = instance.exports(store)["_start"]
        assert isinstance(start, wasmtime.Func)
        trap = _call(start, store)
    return Result(bytes(written), trap, host)


def _call(start: wasmtime.Func, store: wasmtime.Store) -> str | None:
    """Why the call failed, if it did."""
    try:
        start(store)
    except wasmtime.ExitTrap as ended:
        return None if ended.code == 0 else f"exit code {ended.code}"
    except (wasmtime.Trap, wasmtime.WasmtimeError) as trap:
        return str(trap)
    return None


@functools.cache
def _engine() -> wasmtime.Engine:
    config = wasmtime.Config()
    config.consume_fuel = True
    return wasmtime.Engine(config)


@functools.cache
def _load_module(component_id: str) -> wasmtime.Module:
    return wasmtime.Module.from_file(_engine(), str(COMPONENTS / component_id / f"{component_id}.wasm"))


def _build_store(stdin_path: str, written: bytearray) -> wasmtime.Store:
    store = wasmtime.Store(_engine())
    store.set_limits(memory_size=MEMORY_BYTES)
    store.set_fuel(FUEL)
    wasi = wasmtime.WasiConfig()
    wasi.stdin_file = stdin_path
    wasi.stdout_custom = written.extend
    store.set_wasi(wasi)
    return store


def _build_linker(host: StubHost) -> wasmtime.Linker:
    linker = wasmtime.Linker(_engine())
    linker.define_wasi()
    replies = [b""]
    signature = wasmtime.FuncType([wasmtime.ValType.i32(), wasmtime.ValType.i32()], [wasmtime.ValType.i32()])
    for name in HOST_FUNCTIONS:
        linker.define_func(HOST_MODULE, name, signature, _host_function(host, name, replies), access_caller=True)
    return linker


def _host_function(host: StubHost, name: str, replies: list[bytes]) -> Callable[[wasmtime.Caller, int, int], int]:
    """`replies` holds the latest reply, which `read_reply` copies; see core/arcrun/wasm/abi.py."""

    def keep(reply: JsonObject) -> int:
        replies[0] = json.dumps(reply).encode()
        return len(replies[0])

    def ask(caller: wasmtime.Caller, pointer: int, length: int) -> int:
        return keep(host.answer(name, json.loads(_memory(caller).read(caller, pointer, pointer + length))))

    def log(caller: wasmtime.Caller, pointer: int, length: int) -> int:
        host.log.append(_memory(caller).read(caller, pointer, pointer + length).decode())
        return keep({"ok": True})

    def read_reply(caller: wasmtime.Caller, pointer: int, capacity: int) -> int:
        return _memory(caller).write(caller, replies[0][:capacity], pointer)

    return {"log": log, "read_reply": read_reply}.get(name, ask)


def _memory(caller: wasmtime.Caller) -> wasmtime.Memory:
    memory = caller["memory"]
    assert isinstance(memory, wasmtime.Memory)
    return memory
