"""Gathers what becomes of the nodes of a run: one record a node, however often a loop has run it."""

from dataclasses import replace

from arcrun.engine.record import Iterations, NodeRecord, NodeStatus, sum_fuel
from arcrun.workflows.plan import Plan

Iteration = tuple[int, ...]  # the index in each loop around a node, the outermost first


class Ledger:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._single: dict[str, NodeRecord] = {}
        self._repeated: dict[str, list[tuple[Iteration, NodeRecord]]] = {}

    def add(self, record: NodeRecord, iteration: Iteration) -> None:
        if iteration:
            self._repeated.setdefault(record.node, []).append((iteration, record))
        else:
            self._single[record.node] = record

    def trace(self) -> tuple[NodeRecord, ...]:
        """Every node of the plan once, in the plan's order; what nothing was heard of was skipped."""
        return tuple(self._entry(node.name, node.component) for node in self._plan.nodes)

    def _entry(self, name: str, component: str) -> NodeRecord:
        if name in self._repeated:
            return _merge(sorted(self._repeated[name], key=lambda pair: pair[0]))
        return self._single.get(name) or NodeRecord(name, component, NodeStatus.SKIPPED)


def _merge(runs: list[tuple[Iteration, NodeRecord]]) -> NodeRecord:
    """Of many runs: when the first began and the last ended, and the values of the first failure or else success."""
    records = [record for _, record in runs]
    counts = {status: sum(record.status is status for record in records) for status in NodeStatus}
    telling = next(status for status in (NodeStatus.FAILED, NodeStatus.SUCCESS, NodeStatus.SKIPPED) if counts[status])
    shown = next(record for record in records if record.status is telling)
    ran = [record for record in records if record.status is not NodeStatus.SKIPPED] or records
    start_ms = min(record.start_ms for record in ran)
    end_ms = max(record.start_ms + record.duration_ms for record in ran)
    return replace(
        shown,
        attempts=sum(record.attempts for record in records),
        start_ms=start_ms,
        duration_ms=end_ms - start_ms,
        fuel=sum_fuel(record.fuel for record in records),
        iterations=Iterations(counts[NodeStatus.SUCCESS], counts[NodeStatus.FAILED], counts[NodeStatus.SKIPPED]),
    )
