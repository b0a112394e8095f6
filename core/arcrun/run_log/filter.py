"""Which runs a list shows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from arcrun.engine.record import StoredRecord, Verdict
from arcrun.engine.run_id import time_of

Told = TypeVar("Told", Verdict, StoredRecord)

STATUSES = ("success", "failed", "running", "lost")
# How long after its deadline a run that has left no record counts as lost: within a minute in all, for a run has 30 s.
# A run in KV may look lost from elsewhere for a moment, until its record is seen there.
LOST_AFTER_MS = 25_000


@dataclass(frozen=True)
class RunFilter:
    """None is "any". `since_ms` is the first moment, `until_ms` the first after it, at which a run has started.
    `text` is a part of the workflow's name, of the run's id or of its error's code; the case of ASCII letters does not
    matter.
    """

    workflow: str | None = None
    status: str | None = None
    version: int | None = None
    trigger: str | None = None
    since_ms: float | None = None
    until_ms: float | None = None
    text: str | None = None

    @classmethod
    def load(cls, asked: Mapping[str, Any]) -> "RunFilter":
        """From `to_json`. What this code does not know is left out."""
        return cls(**{name: asked[name] for name in cls.__dataclass_fields__ if name in asked})

    def to_json(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if value is not None}

    def matches(self, verdict: Verdict) -> bool:
        """Of one that is judged."""
        asked = (
            (self.workflow, verdict["workflow"]),
            (self.status, verdict["status"]),
            (self.version, verdict["version"]),
            (self.trigger, verdict["trigger"]),
        )
        if any(wanted not in (None, found) for wanted, found in asked):
            return False
        started_ms = time_of(verdict["id"])
        if self.since_ms is not None and started_ms < self.since_ms:
            return False
        if self.until_ms is not None and started_ms >= self.until_ms:
            return False
        told = (verdict["workflow"], verdict["id"], verdict.get("error", ""))
        return self.text is None or any(_lower(self.text) in _lower(value) for value in told)


def _lower(text: str) -> bytes:
    """As SQLite's `lower`."""
    return text.encode("utf-8", "surrogatepass").lower()


def judge(found: Told, now_ms: float) -> Told:
    """A record or verdict as it is told: without its deadline; "lost" instead of "running" where that has passed."""
    judged = found.copy()
    deadline_ms = judged.pop("deadline_ms", None)
    if deadline_ms is not None and now_ms > deadline_ms + LOST_AFTER_MS:
        judged["status"] = "lost"
    return judged
