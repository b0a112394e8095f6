"""Undoes what the nodes of a failed run have done.

The undo of a node runs once those of all that came after it in the graph have ended: in reverse order, and side by
side where the graph allows. Of several that may run, those of nodes that ended last go first. One that fails holds up
no other.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from arcrun.engine.calls import Call
from arcrun.engine.context import NodeEnd, RunContext, SkippedNode
from arcrun.engine.node_run import NodeRun, build_cancelled
from arcrun.engine.tasks import run_together
from arcrun.workflows.plan import Graph, PlannedLoop, PlannedNode, UnitKey

TIME_IS_OVER = "the time for undoing the run was over"


@dataclass
class Undo:
    """The undo of a node that has succeeded. `number` counts the nodes of the run in the order of their ends."""

    node: PlannedNode
    make_call: Callable[[], Call]
    context: RunContext
    number: int
    has_ended: bool = False
    _run: NodeRun | None = None

    async def run(self) -> None:
        if self.has_ended:
            return
        await self.context.pace.step()
        self._run = NodeRun(self.node, self.make_call(), self.context)
        self._run.end(await self._run.settle())
        self._note(self._run)

    def leave(self) -> None:
        """Record that there was no time for it, if it has not ended."""
        if self.has_ended:
            return
        if self._run is None:
            error = build_cancelled(self.node.name, TIME_IS_OVER)
            self._note(SkippedNode(self.node.name, self.node.component, error))
        else:
            self._run.cancel(TIME_IS_OVER)
            self._note(self._run)

    def _note(self, end: NodeEnd) -> None:
        self.has_ended = True
        self.context.undone.add(end, f"{self.context.path}{self.node.name}", self.context.trace_budget)


class Undos:
    """What is to be undone of one run of a graph, by unit: a node's undo, or what is to be undone of the runs inside
    it, which are a loop's elements or a node's sub-workflows. `held` is the weight of the values that they read.
    """

    def __init__(self, graph: Graph, context: RunContext) -> None:
        self._graph, self._context = graph, context
        self._units: dict[UnitKey, list[Undo | Undos]] = {}
        self.held = 0

    def add(self, key: UnitKey, undo: "Undo | Undos") -> None:
        self._units.setdefault(key, []).append(undo)

    def replace(self, key: UnitKey, undo: Undo) -> None:
        """Let an undo stand for all that is inside its node."""
        for inner in self._units.get(key, ()):
            if isinstance(inner, Undos):
                inner.drop()
        self._units[key] = [undo]

    @property
    def number(self) -> int:
        """That of the node which ended last."""
        return max((undo.number for undos in self._units.values() for undo in undos), default=0)

    async def run_within(self, limit_s: float) -> None:
        """Run all undos. What has not ended after `limit_s` is stopped, and recorded."""
        try:
            async with asyncio.timeout(limit_s):
                await self.run()
        except TimeoutError:
            self.leave()
        self.drop()

    def leave(self) -> None:
        for undo in (undo for undos in self._units.values() for undo in undos):
            undo.leave()

    async def run(self) -> None:
        """Run all undos. What has ended is not run again, if this was cancelled."""
        graph, tasks = self._graph, self._context.tasks
        waiting = {key: len(children) for key, children in graph.children.items()}
        ready = [key for key, count in waiting.items() if not count]
        running: dict[asyncio.Task[None], UnitKey] = {}
        try:
            while ready or running:
                settled = [key for key in ready if key not in self._units]
                ready = sorted(set(ready) - set(settled), key=self._number_of)
                while ready and tasks.has_room:
                    key = ready.pop()
                    task = asyncio.ensure_future(self._run_unit(key))
                    tasks.count(task)
                    running[task] = key
                if running and not settled:
                    done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                    settled = [running.pop(task) for task in done]
                elif ready and not settled:
                    settled = [ready.pop()]
                    await self._run_unit(settled[0])
                for parent in (parent for key in settled for parent in graph.waits_for[key]):
                    waiting[parent] -= 1
                    if not waiting[parent]:
                        ready.append(parent)
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _run_unit(self, key: UnitKey) -> None:
        """Undo a node, or the elements of a loop, the last ones first."""
        unit = self._graph.units[key]
        most = unit.policy.concurrency if isinstance(unit, PlannedLoop) else 1
        waiting = iter(sorted(self._units[key], key=lambda undo: undo.number, reverse=True))

        async def work(begin_more: Callable[[], None]) -> None:
            for undo in waiting:
                begin_more()
                await undo.run()

        await run_together(work, most, self._context.tasks)

    def _number_of(self, key: UnitKey) -> int:
        return max(undo.number for undo in self._units[key])

    def drop(self) -> None:
        """Forget what is left, and free the values."""
        for inner in (undo for undos in self._units.values() for undo in undos):
            if isinstance(inner, Undos):
                inner.drop()
        self._units.clear()
        self._context.live.give_back(self.held)
        self.held = 0
