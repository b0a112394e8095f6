"""What a run takes over from its origin, the run that it replays: nodes and loops that are not run again."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from arcrun.engine.record import FAILED, SKIPPED, SUCCESS, NodeRecord, NodeStatus
from arcrun.engine.truncation import shorten
from arcrun.errors import ArcrunError, ComponentError
from arcrun.json_size import size_of
from arcrun.wasm.abi import Outcome
from arcrun.workflows.plan import PlannedLoop, PlannedNode, Unit, UnitKey

ENTRY_BYTES = 300  # of a node in a trace, without its values


@dataclass(frozen=True)
class TakenNode:
    """A node as the origin's record has it. `envelope` is what it answered, `{"success": false, "error"}` if it failed,
    and empty if it was skipped or is in the body of a loop.
    """

    status: NodeStatus
    envelope: Mapping[str, Any] = field(default_factory=dict)

    def to_outcome(self) -> Outcome | None:
        """None if it was skipped."""
        if self.status is SKIPPED:
            return None
        return Outcome(self.envelope, self._read_error(), weight=size_of(self.envelope).weight)

    def _read_error(self) -> ArcrunError | None:
        if self.status is not FAILED:
            return None
        told = self.envelope.get("error", {})
        error = ArcrunError(
            told.get("message", "The record has no more of this error."),
            code=told.get("code", ComponentError.code),
            next_actions=told.get("next_actions", ()),
            details=told.get("details", {}),
        )
        error.retriable = told.get("retriable", False)
        return error


_NOT_RECORDED = TakenNode(SKIPPED)


class TakenEnd:
    """The end of a node that was taken over; a NodeEnd (context.py)."""

    attempts, duration_ms, fuel = 0, 0.0, None

    def __init__(self, node: PlannedNode, status: NodeStatus, outcome: Outcome | None, start_ms: float) -> None:
        self.node, self._component, self.status, self.start_ms = node.name, node.component, status, start_ms
        self._outcome = outcome

    def record(self, room_bytes: int) -> NodeRecord:
        record = NodeRecord(
            self.node, self._component, self.status, start_ms=self.start_ms, bytes=ENTRY_BYTES, is_taken_over=True
        )
        if self._outcome is None:
            return record
        record.error, record.output = self._outcome.error, self._outcome.envelope
        if ENTRY_BYTES + self._outcome.weight > room_bytes:
            record.output = shorten(self._outcome.envelope, self._outcome.weight)
        record.bytes += self._outcome.weight
        return record


@dataclass(frozen=True)
class Replay:
    """An AnyReplay (arcrun/engine/context.py). `nodes` and `loops` are taken over from the run `origin`; the nodes in
    the bodies of these loops are among `nodes`. Those in `stopped` have not ended. `gathered` is what loops have
    gathered, where it is known, and `secrets` what must not be recorded of all that.
    """

    origin: str
    nodes: Mapping[str, TakenNode] = field(default_factory=dict)
    loops: Collection[UnitKey] = frozenset()
    stopped: Collection[UnitKey] = frozenset()
    gathered: Mapping[UnitKey, Mapping[str, Any]] = field(default_factory=dict)
    secrets: Sequence[str] = ()

    def has_taken(self, unit: Unit) -> bool:
        if isinstance(unit, PlannedLoop):
            return (unit.source, unit.item) in self.loops
        return unit.name in self.nodes

    def has_ended(self, loop: PlannedLoop) -> bool:
        return (loop.source, loop.item) not in self.stopped

    def find_gathered(self, loop: PlannedLoop) -> Mapping[str, Any] | None:
        return self.gathered.get((loop.source, loop.item))

    def name_secrets(self) -> Mapping[str, str]:
        return {f"{self.origin} {number}": secret for number, secret in enumerate(self.secrets)}

    @property
    def has_kept_values(self) -> bool:
        """Whether it has more than a record says of the origin."""
        return bool(self.gathered or self.secrets)

    def find_outcome(self, name: str) -> Outcome | None:
        return self.nodes[name].to_outcome()

    def end(self, node: PlannedNode, outcome: Outcome | None, start_ms: float) -> "TakenEnd":
        is_failure = outcome is not None and outcome.error is not None
        status = FAILED if is_failure else self.nodes.get(node.name, _NOT_RECORDED).status
        return TakenEnd(node, status, outcome, start_ms)

    def to_json(self) -> dict[str, Any]:
        return {
            "origin": self.origin,
            "nodes": {name: [taken.status.value, taken.envelope] for name, taken in self.nodes.items()},
            "loops": [list(key) for key in self.loops],
            "stopped": [list(key) for key in self.stopped],
            **({"gathered": [[*key, told] for key, told in self.gathered.items()]} if self.gathered else {}),
            **({"secrets": [*self.secrets]} if self.secrets else {}),
        }

    @classmethod
    def load(cls, told: Mapping[str, Any]) -> "Replay":
        """Load it from `to_json`."""
        nodes = {name: TakenNode(_STATUSES[status], envelope) for name, (status, envelope) in told["nodes"].items()}
        loops, stopped = (frozenset((source, item) for source, item in told[key]) for key in ("loops", "stopped"))
        gathered = {(source, item): outcome for source, item, outcome in told.get("gathered", ())}
        return cls(told["origin"], nodes, loops, stopped, gathered, told.get("secrets", ()))


_STATUSES = {status.value: status for status in (SUCCESS, FAILED, SKIPPED)}
