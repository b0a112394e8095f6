"""Runs a graph: each node and each loop as soon as all that it waits for has settled.

A node runs if at least one edge into it fires, and is skipped if none does. Independent nodes run concurrently. A
failure that nobody handles ends the graph: what is running is cancelled, what is not is skipped.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from arcrun.engine.calls import Call, ComponentCall, WorkflowCall
from arcrun.engine.context import RunContext
from arcrun.engine.ledger import Iteration
from arcrun.engine.loops import LoopOutcome, run_loop
from arcrun.engine.node_run import NodeRun
from arcrun.engine.record import NodeRecord, NodeStatus
from arcrun.errors import RunError, RunTimeoutError
from arcrun.workflows.model import INPUT
from arcrun.workflows.plan import Graph, InEdge, Plan, PlannedLoop, PlannedNode, UnitKey
from arcrun.workflows.relations import Relation
from arcrun.workflows.templates import INPUT_LOOP, START, Scope


async def run_plan(plan: Plan, trigger_input: Any, context: RunContext, timeout_ms: float | None = None) -> Any:
    """The answer. `timeout_ms` may shorten the plan's own.

    Raises the ArcrunError that nobody handled; RunTimeoutError RUN_TIMEOUT.
    """
    limit_ms = min(plan.timeout_ms, timeout_ms or plan.timeout_ms)
    scope = {INPUT: trigger_input, START: context.started_ms}
    try:
        async with asyncio.timeout(limit_ms / 1000):
            return await GraphRun(plan.graph, scope, context).run()
    except TimeoutError:
        message = f"The run of `{plan.name}` took longer than {limit_ms:g} ms."
        actions = ["Raise the workflow's timeout_ms, or run it with ?async=1."]
        raise RunTimeoutError(message, next_actions=actions) from None


@dataclass(frozen=True)
class Around:
    """The loops around a graph: the index in each, the outermost first; the elements by their names; the innermost."""

    iteration: Iteration = ()
    items: Mapping[str, Any] = field(default_factory=dict)
    element: Any = None

    def enter(self, index: int, item: str, element: Any) -> "Around":
        return Around((*self.iteration, index), {**self.items, item: element}, element)


OUTERMOST = Around()


class GraphRun:
    """`scope` is what templates see; the graph adds its nodes to its own copy. `around` is the iteration that it is."""

    def __init__(self, graph: Graph, scope: Scope, context: RunContext, around: Around = OUTERMOST) -> None:
        self._graph, self._scope, self._context = graph, dict(scope), context
        self._around = around
        self._statuses: dict[str, NodeStatus] = {INPUT: NodeStatus.SUCCESS}
        self._loops: dict[str, LoopOutcome] = {}

    async def run(self) -> Any:
        """The answer of the graph. Raises the ArcrunError that nobody handled."""
        running: set[asyncio.Task[UnitKey]] = set()
        try:
            await self._settle_in_order(running)
        except BaseException:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            raise
        return self._answer()

    async def _settle_in_order(self, running: set[asyncio.Task[UnitKey]]) -> None:
        graph = self._graph
        waiting = {key: len(wanted) for key, wanted in graph.waits_for.items()}
        ready = [key for key, count in waiting.items() if not count]
        while ready or running:
            if len(ready) == 1 and not running:  # a chain needs no tasks
                settled = [await self._settle(ready[0])]
            else:
                running |= {asyncio.ensure_future(self._settle(key)) for key in ready}
                finished, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                settled = [task.result() for task in finished]
                running -= finished
            ready = []
            for child in (child for key in settled for child in graph.children[key]):
                waiting[child] -= 1
                if not waiting[child]:
                    ready.append(child)

    async def _settle(self, key: UnitKey) -> UnitKey:
        unit = self._graph.units[key]
        if isinstance(unit, PlannedLoop):
            await self._settle_loop(unit)
        else:
            await self._settle_node(unit)
        return key

    async def _settle_node(self, node: PlannedNode) -> None:
        fired = [edge for edge in node.parents if self._fires(edge)]
        if not fired:
            self._statuses[node.name] = NodeStatus.SKIPPED
            self._context.ledger.add(NodeRecord(node.name, node.component, NodeStatus.SKIPPED), self._around.iteration)
            return
        run = NodeRun(node, self._build_call(node, fired), self._context)
        try:
            result = await run.settle()
        except asyncio.CancelledError:
            self._context.ledger.add(run.record_of_cancelled(), self._around.iteration)
            raise
        record = run.record(result)
        self._context.ledger.add(record, self._around.iteration)
        self._statuses[node.name] = record.status
        self._scope[node.name] = result.envelope
        if result.error is not None and not node.handles_failure:
            raise result.error

    def _build_call(self, node: PlannedNode, fired: list[InEdge]) -> Call:
        sources = [*(self._data_of(edge) for edge in fired), self._around.items, self._scope[INPUT]]
        if node.workflow is not None:
            return WorkflowCall(node, self._scope, sources, self._context, run_plan)
        return ComponentCall(node, self._scope, sources, self._context)

    async def _settle_loop(self, loop: PlannedLoop) -> None:
        if self._statuses[loop.source] is not NodeStatus.SUCCESS:
            return

        async def run_body(index: int, element: Any) -> Any:
            scope = {**self._scope, loop.item: element}
            return await GraphRun(loop.body, scope, self._context, self._around.enter(index, loop.item, element)).run()

        outcome = await run_loop(loop, self._scope, run_body)
        self._loops[loop.source] = outcome
        if loop.source == INPUT:
            self._scope[INPUT_LOOP] = outcome.to_json()
        else:
            self._scope[loop.source] = {**self._scope[loop.source], **outcome.to_json()}

    def _fires(self, edge: InEdge) -> bool:
        """Raises RunError EXPRESSION_FAILED."""
        if edge.relation is Relation.FOREACH:
            return True  # the loop around has begun
        if edge.relation is Relation.CONTINUE:
            return edge.source in self._loops
        wanted = NodeStatus.FAILED if edge.relation is Relation.ON_FAIL else NodeStatus.SUCCESS
        if self._statuses[edge.source] is not wanted:
            return False
        if edge.relation in (Relation.ON_TRUE, Relation.ON_FALSE):
            return self._field_of(edge.source, "result") is (edge.relation is Relation.ON_TRUE)
        if edge.relation is Relation.ON_BRANCH:
            branch = self._field_of(edge.source, "branch")
            return isinstance(branch, str) and branch == edge.argument
        if edge.relation is Relation.IF:
            return self._is_met(edge)
        return True

    def _is_met(self, edge: InEdge) -> bool:
        try:
            return edge.expression.is_met(self._scope)
        except RunError as error:
            error.details.setdefault("node", edge.source)
            raise

    def _field_of(self, source: str, name: str) -> Any:
        data = self._scope[INPUT] if source == INPUT else self._scope[source].get("data")
        return data.get(name) if isinstance(data, Mapping) else None

    def _data_of(self, edge: InEdge) -> Any:
        """What comes along an edge that has fired."""
        if edge.relation is Relation.FOREACH:
            return self._around.element
        if edge.relation is Relation.CONTINUE:
            return self._loops[edge.source].to_json()
        if edge.source == INPUT:
            return self._scope[INPUT]
        envelope = self._scope[edge.source]
        return {"error": envelope["error"]} if edge.relation is Relation.ON_FAIL else envelope.get("data")

    def _answer(self) -> Any:
        """What comes along the edges into the answer: of one, its data; of several, {source: data}; of none, null."""
        answers = {edge.source: self._answer_of(edge) for edge in self._graph.answers if self._fires(edge)}
        return next(iter(answers.values()), None) if len(answers) < 2 else answers

    def _answer_of(self, edge: InEdge) -> Any:
        return self._loops[edge.source].results if edge.relation is Relation.CONTINUE else self._data_of(edge)
