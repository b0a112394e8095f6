"""The engine's ports in a workflow test: components run here or are stubbed; nothing waits, and nothing is random.

Each node of a test's plan names its component, and its workflow, together with the node's own path, `NAME:PATH`: so
these ports know which node calls. A path is the node's name, after those of the nodes that call its workflow:
`remind.warn`.
"""

import asyncio
import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from acr.bench.wasmtime_runner import WasmtimeRunner
from acr.errors import CliError
from acr.testing.model import UNDO, Stub, StubbedAnswer, WorkflowTest
from acr.testing.waits import pass_time
from acr.workflows.components_at_hand import ComponentsAtHand
from arcrun.blobs.access import BlobAccess
from arcrun.blobs.memory import MemoryBlobs
from arcrun.contracts.model import Constraints, Contract
from arcrun.credentials.record import build_missing_error
from arcrun.engine.budget import RunBudget
from arcrun.engine.input_check import VALIDATOR_ID, read_mismatches
from arcrun.engine.request import PlainRequest
from arcrun.errors import ArcrunError, ComponentError, HostFunctionError
from arcrun.json_size import size_of
from arcrun.json_text import write_json
from arcrun.ports import HttpClient, HttpRequest, HttpResponse
from arcrun.store.access import Caller, StoreAccess, Stores
from arcrun.wasm.abi import Outcome, read_outcome
from arcrun.wasm.component import ENGINE_ID, Component, fuel_of_bundled
from arcrun.wasm.host import PortHostFunctions
from arcrun.wasm.javascript import write_call
from arcrun.workflows.plan import Graph, Plan, PlannedNode, PlannedTool
from arcrun.workflows.waiting import WAIT_COMPONENT, WAITING_COMPONENTS

ENDLESS_MS = 10 * 365 * 86_400_000  # no timeout ends a test: its time does not pass while it computes
_SEPARATOR = ":"  # in no name of a component, a workflow or a node


class TestSetupError(ArcrunError):
    """The test itself cannot go on, so that no ON_FAIL may handle it."""

    __test__ = False  # for pytest
    code = "TEST_NODE_NOT_STUBBED"
    ends_run = True


class TestRequest(PlainRequest):
    """A POST of the input, but for the fields that the test names."""

    __test__ = False

    def __init__(self, test: WorkflowTest) -> None:
        super().__init__(test.input)
        self._given = test.request

    def describe(self, fields: Collection[str]) -> Mapping[str, Any]:
        return {**super().describe(fields), **self._given}


class TestClock:
    """Stands still, except that `sleep` advances it, without waiting."""

    __test__ = False

    def __init__(self, now_ms: float) -> None:
        self._now_ms = now_ms

    def now_ms(self) -> float:
        return self._now_ms

    async def sleep(self, duration_ms: float) -> None:
        self._now_ms += duration_ms

    async def pause(self) -> None:
        await asyncio.sleep(0)


class TestRandom:
    """Bytes that depend only on the seed and on what was drawn before."""

    __test__ = False

    def __init__(self, seed: int) -> None:
        self._seed, self._drawn = seed, 0

    def token_bytes(self, count: int) -> bytes:
        self._drawn += 1
        return hashlib.shake_256(f"{self._seed} {self._drawn}".encode()).digest(count)


class TestCredentials:
    """Placeholders. A credential without one stands as the reference to it, `{{credential.NAME}}`."""

    __test__ = False

    def __init__(self, given: Mapping[str, str | None]) -> None:
        self._given = given

    async def reveal(self, name: str) -> str:
        value = self._given.get(name, f"{{{{credential.{name}}}}}")
        if value is None:
            raise build_missing_error(name)
        return value


class NoNetwork(HttpClient):
    async def send(self, request: HttpRequest) -> HttpResponse:
        raise HostFunctionError("A test has no network.", code="HTTP_FAILED")


@dataclass
class TestComponents:
    """Components of a test: a stubbed node answers from its stub, others run under wasmtime.

    `calls` are the inputs of the stubbed nodes' calls by path, without their credentials. `fault` is the first reason
    why the test itself cannot go on.
    """

    __test__ = False

    at_hand: ComponentsAtHand
    test: WorkflowTest
    clock: TestClock
    random: TestRandom
    stores: Stores
    blobs: MemoryBlobs = field(default_factory=MemoryBlobs, kw_only=True)
    calls: dict[str, list[Mapping[str, Any]]] = field(default_factory=dict)
    fault: TestSetupError | None = None
    is_durable: bool = False  # whether its runs may wait for long
    _paths: dict[int, str] = field(default_factory=dict)  # of nodes, by the identity of their components

    async def find(self, reference: str) -> Component:
        """A component of its own for each node. Raises ComponentError, TestSetupError."""
        named, _, path = reference.partition(_SEPARATOR)
        try:
            contract = self.at_hand.find_contract(named)
        except CliError as error:
            raise self.stop(_build_unusable_error(path, error)) from None
        if contract is None:
            if path not in self.test.stubs:
                raise self.stop(build_not_stubbed_error(path, f"`{named}` is not at hand (--components DIR)", {}))
            contract = _build_open_contract(named)
        component = Component(contract, "")
        self._paths[id(component)] = path
        return component

    async def call(
        self,
        component: Component,
        input_value: Mapping[str, Any],
        budget: RunBudget,
        cpu_ms: int | None = None,
        caller: Caller | None = None,
    ) -> Outcome:
        path = self._paths[id(component)]
        stub = self.test.stubs.get(path)
        if stub is not None:
            budget.subrequests.take()
            shown = {key: value for key, value in input_value.items() if key not in component.contract.injected_keys}
            return self._answer(path, stub, shown)
        outside = _outside(component.contract)
        if outside and component.contract.can_reach(input_value):
            reaches = f"`{component.id}` reaches the {' and '.join(outside)}"
            raise self.stop(build_not_stubbed_error(path, reaches, _sample_data(component.contract)))
        if component.id in WAITING_COMPONENTS:
            waits = f"`{component.id}` waits for somebody"
            raise self.stop(build_not_stubbed_error(path, waits, _sample_data(component.contract)))
        if component.id == WAIT_COMPONENT and self.is_durable:
            return await pass_time(path, input_value, self.clock, self._read_moment)
        try:
            return self._run(component, input_value, cpu_ms, caller)
        except CliError as error:
            raise self.stop(_build_unusable_error(path, error)) from None

    async def _read_moment(self, until: str, zone: str) -> float:
        """A time on the clocks of a zone, in milliseconds since 1970. Raises ArcrunError."""
        reader = self.at_hand.find_component("date_ops")
        assert reader is not None
        given = {"operation": "format", "input": until, "timezone": zone, "format": "unix_ms"}
        outcome = self._run(reader, given, None)
        if outcome.error is not None:
            raise outcome.error
        return float(outcome.envelope["data"]["result"])

    async def find_mismatches(
        self, schema: Mapping[str, Any], value: Any, budget: RunBudget
    ) -> Sequence[tuple[str, str]]:
        """Those of a workflow's input: contracts are trusted here, so the engine itself checks their input_schemas."""
        validator = self.at_hand.find_component(VALIDATOR_ID)
        assert validator is not None
        return read_mismatches(self._run(validator, {"value": value, "schema": schema}, None))

    def _answer(self, path: str, stub: Stub, shown: Mapping[str, Any]) -> Outcome:
        calls = self.calls.setdefault(path, [])
        calls.append(shown)
        if not stub.is_list:
            return build_outcome(stub.answers[0])
        if len(calls) > len(stub.answers):
            answers = _count(len(stub.answers), "answer")
            message = f"`{path}` is called {_count(len(calls), 'time')}, but its stub has {answers}."
            raise self.stop(TestSetupError(message, code="TEST_STUB_USED_UP", next_actions=[_LIST_HINT]))
        return build_outcome(stub.answers[len(calls) - 1])

    def _run(
        self,
        component: Component,
        input_value: Mapping[str, Any],
        cpu_ms: int | None,
        caller: Caller | None = None,
    ) -> Outcome:
        runnable = self.at_hand.find_component(component.id)
        assert runnable is not None
        stdin = write_json(input_value)
        if runnable.source is not None:
            stdin = write_call(runnable.source, stdin)
            runnable = self.at_hand.find_component(ENGINE_ID)
            assert runnable is not None
        assert runnable.module is not None
        stores = None if caller is None else StoreAccess(self.stores, caller)
        opened = None if caller is None else partial(BlobAccess, self.blobs, self.random, caller.run_id)
        host = PortHostFunctions(
            *(component.contract, NoNetwork(), self.clock, self.random), stores=stores, open_blobs=opened
        )
        runner = WasmtimeRunner(fuel=fuel_of_bundled(runnable.id, cpu_ms))
        return read_outcome(runner.call(runnable.module, stdin.encode(), host), component.id)

    def stop(self, fault: TestSetupError) -> TestSetupError:
        """`fault`, kept as the reason why the test cannot go on."""
        self.fault = self.fault or fault
        return fault


@dataclass
class TestWorkflows:
    """The workflows that a test's workflow calls: `plans` by name, each rewritten for the node that calls it."""

    __test__ = False

    plans: Mapping[str, Plan]
    components: TestComponents

    async def find_plan(self, name: str) -> Plan:
        """Raises TestSetupError."""
        named, _, path = name.partition(_SEPARATOR)
        if named not in self.plans:
            reason = f"it calls the workflow `{named}`, which is in no file beside this one's"
            raise self.components.stop(build_not_stubbed_error(path, reason, {}))
        return name_calls(self.plans[named], self.components.test.stubs, f"{path}.")


_LIST_HINT = "A list has an answer for each call: each iteration of a loop, and each attempt of a retry."


def name_calls(plan: Plan, stubs: Mapping[str, Stub], prefix: str = "") -> Plan:
    """The plan whose nodes tell their paths to the ports, and whose time limits never pass. A stubbed node that calls a
    workflow becomes a component's call with the same input.
    """
    graph = _name_graph(plan.graph, stubs, prefix)
    return replace(plan, graph=graph, timeout_ms=ENDLESS_MS)


def _name_graph(graph: Graph, stubs: Mapping[str, Stub], prefix: str) -> Graph:
    nodes = tuple(_name_calls_of(node, stubs, f"{prefix}{node.name}") for node in graph.nodes)
    loops = tuple(replace(loop, body=_name_graph(loop.body, stubs, prefix)) for loop in graph.loops)
    return replace(graph, nodes=nodes, loops=loops)


def _name_calls_of(node: PlannedNode, stubs: Mapping[str, Stub], path: str) -> PlannedNode:
    undo = node.undo and _name_node(node.undo, stubs, f"{path}.{UNDO}")
    tools = tuple(_name_tool(tool, stubs, f"{path}.{tool.name}") for tool in node.tools)
    return replace(_name_node(node, stubs, path), undo=undo, tools=tools)


def _name_tool(tool: PlannedTool, stubs: Mapping[str, Stub], path: str) -> PlannedTool:
    """What a stub stands for need not say what it takes."""
    schema = tool.input_schema or ({"type": "object"} if path in stubs else None)
    return replace(tool, call=_name_node(tool.call, stubs, path), input_schema=schema)


def _name_node(node: PlannedNode, stubs: Mapping[str, Stub], path: str) -> PlannedNode:
    if node.workflow is None:
        return replace(node, component=f"{node.component}{_SEPARATOR}{path}", timeout_ms=None)
    if path not in stubs:
        return replace(node, workflow=f"{node.workflow}{_SEPARATOR}{path}", timeout_ms=None)
    given = {} if "input" in node.config else {"input": f"{{{{{node.take}}}}}" if node.take else None}
    config = {**node.config, **given}
    component = f"{node.workflow}{_SEPARATOR}{path}"
    return replace(node, workflow=None, component=component, config=config, take="", timeout_ms=None)


def build_outcome(answer: StubbedAnswer) -> Outcome:
    """The outcome of a call that answers so. An error may have any code, as it may stand for one of the platform's."""
    if answer.error is None:
        envelope = {"success": True, "data": answer.data}
        return Outcome(envelope, weight=size_of(envelope).weight)
    code, message = answer.error["code"], answer.error["message"]
    details = {key: value for key, value in answer.error.items() if key not in ("code", "message")}
    return Outcome(
        {"success": False, "error": dict(answer.error)},
        ComponentError(message, code=code, retriable=details.get("retriable") is True, details=details),
        weight=size_of(answer.error).weight,
    )


def build_not_stubbed_error(path: str, reason: str, sample: Any) -> TestSetupError:
    written = json.dumps({"data": sample}, ensure_ascii=False)
    return TestSetupError(
        f"The node `{path}` is not stubbed: {reason}.",
        next_actions=[f"Add its answer to the test: stubs: {{{path}: {written}}}"],
        details={"node": path},
    )


def _build_unusable_error(path: str, error: CliError) -> TestSetupError:
    """A component's folder cannot be read."""
    message = f"The component of `{path}` cannot be used: {error.message}"
    return TestSetupError(message, code="TEST_COMPONENT_UNUSABLE", next_actions=error.next_actions)


def _outside(contract: Contract) -> list[str]:
    words = {"ai": "AI models", "network": "network"}
    return [word for name, word in words.items() if name in contract.capabilities]


def _sample_data(contract: Contract) -> Any:
    """Data that the component may answer: of its first scenario that succeeds, else by its output_schema."""
    for scenario in contract.scenarios:
        if isinstance(scenario.then, Mapping) and scenario.then.get("success") is True and "data" in scenario.then:
            return scenario.then["data"]
    fields = contract.output_schema.get("properties", {})
    return {key: _sample(schema) for key, schema in fields.items()}


def _sample(schema: Any) -> Any:
    if not isinstance(schema, Mapping):
        return None
    kinds = schema.get("type", "null")
    kind = kinds if isinstance(kinds, str) else kinds[0]
    samples = {"string": "...", "integer": 1, "number": 1, "boolean": True, "array": [], "object": {}}
    return schema["enum"][0] if schema.get("enum") else samples.get(kind)


def _build_open_contract(component_id: str) -> Contract:
    """The contract of a stubbed component that is not at hand: it takes and answers anything."""
    return Contract(
        canonical_id=component_id,
        display_name=component_id,
        description="",
        category="platform",
        version="v1",
        stability="floating",
        author="",
        constraints=Constraints(0, 0, no_network_syscall=True, no_filesystem_syscall=True),
        input_schema={},
        output_schema={},
        config_example={},
        scenarios=(),
        credentials_required=(),
        aliases=(),
        tags=(),
        allowed_hosts=(),
        capabilities=frozenset(("network",)),
        is_ours=True,
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"
