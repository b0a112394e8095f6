"""What happened in a run: the trace, one entry a node, and the answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from arcrun.errors import ArcrunError


class NodeStatus(StrEnum):
    SUCCESS = "success"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class NodeRecord:
    """`start_ms` counts from the run's start. `output` is the component's envelope; None if it did not answer."""

    node: str
    component: str
    status: NodeStatus
    attempts: int = 0
    start_ms: float = 0
    duration_ms: float = 0
    output: Mapping[str, Any] | None = None
    error: ArcrunError | None = None

    def to_json(self) -> dict[str, Any]:
        """The trace entry of the wire format."""
        entry = {
            "node": self.node,
            "component": self.component,
            "status": self.status.value,
            "attempts": self.attempts,
            "start_ms": round(self.start_ms, 3),
            "duration_ms": round(self.duration_ms, 3),
        }
        if self.error is not None:
            return {**entry, "error": self.error.to_json()}
        return {**entry, "output": self.output} if self.output is not None else entry


@dataclass(frozen=True)
class RunRecord:
    """`error` is that of the node whose failure failed the run."""

    run_id: str
    workflow: str
    data: Any
    error: ArcrunError | None
    duration_ms: float
    trace: tuple[NodeRecord, ...]

    def to_json(self) -> dict[str, Any]:
        """The answer to whoever started the run."""
        result = {"data": self.data} if self.error is None else {"error": self.error.to_json()}
        return {
            "success": self.error is None,
            **result,
            "run_id": self.run_id,
            "duration_ms": round(self.duration_ms, 3),
            "trace": [entry.to_json() for entry in self.trace],
        }
