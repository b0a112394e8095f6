"""Implements the operations of arcrun/run_log/queued_runs.py over a Durable Object's SQLite.

A queued run costs a row and its entry in an index, and their deletion. Once released, it begins at one of the object's
alarms, MAX_RELEASED_RUNS of them each second: the platform creates no more instances than a hundred a second.
"""

import json
from collections.abc import Sequence

from arcrun.limits import MAX_QUEUED_RUNS, MAX_RELEASED_RUNS
from arcrun.ports import Sql

TABLES = (
    """CREATE TABLE queued (
        id TEXT PRIMARY KEY, workflow TEXT NOT NULL, limit_ms REAL NOT NULL, bytes INTEGER NOT NULL,
        released INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID""",
    "CREATE INDEX queued_by_workflow ON queued (workflow)",
    "CREATE INDEX queued_and_released ON queued (id) WHERE released = 1",
)
RELEASE_PAUSE_MS = 1_000  # between two batches
QUEUE_SHARE = 0.5  # of an object's size: records of runs that have ended need room, too


class QueuedRuns:
    """The table `queued`: `limit_ms` is how long the run may take once it has begun, `bytes` what its record and start
    take, `released` 1 if it may begin, `is_limited` 1 if it waits for its workflow's limits instead of the end of a
    pause (executor/records/limited_runs.py). `count` is the number of rows; `has_released` is whether any may begin.
    `most_bytes` bounds the object.
    """

    def __init__(self, sql: Sql, most_bytes: float) -> None:
        self._sql, self._most_bytes = sql, QUEUE_SHARE * most_bytes
        columns = "COUNT(*) AS count, TOTAL(bytes) AS bytes, TOTAL(released) AS released"
        [counted] = sql.execute(f"SELECT {columns} FROM queued")
        self.count: int = counted["count"]
        self._bytes: float = counted["bytes"]
        self.has_released = bool(counted["released"])

    @property
    def has_room(self) -> bool:
        return self.count < MAX_QUEUED_RUNS and self._bytes < self._most_bytes

    def add(self, run_id: str, workflow: str, limit_ms: float, size_bytes: int, *, is_limited: bool = False) -> None:
        added = self._sql.execute(
            "INSERT OR IGNORE INTO queued (id, workflow, limit_ms, bytes, is_limited) VALUES (?, ?, ?, ?, ?)"
            " RETURNING id",
            *(run_id, workflow, limit_ms, size_bytes, is_limited),
        )
        self.count += len(added)
        self._bytes += size_bytes * len(added)

    def remove(self, run_id: str) -> float | None:
        """Returns the run's `limit_ms`; None if it is not queued."""
        if not self.count:
            return None
        removed = self._sql.execute("DELETE FROM queued WHERE id = ? RETURNING limit_ms, bytes", run_id)
        self.count -= len(removed)
        self._bytes -= sum(row["bytes"] for row in removed)
        return removed[0]["limit_ms"] if removed else None

    def has(self, run_id: str) -> bool:
        return bool(self.count and self._sql.execute("SELECT 1 FROM queued WHERE id = ?", run_id))

    def release(self, workflow: str | None, kept: Sequence[str]) -> int:
        released = self._sql.execute(
            "UPDATE queued SET released = 1 WHERE released = 0 AND NOT is_limited AND (workflow = ?1 OR ?1 IS NULL"
            " AND workflow NOT IN (SELECT value FROM json_each(?2))) RETURNING id",
            *(workflow, json.dumps(list(kept))),
        )
        self.has_released = self.has_released or bool(released)
        return len(released)

    def list_released(self) -> list[str]:
        """A batch of runs that may begin, the oldest first."""
        rows = self._sql.execute("SELECT id FROM queued WHERE released = 1 ORDER BY id LIMIT ?", MAX_RELEASED_RUNS)
        self.has_released = bool(rows)
        return [row["id"] for row in rows]

    def count_by_workflow(self) -> dict[str, int]:
        rows = self._sql.execute("SELECT workflow, COUNT(*) AS count FROM queued GROUP BY workflow")
        return {row["workflow"]: row["count"] for row in rows}
