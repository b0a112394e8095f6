"""How many of the platform's steps a durable run takes, as far as its plan says it."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from arcrun.durable.marks import is_marked
from arcrun.durable.purity import Purity
from arcrun.durable.waits import APPROVE, WAIT, WAIT_FOR
from arcrun.workflows.plan import Graph, Plan, PlannedLoop, PlannedNode, Unit

_WAKING = {WAIT_FOR: 1, APPROVE: 2}  # the latter asks in a step, too


@dataclass(frozen=True)
class StepCount:
    """`steps` if all of it runs once, without retries and undos; and `each`: by what is repeated, what each adds."""

    steps: int = 0
    each: tuple[tuple[str, "StepCount"], ...] = ()

    def __add__(self, other: "StepCount") -> "StepCount":
        return StepCount(self.steps + other.steps, (*self.each, *other.each))

    def __str__(self) -> str:
        """Such as "2 + 3 for each element of input.items"."""
        own = [str(self.steps)] if self.steps or not self.each else []
        added = (f"{f'({count})' if count.each else count} for each {what}" for what, count in self.each)
        return " + ".join((*own, *added))

    def to_json(self) -> dict[str, Any]:
        """{"text", "steps"}, and "each": [{"what", "text", "steps", "each"}] where there is any."""
        each = [{"what": what, **count.to_json()} for what, count in self.each]
        return {"text": str(self), "steps": self.steps, **({"each": each} if each else {})}


class StepCounter:
    """`callees` are the plans of the workflows that may be called, by name. One that calls itself counts once."""

    def __init__(self, purity: Purity, callees: Mapping[str, Plan]) -> None:
        self._purity, self._callees = purity, callees
        self._open: list[str] = []  # the workflows that are being counted

    def count(self, graph: Graph) -> StepCount:
        units = graph.chain or tuple(graph.units.values())
        total = StepCount()
        for is_pure, group in groupby(units, self._purity.is_pure):
            stretch = [*group]
            if is_pure:  # in a chain, what is pure is one step; elsewhere each is tried by itself
                total += StepCount(1 if graph.chain else len(stretch))
            else:
                total = sum(map(self._count_unit, stretch), total)
        return total

    def _count_unit(self, unit: Unit) -> StepCount:
        if isinstance(unit, PlannedLoop):
            element = f"{unit.policy.batch} elements" if unit.policy.batch else "element"
            return StepCount(each=((f"{element} of {unit.path}", self.count(unit.body)),))
        once = self._count_call(unit)
        if unit.tools:
            called = tuple((f"call of {tool.call.name}", self._count_call(tool.call)) for tool in unit.tools)
            return once + StepCount(each=((f"further round of {unit.name}", once), *called))
        if unit.repeat is None:
            return once
        more = once + StepCount(1) if unit.repeat.wait_ms else once
        return once + StepCount(each=((f"further round of {unit.name}", more),))

    def _count_call(self, node: PlannedNode) -> StepCount:
        """A call of a component or a detached workflow is a step, and so is the mark before one that is done once or
        asks a model, and the end of a wait. What waits for somebody is woken in one more. A called workflow has its
        own.
        """
        if node.workflow is None or node.is_detached:
            component = node.component.partition("@")[0]
            in_zone = component == WAIT and "zone" in node.config  # when that is, is a step
            return StepCount(1 + is_marked(node) + _WAKING.get(component, 0) + in_zone)
        plan = self._callees.get(node.workflow)
        if plan is None or node.workflow in self._open:
            return StepCount()
        self._open.append(node.workflow)
        try:
            return self.count(plan.graph)
        finally:
            self._open.pop()
