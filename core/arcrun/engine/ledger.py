"""Gathers what becomes of the nodes of a run: a record a node, however often a loop has run it, within a bound."""

from dataclasses import dataclass, field, replace

from arcrun.engine.record import Iterations, NodeRecord, NodeStatus, add_fuel
from arcrun.limits import MAX_TRACE_BYTES
from arcrun.workflows.plan import Plan

Iteration = tuple[int, ...]  # the index in each loop around a node, the outermost first
_COUNTED = (NodeStatus.SUCCESS, NodeStatus.FAILED, NodeStatus.SKIPPED)
_TELLING = (NodeStatus.FAILED, NodeStatus.SUCCESS, NodeStatus.SKIPPED)


class Room:
    """What is left of a run's trace, its sub-workflows' included, in bytes."""

    def __init__(self) -> None:
        self._left = MAX_TRACE_BYTES

    def admit(self, record: NodeRecord) -> NodeRecord:
        """The record as it is, or without its values where there is no room for them."""
        self._left -= record.bytes
        if self._left >= 0:
            return record
        self._left += record.bytes
        return record.without_values()


class Ledger:
    def __init__(self, plan: Plan, room: Room) -> None:
        self._plan, self._room = plan, room
        self._single: dict[str, NodeRecord] = {}
        self._repeated: dict[str, _Runs] = {}

    def add(self, record: NodeRecord, iteration: Iteration) -> None:
        if iteration:
            runs = self._repeated.get(record.node)
            if runs is None:
                runs = self._repeated[record.node] = _Runs()
            runs.add(record, iteration, self._room)
        else:
            self._single[record.node] = self._room.admit(record)

    def trace(self) -> tuple[NodeRecord, ...]:
        """Every node of the plan once, in the plan's order; what nothing was heard of was skipped."""
        return tuple(self._entry(node.name, node.component) for node in self._plan.nodes)

    def _entry(self, name: str, component: str) -> NodeRecord:
        if name in self._repeated:
            return self._repeated[name].merge()
        return self._single.get(name) or NodeRecord(name, component, NodeStatus.SKIPPED)


@dataclass
class _Runs:
    """Of one node in a loop, added up: however many there are, no more than three records are kept.

    `first` are those of the lowest iteration, by status. `ran` spans when those that were not skipped began and ended.
    """

    counts: dict[NodeStatus, int] = field(default_factory=lambda: dict.fromkeys(NodeStatus, 0))
    first: dict[NodeStatus, tuple[Iteration, NodeRecord]] = field(default_factory=dict)
    attempts: int = 0
    fuel: int | None = None
    ran: tuple[float, float] | None = None

    def add(self, record: NodeRecord, iteration: Iteration, room: Room) -> None:
        self.counts[record.status] += 1
        self.attempts += record.attempts
        self.fuel = add_fuel(self.fuel, record.fuel)
        first = self.first.get(record.status)
        if first is None or iteration < first[0]:
            self.first[record.status] = iteration, room.admit(record)
        if record.status is not NodeStatus.SKIPPED:
            start_ms, end_ms = record.start_ms, record.start_ms + record.duration_ms
            began_ms, ended_ms = self.ran or (start_ms, end_ms)
            self.ran = min(began_ms, start_ms), max(ended_ms, end_ms)

    def merge(self) -> NodeRecord:
        """When the first began and the last ended, and the values of the first failure or else success."""
        shown = next(self.first[status][1] for status in _TELLING if status in self.first)
        start_ms, end_ms = self.ran or (shown.start_ms, shown.start_ms + shown.duration_ms)
        return replace(
            shown,
            attempts=self.attempts,
            start_ms=start_ms,
            duration_ms=end_ms - start_ms,
            fuel=self.fuel,
            iterations=Iterations(*(self.counts[status] for status in _COUNTED)),
        )
