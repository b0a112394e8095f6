"""Chooses which nodes and loops of a plan a replay takes over from the record of its origin.

A replay from a node takes over what the node waits for. A retry takes over what has succeeded, failures that were
handled included; what has failed, was stopped or undone runs again, and all that waits for it.

A loop is one unit: it is taken over if it has ended, and otherwise runs again from its first element. A record does not
say what a loop has gathered; needs.py refuses a replay that would read it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from arcrun.engine.record import FAILED, SKIPPED, SUCCESS
from arcrun.errors import NotFoundError
from arcrun.replays.errors import build_impossible
from arcrun.replays.replay import TakenNode
from arcrun.templates.template import ROUNDS
from arcrun.workflows.model import INPUT, STOP
from arcrun.workflows.plan import Graph, InEdge, Plan, PlannedLoop, PlannedNode, UnitKey
from arcrun.workflows.relations import Fires

CUT = "_truncated"  # a value that the record had no room for (arcrun/engine/truncation.py)
CANCELLED = "CANCELLED"
MAX_NAMED = 20  # nodes in a message


@dataclass(frozen=True)
class Taken:
    """The nodes and loops that are taken over; the nodes in the bodies of the loops are among `nodes`. Of those `loops`
    in `stopped` a join has succeeded that then needed them no more. `gathered` is what loops have gathered, of those of
    which it is known; `secrets` are those that may be in the values.
    """

    nodes: Mapping[str, TakenNode] = field(default_factory=dict)
    loops: frozenset[UnitKey] = frozenset()
    stopped: frozenset[UnitKey] = frozenset()
    gathered: Mapping[UnitKey, Mapping[str, Any]] = field(default_factory=dict)
    secrets: Sequence[str] = ()


class _Way(Enum):
    """What becomes of a unit."""

    TAKEN = auto()
    DECIDED_AGAIN = auto()  # it has not run: its lines decide
    RUNS_AGAIN = auto()


def take_before(plan: Plan, record: Mapping[str, Any], start: str) -> Taken:
    """What a replay from the node `start` takes over; for a node in a loop it begins with the outermost loop.

    Raises NotFoundError NODE_NOT_FOUND, ConflictError REPLAY_NOT_POSSIBLE.
    """
    graph, origin = plan.graph, _Origin(plan.graph, record)
    first = _find_unit(plan, start)
    before, cancelled = _find_before(graph, first), graph.early_joins.get(first, frozenset[UnitKey]())
    for key in graph.units:
        reason = origin.find_obstacle(key)
        if not reason and key in cancelled and isinstance(graph.units[key], PlannedLoop):
            reason = _describe_unended(key[1])  # the join may have cancelled it
        if reason and key in before:
            raise build_impossible(
                f"The replay cannot begin with `{start}`: {reason}.",
                f"Begin with `{key[0]}` or before it: --from {key[0]}",
                "Or replay the whole run: leave out --from.",
                node=key[0],
            )
    return origin.take(before)


def _describe_unended(item: str) -> str:
    return f"the record does not say that the loop over `{item}` has ended"


def take_succeeded(plan: Plan, record: Mapping[str, Any]) -> Taken:
    """What a retry takes over."""
    origin = _Origin(plan.graph, record)
    again = set[UnitKey]()
    for key in _order(plan.graph):
        if origin.ways[key] is _Way.RUNS_AGAIN or origin.is_reached(key, again):
            again.add(key)
    return origin.take(plan.graph.units.keys() - again)


def _find_unit(plan: Plan, name: str) -> UnitKey:
    """The node, or the outermost loop that it is in. Raises NotFoundError NODE_NOT_FOUND."""
    graph = plan.graph
    if (name, "") in graph.units:
        return name, ""
    for loop in graph.loops:
        if any(node.name == name for node in loop.body.all_nodes()):
            return loop.source, loop.item
    names = [node.name for node in plan.nodes]
    listed = ", ".join(names[:MAX_NAMED]) + (" ..." if len(names) > MAX_NAMED else "")
    raise NotFoundError(
        f"There is no node `{name[:100]}` in this version of `{plan.name}`.",
        code="NODE_NOT_FOUND",
        next_actions=[f"Its nodes: {listed}."],
    )


def _find_before(graph: Graph, start: UnitKey) -> frozenset[UnitKey]:
    """All units that `start` waits for, directly or through others."""
    before, pending = set[UnitKey](), [start]
    while pending:
        for key in graph.waits_for[pending.pop()] - before:
            before.add(key)
            pending.append(key)
    return frozenset(before)


def _order(graph: Graph) -> list[UnitKey]:
    """The units, each behind those that it waits for."""
    waiting = {key: len(wanted) for key, wanted in graph.waits_for.items()}
    ordered = [key for key, count in waiting.items() if not count]
    for key in ordered:
        for child in graph.children[key]:
            waiting[child] -= 1
            if not waiting[child]:
                ordered.append(child)
    return ordered


class _Origin:
    """The record of the origin, unit by unit."""

    def __init__(self, graph: Graph, record: Mapping[str, Any]) -> None:
        self._graph, self._has_succeeded = graph, record["status"] == SUCCESS
        stops = any(ending.name == STOP for ending in graph.all_endings)
        self._has_decided_all = self._has_succeeded and not stops
        self._entries = {entry["node"]: entry for entry in record.get("trace", ())}
        # What a run that has succeeded has undone is of workflows that it called, and that have failed.
        undone = () if self._has_succeeded else record.get("undos", ())
        self._undone = {entry["node"].partition(".")[0] for entry in undone}
        self._ended_by = record.get("node")  # the node whose failure nothing has handled
        self._reasons: dict[UnitKey, str] = {}
        self._stopped = set[UnitKey]()
        self.ways = {key: self._judge(key) for key in graph.units}

    def find_obstacle(self, key: UnitKey) -> str:
        """Why a unit that has run cannot be taken over; empty if it can."""
        return self._reasons.get(key, "")

    def take(self, keys: "frozenset[UnitKey] | set[UnitKey]") -> Taken:
        """Those of these units that can be taken over."""
        nodes: dict[str, TakenNode] = {}
        loops = set[UnitKey]()
        for key in keys:
            if self.ways[key] is not _Way.TAKEN:
                continue
            unit = self._graph.units[key]
            if isinstance(unit, PlannedNode):
                nodes[unit.name] = self._take_node(unit)
                continue
            loops.add(key)
            nodes |= {node.name: TakenNode(self._status_of(node.name) or SKIPPED) for node in unit.body.all_nodes()}
        return Taken(nodes, frozenset(loops), frozenset(loops & self._stopped))

    def is_reached(self, key: UnitKey, again: set[UnitKey]) -> bool:
        """Whether a unit waits for one of those that run `again`. A join that started early, and was done without them,
        does not.
        """
        reached = self._graph.waits_for[key] & again
        unit = self._graph.units[key]
        if not reached or key not in self._graph.early_joins or not isinstance(unit, PlannedNode) or unit.join is None:
            return bool(reached)
        left = [edge for edge in unit.parents if self._graph.unit_of(edge) not in again]
        return sum(self._has_fired(edge) is True for edge in left) < unit.join.needed(len(unit.parents))

    def _status_of(self, name: str) -> Any:
        status = self._entries.get(name, {}).get("status")
        return next((known for known in (SUCCESS, FAILED, SKIPPED) if known == status), None)

    def _judge(self, key: UnitKey) -> _Way:
        unit = self._graph.units[key]
        way, reason = self._judge_loop(unit) if isinstance(unit, PlannedLoop) else self._judge_node(unit)
        if reason:
            self._reasons[key] = reason
        return way

    def _judge_node(self, node: PlannedNode) -> tuple[_Way, str]:
        status, error = self._status_of(node.name), self._entries.get(node.name, {}).get("error") or {}
        if status is None:
            return _Way.RUNS_AGAIN, f"the record has no `{node.name}`"
        if node.name in self._undone and status is not FAILED:
            return _Way.RUNS_AGAIN, f"what `{node.name}` had done was undone"
        if status is SUCCESS:
            return _Way.TAKEN, ""
        if error.get("code") == CANCELLED or (status is SKIPPED and error):
            return (_Way.TAKEN if self._was_needless((node.name, "")) else _Way.RUNS_AGAIN), ""
        if status is SKIPPED:
            is_sure = self._has_decided_all or all(self._has_fired(edge) is False for edge in node.parents)
            return (_Way.TAKEN if is_sure else _Way.DECIDED_AGAIN), ""
        if node.handles_failure and node.name != self._ended_by:
            return _Way.TAKEN, ""
        return _Way.RUNS_AGAIN, f"`{node.name}` has failed"

    def _judge_loop(self, loop: PlannedLoop) -> tuple[_Way, str]:
        if loop.source != INPUT and self._status_of(loop.source) is not SUCCESS:
            return _Way.DECIDED_AGAIN, ""
        names = [node.name for node in loop.body.all_nodes()]
        if unknown := [name for name in names if self._status_of(name) is None]:
            return _Way.RUNS_AGAIN, f"the record has no `{unknown[0]}`"
        if any(name in self._undone for name in names):
            return _Way.RUNS_AGAIN, f"what the loop over `{loop.item}` had done was undone"
        key = loop.source, loop.item
        waiting = [
            name for name, item in self._graph.children[key] if not item and (name, "") not in self._graph.early_joins
        ]
        if any(self._status_of(name) in (SUCCESS, FAILED) for name in waiting):
            return _Way.TAKEN, ""
        needing = [name for (name, _), cancelled in self._graph.early_joins.items() if key in cancelled]
        if needing and all(self._status_of(name) is SUCCESS for name in needing):
            self._stopped.add(key)
            return _Way.TAKEN, ""
        if self._has_decided_all and not needing:
            return _Way.TAKEN, ""
        return _Way.RUNS_AGAIN, _describe_unended(loop.item)

    def _was_needless(self, key: UnitKey) -> bool:
        """Whether a join that has run had cancelled it."""
        return any(
            key in cancelled and self._status_of(name) in (SUCCESS, FAILED)
            for (name, _), cancelled in self._graph.early_joins.items()
        )

    def _has_fired(self, edge: InEdge) -> bool | None:
        """Whether an edge has fired; None if the record does not say it for sure."""
        status, fires = (SUCCESS if edge.source == INPUT else self._status_of(edge.source)), edge.spec.fires
        if status is None or fires is Fires.AFTER_LOOP:
            return None if status is SUCCESS else False
        if fires is Fires.ON_FAILURE:
            return status is FAILED
        if status is not SUCCESS:
            return False
        return True if fires is Fires.ON_SUCCESS else None

    def _take_node(self, node: PlannedNode) -> TakenNode:
        entry = self._entries[node.name]
        status = self._status_of(node.name)
        if status is SKIPPED or entry.get("error", {}).get("code") == CANCELLED:
            return TakenNode(SKIPPED)
        if status is FAILED:
            return TakenNode(FAILED, {"success": False, "error": self._read_error(entry)})
        envelope = entry.get("output", {CUT: True})
        if "rounds" in entry and CUT not in envelope:
            envelope = {**envelope, ROUNDS: entry["rounds"]["count"]}
        return TakenNode(SUCCESS, envelope)

    def _read_error(self, entry: Mapping[str, Any]) -> Mapping[str, Any]:
        """The error. Where the record has left out the values of its node, the error's details are missing too."""
        error: Mapping[str, Any] = entry["error"]
        given = entry.get("input")
        is_bare = isinstance(given, Mapping) and given.get(CUT) is True and "preview" not in given
        return {**error, "details": {CUT: True, **error.get("details", {})}} if is_bare else error
