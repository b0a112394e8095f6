"""Undoes what the nodes of a failed run have done.

The undo of a node runs once those of all that came after it in the graph have ended: in reverse order, and side by
side where the graph allows. Of several that may run, those of nodes that ended last go first. One that fails holds up
no other.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from arcrun.engine.budget import UNDO_SUBREQUESTS, UNDO_WORK
from arcrun.engine.calls import Call
from arcrun.engine.context import Iteration, NodeEnd, RunContext, SkippedNode, name_step
from arcrun.engine.node_run import NodeRun, build_cancelled
from arcrun.engine.tasks import run_together
from arcrun.errors import ArcrunError
from arcrun.templates.template import START, Scope
from arcrun.workflows.plan import Graph, PlannedLoop, PlannedNode, UnitKey

TIME_IS_OVER = "the time for undoing the run was over"


def select_scope(node: PlannedNode, scope: Scope) -> Scope:
    """What the undo `node` reads of a scope."""
    return {name: scope[name] for name in (*node.reads, START) if name in scope}


@dataclass
class Undo:
    """The undo of a node that has succeeded, in `iteration`. `number` counts the nodes of the run in the order of their
    ends; `weight` is that of the values that it reads and holds.
    """

    node: PlannedNode
    make_call: Callable[[], Call]
    context: RunContext
    iteration: Iteration
    number: int
    weight: int
    has_ended: bool = False
    _run: NodeRun | None = None
    _tries: int = 0

    def reserve(self) -> None:
        """Set aside what it takes of the run's budgets. Raises the errors of an exhausted one."""
        context = self.context
        context.budget.subrequests.reserve(UNDO_SUBREQUESTS)
        context.budget.work.reserve(UNDO_WORK)
        context.live.take(self.weight)

    async def run(self) -> None:
        if self.has_ended:
            return
        if self._run is None:
            self._release()
        await self.context.pace.step()
        self._tries += 1  # one that was stopped with its workflow begins again
        step = name_step(self.context, f"undo {self.node.name} {self._tries}", self.iteration)
        self._run = NodeRun(self.node, self.make_call(), self.context, step)
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

    def drop(self) -> None:
        self.context.live.give_back(self.weight)
        self.weight = 0

    def _release(self) -> None:
        self.context.budget.subrequests.release(UNDO_SUBREQUESTS)
        self.context.budget.work.release(UNDO_WORK)

    def _note(self, end: NodeEnd) -> None:
        self.has_ended = True
        context = self.context
        context.undone.add(end, f"{context.path}{self.node.name}", self.iteration, context.trace_budget)


class Undos:
    """What is to be undone of one run of a graph, by unit: a node's undo, or what is to be undone of the runs inside
    it, which are a loop's elements or a node's sub-workflows.
    """

    def __init__(self, graph: Graph, context: RunContext) -> None:
        self._graph, self._context = graph, context
        self._units: dict[UnitKey, list[Undo | Undos]] = {}

    def add(self, key: UnitKey, undos: "Undos") -> None:
        self._units.setdefault(key, []).append(undos)

    def set(self, key: UnitKey, undo: Undo) -> None:
        """Let the undo of a node stand for all that is inside it. Raises the errors of an exhausted budget."""
        for inner in self._units.get(key, ()):
            inner.drop()
        self._units[key] = [undo]
        try:
            undo.reserve()
        except ArcrunError:
            undo.weight = 0
            raise

    def has_own(self, key: UnitKey) -> bool:
        """Whether a node's own undo is among them."""
        return any(isinstance(undo, Undo) for undo in self._units.get(key, ()))

    @property
    def number(self) -> int:
        """That of the node which ended last."""
        return max((undo.number for undos in self._units.values() for undo in undos), default=0)

    async def run_in_time(self) -> None:
        """Run all undos, within what is left of the run's time for them. What has not ended then is stopped, and
        recorded. If this is cancelled, the rest is left to the end of the run.
        """
        undone, clock = self._context.undone, self._context.ports.clock
        began_ms = clock.now_ms()
        try:
            is_timed = self._context.journal is None
            async with asyncio.timeout(max(0.0, undone.left_ms) / 1000 if is_timed else None):
                await self.run()
        except TimeoutError:
            self.leave()
        except asyncio.CancelledError:
            undone.unfinished.append(self.run_in_time)
            raise
        finally:
            undone.left_ms -= clock.now_ms() - began_ms
        self.drop()

    async def run(self) -> None:
        """Run all undos that have not ended."""
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
                    settled = [running.pop(task) for task in tuple(running) if task in done]
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

    def leave(self) -> None:
        for undo in (undo for undos in self._units.values() for undo in undos):
            undo.leave()

    def drop(self) -> None:
        """Forget what is left, and free the values."""
        for undo in (undo for undos in self._units.values() for undo in undos):
            undo.drop()
        self._units.clear()
