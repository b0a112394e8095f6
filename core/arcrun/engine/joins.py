"""Runs the joins of a graph that may start before all of their parents have settled: `first` and `at_least`.

A node that has not settled counts as skipped. What a join cancels has not settled before it: the parents of a line that
has fired have, and with them all that leads there.
"""

import asyncio
import math
from collections import deque
from collections.abc import Callable, Iterable

from arcrun.errors import ArcrunError
from arcrun.workflows.plan import Graph, InEdge, PlannedNode, UnitKey


class _Lines:
    """The lines into one join: how many have fired, how many may still fire, and how many it needs."""

    def __init__(self, graph: Graph, node: PlannedNode) -> None:
        self.fired, self.open = 0, len(node.parents)
        self.needed = node.join.needed(self.open) if node.join else 1
        self.from_unit: dict[UnitKey, list[InEdge]] = {}
        for edge in node.parents:
            self.from_unit.setdefault(graph.unit_of(edge), []).append(edge)

    def settle(self, source: UnitKey, fires: Callable[[InEdge], bool]) -> bool:
        """Count the lines out of a unit that has settled. Returns whether it is now clear if the join runs."""
        lines = self.from_unit[source]
        self.open -= len(lines)
        self.fired += sum(map(fires, lines))
        return self.fired >= self.needed or self.fired + self.open < self.needed


class Race:
    """One run of a graph that has such joins. It puts a join into `ready` when it is clear whether it runs, and takes
    what the join cancels out of it. `waiting` has, for each unit, how many units it waits for.

    `fires` tells whether an edge out of a settled unit fires; `skip` records a unit that is cancelled before it began.
    `cancelled` has the units that were cancelled, each with the join that did it.
    """

    def __init__(
        self,
        graph: Graph,
        waiting: dict[UnitKey, float],
        ready: deque[UnitKey],
        fires: Callable[[InEdge], bool],
        skip: Callable[[UnitKey], None],
    ) -> None:
        self._graph, self._waiting, self._ready, self._fires, self._skip = graph, waiting, ready, fires, skip
        self._undecided = {
            key: _Lines(graph, node) for node in graph.nodes if (key := (node.name, "")) in graph.early_joins
        }
        self._settled: set[UnitKey] = set()
        self._tasks: dict[asyncio.Task[UnitKey], UnitKey] = {}
        self.cancelled: dict[UnitKey, str] = {}

    def begin(self) -> None:
        """Count the lines that leave the trigger, or the node around whose loop this graph is the body."""
        for key in self._undecided:
            self._waiting[key] = math.inf
            if key in self._ready:
                self._ready.remove(key)
        for key, lines in [*self._undecided.items()]:
            for source in [source for source in lines.from_unit if source not in self._graph.units]:
                if key in self._undecided and lines.settle(source, self._fires):
                    self._decide(key)

    def watch(self, task: asyncio.Task[UnitKey], key: UnitKey) -> None:
        self._tasks[task] = key

    def settle_tasks(self, done: Iterable[asyncio.Task[UnitKey]]) -> list[UnitKey]:
        """The units of tasks that have ended, in order. Raises what one of them raised, unless it was cancelled."""
        settled = []
        for task in done:
            key = self._tasks.pop(task)
            try:
                task.result()
            except asyncio.CancelledError:
                if key not in self.cancelled:
                    raise
                self._skip(key)
            except ArcrunError as error:
                if key not in self.cancelled or error.ends_run:
                    raise
            self.settle(key)
            settled.append(key)
        return settled

    def settle(self, key: UnitKey) -> None:
        """Decide the joins for which this unit was the one that mattered."""
        self._settled.add(key)
        for child in self._graph.children[key]:
            lines = self._undecided.get(child)
            if lines is not None and lines.settle(key, self._fires):
                self._decide(child)

    def _decide(self, join: UnitKey) -> None:
        del self._undecided[join]
        self._ready.append(join)
        running = {key: task for task, key in self._tasks.items()}
        for key in self._graph.early_joins[join] - self._settled - self.cancelled.keys():
            self.cancelled[key] = join[0]
            self._waiting[key] = math.inf
            self._undecided.pop(key, None)
            if key in self._ready:
                self._ready.remove(key)
            if key in running:
                running[key].cancel()
            else:
                self._skip(key)
