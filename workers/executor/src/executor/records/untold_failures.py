"""Failed and lost runs of which the Workspace is still to be told, for workflows that failures start (`failure_of`), in
a Durable Object's SQLite.

A failure costs a row and its deletion. While no workflow is started by failures it costs nothing: the Workspace says so
when it is told, and for UNWATCHED_MS after that none is noted.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from arcrun.limits import MAX_TOLD_CHARACTERS, MAX_TOLD_FAILURES, MAX_UNTOLD_FAILURES
from arcrun.ports import Clock, Sql
from arcrun.run_log.filter import LOST_AFTER_MS
from arcrun.run_log.protocol import Blobs
from arcrun.workspace.failures import ToldFailure

TABLES = (
    "CREATE TABLE untold_failures (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE)",
    "ALTER TABLE starts ADD COLUMN is_told INTEGER NOT NULL DEFAULT 0",  # that the run is lost
)
DEPTHS = ("ALTER TABLE untold_failures ADD COLUMN depth INTEGER NOT NULL DEFAULT 1",)
TELL_MS = 1_000  # for failures to be told together
RETRY_MS = 20_000  # until it is tried again
UNWATCHED_MS = 60_000
UNKNOWN = {"code": "RUN_FAILED", "message": ""}
LOST = {"code": "RUN_LOST", "message": "The run was cut off before its end."}

Tell = Callable[[list[ToldFailure]], Awaitable[bool]]


class UntoldFailures:
    """The table `untold_failures`. `tell_ms` is when the Workspace is to be told, `lost_ms` when to look for lost runs;
    0 for never, as far as is known.
    """

    def __init__(self, sql: Sql, clock: Clock) -> None:
        self._sql, self._clock = sql, clock
        self._unwatched_until_ms = 0.0
        self._is_watched = False
        self.tell_ms = clock.now_ms() if sql.execute("SELECT 1 FROM untold_failures LIMIT 1") else 0.0
        self.lost_ms = 0.0

    def note(self, run_id: str, depth: int = 1) -> bool:
        """A run has failed, and may start runs of that depth. Returns whether an alarm is needed for it."""
        now_ms = self._clock.now_ms()
        if now_ms < self._unwatched_until_ms:
            return False
        self._sql.execute("INSERT OR IGNORE INTO untold_failures (id, depth) VALUES (?, ?)", run_id, depth)
        if self.tell_ms:
            return False
        self.tell_ms = now_ms + TELL_MS
        return True

    def expect_end(self, deadline_ms: float) -> bool:
        """An accepted run has until then. Returns whether an alarm is needed for it."""
        look_ms = deadline_ms + LOST_AFTER_MS + TELL_MS
        if not self._is_watched or (self.lost_ms and self.lost_ms <= look_ms):
            return False
        self.lost_ms = look_ms
        return True

    async def tell(self, tell: Tell | None) -> None:
        """Tell of a batch, and set `tell_ms` for the rest. Raises UpstreamError: then it is tried again."""
        self.tell_ms = self._clock.now_ms() + RETRY_MS
        told = self._list()
        is_watched = bool(told) and tell is not None and await tell(told)
        if is_watched:
            self._is_watched = True
            self._sql.execute("DELETE FROM untold_failures WHERE number <= ?", told[-1]["number"])
        else:
            self._is_watched = False
            self._unwatched_until_ms = self._clock.now_ms() + UNWATCHED_MS if told else 0
            self._sql.execute("DELETE FROM untold_failures")
        self.tell_ms = self._clock.now_ms() if self._sql.execute("SELECT 1 FROM untold_failures LIMIT 1") else 0

    def note_lost(self) -> None:
        """Look for accepted runs that have not ended in time, and note them once."""
        now_ms = self._clock.now_ms()
        due = (
            "FROM runs WHERE id IN (SELECT id FROM starts WHERE is_told = 0) AND status = 'running' AND deadline_ms > 0"
        )
        lost = self._sql.execute(
            f"SELECT id {due} AND deadline_ms < ? LIMIT ?", now_ms - LOST_AFTER_MS, MAX_TOLD_FAILURES
        )
        for row in lost:
            self._sql.execute("UPDATE starts SET is_told = 1 WHERE id = ?", row["id"])
            self.note(row["id"])
        [found] = self._sql.execute(f"SELECT MIN(deadline_ms) AS ms {due}") if self._is_watched else [{"ms": None}]
        self.lost_ms = 0 if found["ms"] is None else max(now_ms, found["ms"] + LOST_AFTER_MS) + TELL_MS

    def _list(self) -> list[ToldFailure]:
        too_many = "SELECT number FROM untold_failures ORDER BY number DESC LIMIT -1 OFFSET ?"
        self._sql.execute(f"DELETE FROM untold_failures WHERE number IN ({too_many})", MAX_UNTOLD_FAILURES)
        rows = self._sql.execute(
            "SELECT number, depth, runs.id, workflow, trigger, started_at, status, error, node,"
            f" CASE WHEN blobs & {Blobs.RESULT.value} = 0 AND json_valid(result)"
            " THEN result ->> '$.error.message' END AS message"
            " FROM untold_failures JOIN runs ON runs.id = untold_failures.id ORDER BY number LIMIT ?",
            MAX_TOLD_FAILURES,
        )
        return [_render(row) for row in rows]


def _render(row: dict[str, Any]) -> ToldFailure:
    error = {
        "code": row["error"] or UNKNOWN["code"],
        "message": (row["message"] or "")[:MAX_TOLD_CHARACTERS],
    }
    return {
        "number": row["number"],
        "workflow": row["workflow"],
        "run_id": row["id"],
        "trigger": row["trigger"],
        "started_at": row["started_at"],
        "error": error if row["status"] == "failed" else LOST,
        "node": row["node"] or None,
        "depth": row["depth"],
    }
