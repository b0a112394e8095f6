"""The context of a run: the ports that its nodes use, and the state that the nodes share.

The ledger keeps a bounded record of each node, however often a loop runs it. Nodes' answers and loops' results count
as live values while they are held.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from arcrun.analytics import Tally
from arcrun.engine.answers.run_response import RunResponse
from arcrun.engine.budget import RunBudget
from arcrun.engine.record import SKIPPED, SUCCESS, Iterations, NodeRecord, NodeStatus
from arcrun.engine.request import RunRequest
from arcrun.engine.tasks import Pace, RunTasks, Slots
from arcrun.errors import ArcrunError, RunError
from arcrun.json_size import size_of
from arcrun.limits import (
    MAX_ANSWER_BYTES,
    MAX_JSON_VALUES,
    MAX_LIVE_BYTES,
    MAX_SHOWN_ROUNDS,
    MAX_SUBFLOW_DEPTH,
    MAX_TRACE_BYTES,
    MAX_UNDO_MS,
)
from arcrun.ports import Clock, Random
from arcrun.store.access import Caller
from arcrun.templates.request import HEADERS
from arcrun.templates.run import APPROVE, ID
from arcrun.wasm.abi import Outcome
from arcrun.wasm.component import Component
from arcrun.workflows.plan import Plan, PlannedLoop, PlannedNode, Unit

if TYPE_CHECKING:
    from arcrun.durable.journal import Journal
    from arcrun.durable.links import Links
    from arcrun.engine.kept_values import KeptValues
    from arcrun.engine.progress import Progress

Iteration = tuple[int, ...]  # the index in each loop around a node, the outermost first


def name_call(context: "RunContext", node: str, iteration: Iteration) -> str:
    """The name of a node's call within the run: the same for each of its attempts."""
    return f"{context.call_path}{node}{[*iteration] if iteration else ''}"


def name_step(context: "RunContext", unit: str, iteration: Iteration) -> str:
    """The name of a unit's step in the journal, "" if there is none."""
    if context.journal is None:
        return ""
    return f"{context.step_path}{unit}{suffix_step(iteration)}"


def suffix_step(iteration: Iteration) -> str:
    """What follows a unit's name in that of its step."""
    return str([*iteration]) if iteration else ""


class NodeEnd(Protocol):
    """A node that has ended, with the fields of a NodeRecord."""

    @property
    def node(self) -> str: ...
    @property
    def status(self) -> NodeStatus: ...
    @property
    def attempts(self) -> int: ...
    @property
    def start_ms(self) -> float: ...
    @property
    def duration_ms(self) -> float: ...
    @property
    def fuel(self) -> int | None: ...

    def record(self, room_bytes: int) -> NodeRecord:
        """The record with its values, which is the slow part; values that exceed `room_bytes` are cut."""


class TraceBudget:
    """The bytes left for the trace of a run, its sub-workflows' included."""

    def __init__(self) -> None:
        self._left = MAX_TRACE_BYTES

    def admit(self, end: NodeEnd) -> NodeRecord:
        """The node's record: with whole values if they fit, with cut ones if those fit, otherwise without values."""
        record = end.record(self._left)
        self._left -= record.bytes
        if self._left >= 0:
            return record
        self._left += record.bytes
        return record.without_values()


class SkippedNode:
    """The end of a node that has not run: too few edges into it fired, or it was cancelled before it began."""

    status, attempts, start_ms, duration_ms, fuel = SKIPPED, 0, 0.0, 0.0, None

    def __init__(self, node: str, component: str, error: ArcrunError | None = None) -> None:
        self.node, self._component, self._error = node, component, error

    def record(self, room_bytes: int) -> NodeRecord:
        return NodeRecord(self.node, self._component, SKIPPED, error=self._error)


class Ledger:
    def __init__(self, trace_budget: TraceBudget) -> None:
        self._trace_budget = trace_budget
        self._single: dict[str, NodeRecord] = {}
        self._repeated: dict[str, _Runs] = {}

    def add(self, end: NodeEnd, iteration: Iteration) -> None:
        if not iteration:
            self._single[end.node] = self._trace_budget.admit(end)
            return
        runs = self._repeated.get(end.node)
        if runs is None:
            runs = self._repeated[end.node] = _Runs()
        runs.add(end, iteration, self._trace_budget)

    def trace(self, plan: Plan) -> tuple[NodeRecord, ...]:
        """The records of all nodes, in the plan's order. Nodes without a record were skipped."""
        return tuple(self._entry(node.name, node.component) for node in plan.nodes)

    def trace_so_far(self, plan: Plan) -> tuple[NodeRecord, ...]:
        """The records of the nodes that have ended, in the plan's order."""
        ended = (node for node in plan.nodes if node.name in self._single or node.name in self._repeated)
        return tuple(self._entry(node.name, node.component) for node in ended)

    def _entry(self, name: str, component: str) -> NodeRecord:
        if name in self._repeated:
            return self._repeated[name].merge()
        return self._single.get(name) or NodeRecord(name, component, SKIPPED)


class Undone:
    """The undos that a run, its loops and its sub-workflows have run, by the nodes' paths through sub-workflows.

    `number` counts the nodes with an undo that have succeeded. `left_ms` is the time that is left for undos.
    `unfinished` goes on with those that something else than their time has stopped.
    """

    def __init__(self) -> None:
        self._runs: dict[str, _Runs] = {}
        self._failures: dict[str, list[NodeRecord]] = {}
        self.number = 0
        self.left_ms: float = MAX_UNDO_MS
        self.unfinished: list[Callable[[], Coroutine[Any, Any, None]]] = []

    def add(self, end: NodeEnd, path: str, iteration: Iteration, trace_budget: TraceBudget) -> None:
        runs = self._runs.setdefault(path, _Runs())
        runs.add(end, (runs.count,), trace_budget)
        failures = self._failures.setdefault(path, [])
        if end.status is not SUCCESS and len(failures) < MAX_SHOWN_ROUNDS:
            failures.append(replace(trace_budget.admit(end), node=path, index=iteration))

    async def finish(self) -> None:
        """Go on with what is unfinished."""
        while self.unfinished:
            await self.unfinished.pop(0)()

    def trace(self) -> tuple[NodeRecord, ...]:
        """A record for each node, in the order in which their first undos ended; if it stands for several, the first of
        those that have not succeeded follow it.
        """
        records: list[NodeRecord] = []
        for path, runs in self._runs.items():
            merged = replace(runs.merge(), node=path)
            records += [replace(merged, iterations=None)] if runs.count == 1 else [merged, *self._failures[path]]
        return tuple(records)

    @property
    def outcome(self) -> str:
        """`complete`, `partial` if an undo has failed or did not run, empty if there was nothing to undo."""
        if not self._runs:
            return ""
        return "complete" if all(runs.has_succeeded for runs in self._runs.values()) else "partial"


@dataclass(slots=True)
class _Ends:
    """The ends of a node with one status: their number, and the record of the lowest iteration."""

    count: int = 0
    iteration: Iteration = ()
    record: NodeRecord | None = None


class _Runs:
    """The ends of one node in a loop, added up; at most three records are kept.

    `began_ms` and `ended_ms` span the ends that were not skipped.
    """

    def __init__(self) -> None:
        self._success, self._failed, self._skipped = _Ends(), _Ends(), _Ends()
        self._attempts = 0
        self._fuel: int | None = None
        self._began_ms, self._ended_ms = math.inf, -math.inf

    def add(self, end: NodeEnd, iteration: Iteration, trace_budget: TraceBudget) -> None:
        status = end.status
        ends = self._success if status is SUCCESS else self._skipped if status is SKIPPED else self._failed
        if not ends.count or iteration < ends.iteration:
            ends.iteration, ends.record = iteration, trace_budget.admit(end)
        ends.count += 1
        self._attempts += end.attempts
        if end.fuel is not None:
            self._fuel = end.fuel + (self._fuel or 0)
        if status is not SKIPPED:
            began_ms = end.start_ms
            ended_ms = began_ms + end.duration_ms
            self._began_ms = min(self._began_ms, began_ms)
            self._ended_ms = max(self._ended_ms, ended_ms)

    @property
    def count(self) -> int:
        return self._success.count + self._failed.count + self._skipped.count

    @property
    def has_succeeded(self) -> bool:
        """Whether all of them have."""
        return self._success.count == self.count

    def merge(self) -> NodeRecord:
        """One record with the summed counts, the whole time span, and the values of the first failure, else success."""
        shown = self._failed.record or self._success.record or self._skipped.record
        assert shown is not None
        ran = self._began_ms <= self._ended_ms
        return replace(
            shown,
            attempts=self._attempts,
            start_ms=self._began_ms if ran else shown.start_ms,
            duration_ms=self._ended_ms - self._began_ms if ran else shown.duration_ms,
            fuel=self._fuel,
            iterations=Iterations(self._success.count, self._failed.count, self._skipped.count),
        )


class Answer(NamedTuple):
    """The answer of a graph, and its weight (arcrun/json_size.py)."""

    value: Any
    weight: int

    def require_bounds(self) -> None:
        """Raises RunError ANSWER_TOO_LARGE."""
        if self.weight <= MAX_ANSWER_BYTES:
            return
        size = size_of(self.value, MAX_ANSWER_BYTES, MAX_JSON_VALUES)
        if size.bytes > MAX_ANSWER_BYTES or size.values > MAX_JSON_VALUES:
            raise RunError(
                f"The answer is larger than {MAX_ANSWER_BYTES >> 20} MiB or {MAX_JSON_VALUES} values.",
                code="ANSWER_TOO_LARGE",
                next_actions=["Lead only what is needed to `output`, or store it where it can be fetched."],
                details={"limit_bytes": MAX_ANSWER_BYTES, "limit_values": MAX_JSON_VALUES},
            )


class LiveValues:
    """The weight of the values that a run, its loops and its sub-workflows hold."""

    def __init__(self) -> None:
        self._held = 0

    def take(self, weight: int) -> None:
        """Count values. Raises RunError RUN_TOO_LARGE, and then counts nothing."""
        self._held += weight
        if self._held > MAX_LIVE_BYTES:
            self._held -= weight
            raise RunError(
                f"The run would hold more than {MAX_LIVE_BYTES >> 20} MiB of values at once.",
                code="RUN_TOO_LARGE",
                next_actions=[
                    "Let nodes answer only what is used, and loops gather little per element.",
                    "Or move parts into sub-workflows: each frees its values when it has answered.",
                ],
                details={"limit_bytes": MAX_LIVE_BYTES},
            )

    def give_back(self, weight: int) -> None:
        self._held -= weight


class AnyResponder(Protocol):
    """What makes the run's response (responder.py). `scope` is what its templates see."""

    scope: dict[str, Any] | None
    response: RunResponse | None

    async def answer(self) -> None:
        """Raises RunError RESPONSE_FAILED, CpuBudgetError."""


class AnyEarlyAnswer(Protocol):
    """What answers before the run's end (early_answer.py)."""

    async def give(self, answer: Answer) -> None:
        """Raises RunError ANSWER_TOO_LARGE, RESPONSE_FAILED; CpuBudgetError."""


class AnyReplay(Protocol):
    """What a run takes over from its origin, the run that it replays (arcrun/replays/replay.py)."""

    @property
    def origin(self) -> str:
        """The origin's id."""

    def has_taken(self, unit: Unit) -> bool: ...

    def has_ended(self, loop: PlannedLoop) -> bool:
        """Whether a loop that was taken over had; otherwise a join has stopped it."""

    def find_outcome(self, name: str) -> Outcome | None:
        """What a node that was taken over came to; None if it was skipped."""

    def end(self, node: PlannedNode, outcome: Outcome | None, start_ms: float) -> NodeEnd:
        """The end of such a node. Without an outcome it was skipped, or is in the body of a loop."""

    def find_gathered(self, loop: PlannedLoop) -> Mapping[str, Any] | None:
        """What a loop that was taken over has gathered, if it is known."""

    def name_secrets(self) -> Mapping[str, str]:
        """Those of the origin that must not be recorded, under names that no credential has."""

    @property
    def has_kept_values(self) -> bool:
        """Whether it has more than a record says of the origin."""

    def to_json(self) -> dict[str, Any]: ...


class Components(Protocol):
    """The components that a run may call. Both methods raise ComponentError, UpstreamError."""

    async def find(self, reference: str) -> Component: ...

    def call(
        self,
        component: Component,
        input_value: Mapping[str, Any],
        budget: RunBudget,
        cpu_ms: int | None = None,
        caller: Caller | None = None,
    ) -> Coroutine[Any, Any, Outcome]:
        """Call a component. `cpu_ms` limits its computing time; None is the default. `caller` says who calls one that
        has stores or blobs. Raises CpuBudgetError too.
        """

    async def find_mismatches(
        self, schema: Mapping[str, Any], value: Any, budget: RunBudget
    ) -> Sequence[tuple[str, str]]:
        """The first mismatches of `value` with a schema from an untrusted author, at most 100: (field, what it must
        be). It takes bounded time. Raises ComponentError INVALID_SCHEMA, and the errors of `call`.
        """


class Workflows(Protocol):
    """The workflows that CALLS_SUBFLOW may call."""

    async def find_plan(self, name: str) -> Plan:
        """The plan of a workflow. Raises NotFoundError WORKFLOW_NOT_FOUND, WorkflowError PLAN_OUTDATED,
        UpstreamError.
        """


class Credentials(Protocol):
    """The stored secrets."""

    async def reveal(self, name: str) -> str:
        """The plaintext of a secret. Raises CredentialError, NotConfiguredError, UpstreamError."""


class Starter(Protocol):
    """Starts runs of their own, for `detach`."""

    def new_run_id(self) -> str: ...

    async def start_detached(self, workflow: str, value: Any, run_id: str, depth: int) -> None:
        """Accept a run of a stored workflow under `run_id`; nothing if it has been accepted. `depth` is the number of
        runs in the chain before it. Raises what a trigger of the workflow would.
        """


@dataclass(frozen=True)
class RunPorts:
    components: Components
    workflows: Workflows
    credentials: Credentials
    clock: Clock
    random: Random


@dataclass(slots=True)  # made for each run: a frozen one takes three times as long
class RunContext:
    """The context of one run of one plan. A sub-workflow has its own ledger, and shares the rest.

    `started_ms` is the clock's time; times in records count from it. `secrets` has the secrets read so far, `usage` the
    calls of components so far. `request` is None if neither the plan nor one that it may call reads it; `responder` is
    None if the run has no response of its own, `early_answer` if no line leads to `respond`; `journal` is None if the
    run is not durable; `interrupt` returns when the run is to end; `links` is None if nobody can be asked to decide,
    `progress` if nobody can see the run, `starter` where no run can start another. `replay` is what it takes over from
    another, None in a sub-workflow; `watch` tells whether somebody has asked that a run that is not durable ends.
    """

    ports: RunPorts
    ledger: Ledger
    started_ms: float
    budget: RunBudget
    pace: Pace
    slots: Slots
    workflow: str  # whose plan it is
    tasks: RunTasks = field(default_factory=RunTasks)
    trace_budget: TraceBudget = field(default_factory=TraceBudget)
    live: LiveValues = field(default_factory=LiveValues)
    secrets: dict[str, str] = field(default_factory=dict)
    found: dict[str, Component] = field(default_factory=dict)
    locks: dict[str, asyncio.Lock] = field(default_factory=dict)  # nodes that need the same thing share one look-up
    usage: Tally = field(default_factory=Tally)
    undone: Undone = field(default_factory=Undone)
    depth: int = 0
    request: RunRequest | None = None
    responder: "AnyResponder | None" = None
    early_answer: AnyEarlyAnswer | None = None
    path: str = ""  # of the node that called this sub-workflow, with a dot behind it
    journal: "Journal | None" = None
    step_path: str = ""  # what the names of this sub-workflow's steps begin with
    is_trial: bool = False
    interrupt: Callable[[], Awaitable[None]] | None = None
    run_id: str = ""
    links: "Links | None" = None
    progress: "Progress | None" = None
    replay: AnyReplay | None = None
    watch: Callable[[], Awaitable[bool]] | None = None
    call_path: str = ""  # what the names of this sub-workflow's calls begin with
    starter: Starter | None = None
    kept: "KeptValues | None" = None  # which gets the values of the run itself
    origin: str = ""  # the run that it is a replay of, in sub-workflows too

    def tell_run(self, iteration: Iteration) -> dict[str, Any]:
        """What templates see as `run` in one iteration."""
        told: dict[str, Any] = {ID: self.run_id}
        if self.links is not None:
            from arcrun.durable.links import LinksOfNodes  # noqa: PLC0415 - quick runs need none of it

            told[APPROVE] = LinksOfNodes(self.links, self.step_path, suffix_step(iteration), self.secrets)
        return told

    def since_start_ms(self) -> float:
        return (self.journal or self.ports.clock).now_ms() - self.started_ms

    async def sleep(self, step: str, duration_ms: float) -> None:
        """Let time pass; `step` is the pause's name in the journal."""
        if self.journal is None:
            await self.ports.clock.sleep(duration_ms)
        else:
            await self.journal.sleep(step, duration_ms)

    async def is_to_end(self) -> bool:
        """Whether somebody has asked that the run ends: a subrequest, if there is one to spare."""
        return self.watch is not None and self.budget.subrequests.take_spare() and await self.watch()

    async def find_component(self, reference: str) -> Component:
        """Find a component once per run, so that all calls of the run use the same version."""
        if reference not in self.found:
            async with self.locks.setdefault(reference, asyncio.Lock()):
                if reference not in self.found:
                    self.found[reference] = await self._look_up(reference)
        return self.found[reference]

    async def _look_up(self, reference: str) -> Component:
        component = await self.ports.components.find(reference)
        if component.is_looked_up:  # module, contract and metered module are read; the last may be written
            self.budget.subrequests.take(4)
        return component

    async def reveal(self, name: str) -> str:
        """The secret `name`. It will be scrubbed from the record."""
        if name not in self.secrets:
            async with self.locks.setdefault(f"credential {name}", asyncio.Lock()):
                if name not in self.secrets:
                    self.budget.subrequests.take()
                    self.secrets[name] = await self.ports.credentials.reveal(name)
        return self.secrets[name]

    def read_request(self, fields: Collection[str]) -> Mapping[str, Any]:
        """What templates see as `request`, with at least these fields. The secrets in its headers will be scrubbed from
        the record. Raises RunError RUN_TOO_LARGE.
        """
        assert self.request is not None  # the plan says that it is read
        found = self.request.read(fields)
        weight = size_of(found).weight
        self.live.take(weight)
        self.pace.count(weight)
        if HEADERS in found:
            self.secrets |= self.request.list_secrets()
        return self.request.known

    def fork(self) -> "RunContext":
        """A context for trying calls. What they do to the run is not seen."""
        trace_budget = TraceBudget()
        return replace(
            self,
            ledger=Ledger(trace_budget),
            trace_budget=trace_budget,
            live=LiveValues(),
            usage=Tally(),
            is_trial=True,
        )

    def enter_subflow(self, workflow: str, node: str, step: str, call: str) -> "RunContext":
        """The context for a `workflow` that `node` calls in `step`; `call` is its name_call. Raises RunError
        SUBFLOW_TOO_DEEP.
        """
        if self.depth >= MAX_SUBFLOW_DEPTH:
            raise RunError(
                f"Workflows call each other more than {MAX_SUBFLOW_DEPTH} deep.",
                code="SUBFLOW_TOO_DEEP",
                next_actions=["Find the workflow that calls itself endlessly."],
            )
        return replace(
            self,
            ledger=Ledger(self.trace_budget),
            workflow=workflow,
            depth=self.depth + 1,
            path=f"{self.path}{node}.",
            step_path=f"{step}/",
            call_path=f"{call}/",
            replay=None,
        )
