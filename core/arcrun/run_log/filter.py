"""The filter of a list of runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from arcrun.engine.record import StoredRecord, Verdict
from arcrun.engine.run_id import time_of

Told = TypeVar("Told", Verdict, StoredRecord)

NEEDS_DECISION = "needs_decision"  # of a run that has not ended: somebody must decide about a call (`once`)
STATUSES = ("success", "failed", "cancelled", "running", NEEDS_DECISION, "queued", "lost")
UNFINISHED = ("running", NEEDS_DECISION, "queued")
# How long after its deadline a run without a record counts as lost: within a minute in all, because a run has 30 s. A
# run in KV may briefly look lost from elsewhere, until its record is visible there.
LOST_AFTER_MS = 25_000


@dataclass(frozen=True)
class RunFilter:
    """A filter of runs. None means any. Runs match if they started at or after `since_ms` and before `until_ms`. `text`
    is a part of the workflow's name, the run's id or its error's code, ignoring the case of ASCII letters. `is_dead` is
    for dead letters alone, and accepted runs that are lost.
    """

    workflow: str | None = None
    status: str | None = None
    version: int | None = None
    trigger: str | None = None
    since_ms: float | None = None
    until_ms: float | None = None
    text: str | None = None
    is_dead: bool | None = None

    @classmethod
    def load(cls, asked: Mapping[str, Any]) -> "RunFilter":
        """Load it from `to_json`. Unknown fields are ignored."""
        return cls(**{name: asked[name] for name in cls.__dataclass_fields__ if name in asked})

    def to_json(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if value is not None}

    def matches(self, verdict: Verdict) -> bool:
        """Whether a judged verdict matches. It is of a run outside a RunLog, where there are no dead letters."""
        if self.is_dead:
            return False
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
    """Lower case as SQLite's `lower` makes it."""
    return text.encode("utf-8", "surrogatepass").lower()


def judge(found: Told, now_ms: float) -> Told:
    """A record or verdict as it is reported: without its deadline, and "lost" instead of "running" once that has
    passed, "queued" if there is none yet.
    """
    judged = found.copy()
    deadline_ms = judged.pop("deadline_ms", None)
    if deadline_ms == 0:
        judged["status"] = "queued"
    elif deadline_ms is not None and now_ms > deadline_ms + LOST_AFTER_MS:
        judged["status"] = "lost"
    return judged
