"""Checks that all values are known which a replay reads of what it takes over.

A record has no values that were too large for it, none of what secrets have been in, and nothing of what loops have
gathered. The origin may have kept these besides (origin_values.py).
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from arcrun.credentials.redaction import MARK
from arcrun.engine.record import FAILED, SKIPPED, SUCCESS
from arcrun.errors import ArcrunError
from arcrun.replays.choice import CUT, Taken
from arcrun.replays.errors import build_impossible
from arcrun.templates.template import LOOP_FIELDS, Reference
from arcrun.workflows.model import INPUT, TOOL_INPUT
from arcrun.workflows.plan import Graph, InEdge, Plan, PlannedLoop, PlannedNode, Unit
from arcrun.workflows.relations import Carries, Fires
from arcrun.workflows.responses.model import list_responses

_CUT_REASON = "the record had no room for it"
_REDACTED_REASON = "it has a secret in it, which is not recorded"
Steps = tuple[str, ...]
Names = frozenset[str]
NOTHING: Names = frozenset()


def require_known(plan: Plan, taken: Taken) -> None:
    """Raises ConflictError REPLAY_NOT_POSSIBLE, naming the node of which a value is missing."""
    if taken.nodes or taken.loops:
        _Reader(plan, taken).read()


class _Reader:
    def __init__(self, plan: Plan, taken: Taken) -> None:
        self._plan, self._taken = plan, taken
        unknown = taken.loops - taken.gathered.keys()
        self._ended = unknown - taken.stopped
        self._items = {item for _, item in unknown}
        self._loops = {  # by the name whose fields have what they have gathered
            loop.source: loop.item
            for loop in plan.graph.loops
            if (loop.source, loop.item) in unknown and (loop.source != INPUT or loop.names_input)
        }

    def read(self) -> None:
        graph = self._plan.graph
        for unit in graph.units.values():
            if not self._has_taken(unit):
                self._read_unit(unit, NOTHING)
        for source, exits in graph.exits.items():
            if source == INPUT or source in self._taken.nodes:
                for edge in exits.conditions:
                    self._read_names(edge.expression.names, f"IF({edge.argument})")
        self._read_edges(graph)
        for answered in list_responses(self._plan.response):
            for name, template in answered.parts:
                self._read_references(template.references, f"the response's `{name}`")

    def _has_taken(self, unit: Unit) -> bool:
        if isinstance(unit, PlannedLoop):
            return (unit.source, unit.item) in self._taken.loops
        return unit.name in self._taken.nodes

    def _read_edges(self, graph: Graph) -> None:
        """What edges read, and what they carry into the answer."""
        endings = [ending.edge for ending in graph.endings]
        for edge in (*(edge for node in graph.nodes for edge in node.parents), *(graph.answers or ()), *endings):
            self._read_decision(edge)
        for edge in (*(graph.answers or ()), *endings):
            self._read_carried(edge, "the answer")
        if graph.answers is None:
            for name in self._find_last(graph):
                self._require((name, "data"), "the answer")
            for loop in graph.loops:
                key = loop.source, loop.item
                if key in self._ended and not self._is_followed(key, graph):
                    raise self._build_gathered(loop.item, "the answer")

    def _find_last(self, graph: Graph) -> Iterator[str]:
        """The taken nodes that the answer may be of, as nothing is sure to follow them."""
        for name in self._taken.nodes:
            if (name, "") in graph.units and not self._is_followed((name, ""), graph):
                yield name

    def _is_followed(self, key: tuple[str, str], graph: Graph) -> bool:
        for child in graph.children[key]:
            unit = graph.units[child]
            if isinstance(unit, PlannedLoop):
                return True
            taken = self._taken.nodes.get(unit.name)
            if taken is not None and taken.status is not SKIPPED:
                return True
            sure = (Fires.ON_SUCCESS, Fires.AFTER_LOOP)
            lines = [edge.spec.fires for edge in unit.parents if graph.unit_of(edge) == key]
            if taken is None and unit.join is None and any(fires in sure for fires in lines):
                return True
        return False

    def _read_decision(self, edge: InEdge) -> None:
        """What decides whether an edge out of a taken node fires, besides conditions."""
        taken = self._taken.nodes.get(edge.source)
        if taken is not None and taken.status is SUCCESS and edge.spec.fires in (Fires.ON_RESULT, Fires.ON_BRANCH):
            field = "result" if edge.spec.fires is Fires.ON_RESULT else "branch"
            self._require((edge.source, "data", field), f"the lines out of `{edge.source}`")

    def _read_carried(self, edge: InEdge, reader: str) -> None:
        if edge.spec.carries is Carries.RESULTS:
            if edge.leaves in self._ended:
                raise self._build_gathered(edge.argument or edge.source, reader)
        elif edge.source in self._taken.nodes:
            taken = self._taken.nodes[edge.source]
            if taken.status is FAILED:
                if edge.spec.carries is Carries.ERROR:
                    self._require((edge.source, "error"), reader)
            else:
                self._require((edge.source, "data"), reader)

    def _read_unit(self, unit: Unit, bound: Names) -> None:
        if isinstance(unit, PlannedLoop):
            self._read_loop(unit, bound)
        else:
            self._read_node(unit, bound)

    def _read_loop(self, loop: PlannedLoop, bound: Names) -> None:
        reader = f"the list of `{loop.item}`"
        if loop.list_template is not None:
            self._read_references(loop.list_template.references, reader, bound)
        elif loop.source in self._taken.nodes:
            self._require((loop.source, "data"), reader)
        inner = bound | {loop.item, loop.index} | {node.name for node in loop.body.all_nodes()}
        if loop.policy.until:
            self._read_names(loop.policy.expression.names, f"`until` of `{loop.item}`", inner)
        for unit in loop.body.units.values():
            self._read_unit(unit, inner)
        for exits in loop.body.exits.values():
            for edge in exits.conditions:
                self._read_names(edge.expression.names, f"IF({edge.argument})", inner)

    def _read_node(self, node: PlannedNode, bound: Names) -> None:
        reader = f"`{node.name}`"
        self._read_references(node.template.references, reader, bound)
        if node.taken is not None:
            self._read_references(node.taken.references, reader, bound)
        if node.repeat is not None:
            own = bound | {node.name}
            self._read_names(node.repeat.expression.names, f"`until` of {reader}", own)
            if node.repeat.template is not None:
                self._read_references(node.repeat.template.references, reader, own)
        if node.undo is not None:
            self._read_node(node.undo, bound | {node.name})
        for tool in node.tools:
            self._read_node(tool.call, bound | {TOOL_INPUT})
        if node.fills_fields:  # of plans of format 2: from whatever arrived
            for edge in node.parents:
                self._read_carried(edge, reader)

    def _read_names(self, names: Iterable[str], reader: str, bound: Names = NOTHING) -> None:
        for name in names:
            if name not in bound:
                self._require((name,), reader)

    def _read_references(self, references: Iterable[Reference], reader: str, bound: Names = NOTHING) -> None:
        for reference in references:
            if reference.head not in bound:
                self._require(reference.steps, reader)

    def _require(self, steps: Steps, reader: str) -> None:
        """Raises ConflictError if the value at a path is not known."""
        name, rest = steps[0], steps[1:]
        if name in self._items:
            raise self._build_gathered(name, reader)
        if name in self._loops and rest[:1] and rest[0] in LOOP_FIELDS:
            raise self._build_gathered(self._loops[name], reader)
        taken = self._taken.nodes.get(name)
        if taken is None or taken.status is SKIPPED:
            return
        if taken.status is FAILED and rest[:1] == ("data",):
            raise _build_unknown(name, "the record has only its error", reader)
        if reason := _find_gap(taken.envelope, rest):
            raise _build_unknown(name, reason, reader)

    def _build_gathered(self, item: str, reader: str) -> ArcrunError:
        return build_impossible(
            f"{reader} needs what the loop over `{item}` has gathered, which no record has.",
            "Begin with the loop or before it, so that it runs again: --from a node of it, or its source.",
            "Or replay the whole run: leave out --from.",
            loop=item,
        )


def _build_unknown(name: str, reason: str, reader: str) -> ArcrunError:
    return build_impossible(
        f"{reader} needs what `{name}` answered, and {reason}.",
        f"Begin with `{name}` or before it: --from {name}",
        "Or replay the whole run: leave out --from.",
        node=name,
    )


def _find_gap(value: Any, steps: Steps) -> str:
    """Why the value at a path is not known; empty if it is."""
    for step in steps:
        if isinstance(value, Mapping):
            if value.get(CUT) is True:
                return _CUT_REASON
            if step not in value:
                return _REDACTED_REASON if any(MARK in key for key in value) else ""
            value = value[step]
        else:
            break  # of a list, all of it must be known
    if isinstance(value, Mapping) and (value.get(CUT) is True or _has_bare_error(value)):
        return _CUT_REASON
    return _REDACTED_REASON if MARK in json.dumps(value, ensure_ascii=False) else ""


def _has_bare_error(value: Mapping[str, Any]) -> bool:
    error = value.get("error", value)
    details = error.get("details") if isinstance(error, Mapping) else None
    return isinstance(error, Mapping) and (
        error.get(CUT) is True or (isinstance(details, Mapping) and details.get(CUT) is True)
    )
