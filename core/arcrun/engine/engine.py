"""The engine: runs the nodes of a plan, each as soon as its parents have settled.

A node runs if at least one edge into it fires; it is skipped if none does. Independent nodes run concurrently. The
first failure that nobody handles fails the run: what has not started by then is skipped.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from arcrun.contracts.model import Contract
from arcrun.engine.record import NodeRecord, NodeStatus, RunRecord
from arcrun.engine.run_id import build_run_id
from arcrun.errors import ArcrunError
from arcrun.ports import Clock, Random
from arcrun.wasm.abi import Outcome
from arcrun.wasm.component import Component
from arcrun.workflows.model import INPUT
from arcrun.workflows.plan import Plan, PlannedNode


class Components(Protocol):
    """The components that a run may call. Both methods raise ComponentError."""

    async def find(self, reference: str) -> Component: ...

    async def call(self, component: Component, input_value: Mapping[str, Any]) -> Outcome: ...


@dataclass(frozen=True)
class Engine:
    components: Components
    clock: Clock
    random: Random

    async def run(self, plan: Plan, trigger_input: Any) -> RunRecord:
        """Run `plan` on the trigger's input. Never raises for what a node does: the record says it."""
        run_id = build_run_id(self.clock, self.random)
        started_ms = self.clock.now_ms()
        state = _RunState(plan, self, trigger_input, started_ms)
        await state.settle_all()
        trace = tuple(state.records[node.name] for node in plan.nodes)
        return RunRecord(run_id, plan.name, state.answer(), state.error, self.clock.now_ms() - started_ms, trace)


class _RunState:
    """One run: what each node's templates can see (`scope`), and what has become of each node (`records`)."""

    def __init__(self, plan: Plan, engine: Engine, trigger_input: Any, started_ms: float) -> None:
        self._plan, self._engine, self._started_ms = plan, engine, started_ms
        self.scope: dict[str, Any] = {INPUT: trigger_input}
        self.records: dict[str, NodeRecord] = {}
        self.error: ArcrunError | None = None

    async def settle_all(self) -> None:
        running: set[asyncio.Task[PlannedNode]] = set()
        try:
            await self._settle_in_order(running)
        except BaseException:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            raise

    async def _settle_in_order(self, running: set[asyncio.Task[PlannedNode]]) -> None:
        unsettled_parents = {node.name: len(node.parents) - (INPUT in node.parents) for node in self._plan.nodes}
        ready = [node for node in self._plan.nodes if not unsettled_parents[node.name]]
        while ready or running:
            if len(ready) == 1 and not running:  # a chain needs no tasks
                settled = [await self._settle(ready[0])]
            else:
                running |= {asyncio.ensure_future(self._settle(node)) for node in ready}
                finished, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                running -= finished
                settled = [task.result() for task in finished]
            ready = []
            for child in (child for node in settled for child in self._plan.children[node.name]):
                unsettled_parents[child.name] -= 1
                if not unsettled_parents[child.name]:
                    ready.append(child)

    def _fires(self, parent: str) -> bool:
        return parent == INPUT or self.records[parent].status is NodeStatus.SUCCESS

    async def _settle(self, node: PlannedNode) -> PlannedNode:
        if self.error is not None or not any(self._fires(parent) for parent in node.parents):
            self.records[node.name] = NodeRecord(node.name, node.component, NodeStatus.SKIPPED)
            return node
        record = await self._run_node(node)
        self.records[node.name] = record
        if record.output is not None:
            self.scope[node.name] = record.output
        if record.error is not None and self.error is None:
            self.error = record.error
        return node

    async def _run_node(self, node: PlannedNode) -> NodeRecord:
        clock = self._engine.clock
        started_ms = clock.now_ms()
        output: Mapping[str, Any] | None = None
        error: ArcrunError | None = None
        try:
            component = await self._engine.components.find(node.component)
            outcome = await self._engine.components.call(component, self._build_input(node, component.contract))
            output, error = outcome.envelope, outcome.error
        except ArcrunError as raised:
            error = raised
        if error is not None:
            error.details.setdefault("node", node.name)
        return NodeRecord(
            node=node.name,
            component=node.component,
            status=NodeStatus.SUCCESS if error is None else NodeStatus.FAILED,
            attempts=1,
            start_ms=started_ms - self._started_ms,
            duration_ms=clock.now_ms() - started_ms,
            output=output,
            error=error,
        )

    def _build_input(self, node: PlannedNode, contract: Contract) -> dict[str, Any]:
        """The config, templates filled; fields of the schema that it lacks come from the parents, then the trigger."""
        built: dict[str, Any] = node.resolve(self.scope)
        available: dict[str, Any] = {}
        for source in (self.scope[INPUT], *(self._data_of(parent) for parent in reversed(node.parents))):
            if isinstance(source, dict):
                available |= source
        for key in contract.input_keys:
            if key in available and key not in built:
                built[key] = available[key]
        return built

    def _data_of(self, name: str) -> Any:
        if name == INPUT:
            return self.scope[INPUT]
        envelope = self.scope.get(name, {})
        return envelope.get("data")

    def answer(self) -> Any:
        """The data of the one answering node; of several, {node: data} for those that succeeded."""
        if self.error is not None:
            return None
        if len(self._plan.answers) == 1:
            return self._data_of(self._plan.answers[0])
        return {name: self._data_of(name) for name in self._plan.answers if name in self.scope}
