"""Which parts of a plan reach nothing outside: a durable run does them in one step, however many they are."""

from collections.abc import Collection

from arcrun.durable.marks import is_marked
from arcrun.workflows.plan import Graph, PlannedLoop, Unit


class Purity:
    """`pure` has the components whose calls reach nothing outside, and do not wait."""

    def __init__(self, pure: Collection[str]) -> None:
        self._pure = pure
        self._known: dict[int, tuple[Unit, bool]] = {}

    def is_pure(self, unit: Unit) -> bool:
        known = self._known.get(id(unit))
        if known is None:
            known = self._known[id(unit)] = unit, self._find(unit)
        return known[1]

    def _find(self, unit: Unit) -> bool:
        if isinstance(unit, PlannedLoop):
            return all(map(self.is_pure, unit.body.units.values()))
        waits = unit.retry is not None or is_marked(unit) or (unit.repeat is not None and unit.repeat.wait_ms > 0)
        return unit.workflow is None and unit.component in self._pure and not waits

    def count_steps(self, graph: Graph) -> int:
        """The fewest steps that a run of the graph takes if all of it runs."""
        units = graph.units.values()
        apart = [unit for unit in units if not self.is_pure(unit)]
        inner = sum(self.count_steps(unit.body) for unit in apart if isinstance(unit, PlannedLoop))
        nodes = sum(1 + is_marked(unit) for unit in apart if not isinstance(unit, PlannedLoop))
        return inner + nodes + (len(apart) < len(units))
