"""Runs one call of a component on the runner of `acr parts test`, metered, with stubs for the host.

run("string_ops", {"operation": "upper", "input": "abc"}).output == {"success": True, "data": {"result": "ABC"}}
"""

import asyncio
import functools
import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from acr.bench.wasmtime_runner import WasmtimeRunner
from arcrun.contracts.model import Contract, HostStub
from arcrun.contracts.parse import parse_contract
from arcrun.errors import HostFunctionError
from arcrun.host_failures import RETRIABLE_CODES
from arcrun.store.access import Caller, StoreAccess
from arcrun.store.memory import MemoryStores
from arcrun.wasm.abi import ExitKind, HostFunctions
from arcrun.wasm.component import fuel_of_bundled
from arcrun.wasm.metering import meter_module
from fakes.ports.system import FixedClock

COMPONENTS = Path(__file__).parents[2] / "components"
COMPONENT_IDS = sorted(path.parent.name for path in COMPONENTS.glob("*/contract.yaml"))

RUNNER = WasmtimeRunner()
MUCH_MS = 5_000  # of `cpu_ms`, for what takes more than a bundled component has

JsonObject = dict[str, Any]


class StubHost(HostFunctions):
    """Answers host calls: `http_request` and `ai_run` from stubs, in order; `requests` keeps what was asked.

    A stub's request is a part of the one that must come. Its response is the reply's value, or {"error": {...}}.
    """

    def __init__(self, http: Sequence[HostStub] = (), ai: Sequence[HostStub] = ()) -> None:
        self._stubs = {"http_request": list(http), "ai_run": list(ai)}
        self.requests: list[tuple[str, Any]] = []
        self._stores = StoreAccess(MemoryStores(FixedClock()), Caller("w", "run", "call"))

    def now_ms(self) -> float:
        return time.time() * 1000

    def seed(self) -> bytes:
        return os.urandom(32)

    async def answer(self, name: str, request: str) -> str:
        return json.dumps(self.reply(name, json.loads(request)))

    def reply(self, name: str, request: Any) -> JsonObject:
        self.requests.append((name, request))
        if name == "store":
            return self._ask_store(request)
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
            error = stub.response["error"]
            return {"ok": False, "error": {"retriable": error["code"] in RETRIABLE_CODES, **error}}
        return {"ok": True, "value": dict(stub.response)}

    def _ask_store(self, request: Any) -> JsonObject:
        try:
            return {"ok": True, "value": asyncio.run(self._stores.do(request))}
        except HostFunctionError as error:
            refusal = {"code": error.code, "message": error.message, "retriable": error.retriable}
            return {"ok": False, "error": refusal}


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


def run(component_id: str, given: Mapping[str, Any], host: StubHost | None = None, cpu_ms: int | None = None) -> Result:
    """Run a component on one input, in a fresh instance, with the fuel of a bundled one whose node sets `cpu_ms`."""
    return run_text(component_id, json.dumps(given), host, cpu_ms)


def run_text(component_id: str, stdin: str | bytes, host: StubHost | None = None, cpu_ms: int | None = None) -> Result:
    """The same for any bytes on stdin."""
    host = host or StubHost()
    execution = WasmtimeRunner(fuel_of_bundled(component_id, cpu_ms)).call(
        load_metered_module(component_id), stdin if isinstance(stdin, bytes) else stdin.encode(), host
    )
    ended_well = execution.kind is ExitKind.EXITED and execution.exit_code == 0
    trap = None if ended_well else f"{execution.kind.value} {execution.exit_code} {execution.message}"
    return Result(execution.stdout.encode(), trap, host)


@functools.cache
def load_metered_module(component_id: str) -> bytes:
    """As the sandbox runs it."""
    return meter_module((COMPONENTS / component_id / f"{component_id}.wasm").read_bytes())
