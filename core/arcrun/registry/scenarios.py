"""Runs a contract's acceptance tests: the component's host calls are answered from the scenario's stubs.

A stub's request must be a part of the actual one. Its response is the reply's value, or
{"error": {"code", "message"}}.
"""

from collections.abc import Mapping
from typing import Any

from arcrun.blobs.access import BlobAccess
from arcrun.blobs.memory import MemoryBlobs
from arcrun.contracts.model import Contract, HostStub, Scenario
from arcrun.errors import HostFunctionError
from arcrun.json_text import parse_json
from arcrun.ports import Clock, HttpClient, HttpRequest, HttpResponse, Random
from arcrun.store.access import Caller, StoreAccess
from arcrun.store.memory import MemoryStores
from arcrun.wasm.abi import Execution, ExitKind
from arcrun.wasm.host import PortHostFunctions

_SCENARIO = "scenario"  # in place of a workflow, a run and a call


class _NoNetwork(HttpClient):
    async def send(self, request: HttpRequest) -> HttpResponse:
        raise HostFunctionError("A scenario has no network.", code="NO_STUB")


class ScenarioHostFunctions(PortHostFunctions):
    """The host functions of a real call, except those that reach outside: the stubs answer them in order. Its stores
    are empty, and there are no blobs but its own.
    """

    def __init__(self, contract: Contract, scenario: Scenario, clock: Clock, random: Random) -> None:
        stores = StoreAccess(MemoryStores(clock), Caller(_SCENARIO, _SCENARIO, _SCENARIO))
        super().__init__(
            contract,
            _NoNetwork(),
            clock,
            random,
            stores=stores,
            open_blobs=lambda: BlobAccess(MemoryBlobs(), random, _SCENARIO),
        )
        self._http_stubs, self._ai_stubs = list(scenario.http), list(scenario.ai)

    @property
    def unused(self) -> list[HostStub]:
        return [*self._http_stubs, *self._ai_stubs]

    async def _http_request(self, request: Mapping[str, Any]) -> Any:
        self._validate_host(str(request.get("url", "")))
        return _answer(self._http_stubs, request)

    async def _ai_run(self, request: Mapping[str, Any]) -> Any:
        return _answer(self._ai_stubs, request)


def _answer(stubs: list[HostStub], request: Mapping[str, Any]) -> Any:
    if not stubs:
        raise HostFunctionError("The scenario has no stub left for this request.", code="NO_STUB")
    stub = stubs.pop(0)
    differing = sorted(key for key, value in stub.request.items() if request.get(key) != value)
    if differing:
        raise HostFunctionError(f"The request differs from the stub in {', '.join(differing)}.", code="WRONG_REQUEST")
    if "error" in stub.response:
        raise HostFunctionError(stub.response["error"]["message"], code=stub.response["error"]["code"])
    return dict(stub.response)


def _is_same(text: str, expected: Any) -> bool:
    """Compare by JSON types: true is not 1, but 1.0 is 1."""
    try:
        found = parse_json(text)
    except ValueError:
        return False
    return bool(found == expected) and _kinds(found) == _kinds(expected)


def _kinds(value: Any) -> Any:
    """The structure of a value with whether each scalar is a boolean, since Python equates booleans with numbers."""
    if isinstance(value, dict):
        return {key: _kinds(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_kinds(item) for item in value]
    return isinstance(value, bool)


def find_deviation(scenario: Scenario, execution: Execution, host: ScenarioHostFunctions) -> str | None:
    """The deviation of a run from `scenario`, as a sentence; None if there is none."""
    if execution.kind is not ExitKind.EXITED or execution.exit_code != 0:
        return f"the component {execution.kind.value} {execution.message}".strip()
    if scenario.then_contains is not None:
        if scenario.then_contains not in execution.stdout:
            return f"the output has no {scenario.then_contains!r}: {execution.stdout[:500]}"
    elif not _is_same(execution.stdout, scenario.then):
        return f"the output is {execution.stdout[:500]}"
    if host.unused:
        return f"{len(host.unused)} of the scenario's requests were not made"
    return None
