"""Implements the operations of arcrun/run_log/dead_letters.py over a Durable Object's SQLite.

A dead letter costs a row and its entry in an index, and their deletion. While it is in the table its run is not pruned
by age; by size it goes only where nothing else is left.
"""

from collections.abc import Sequence

from arcrun.limits import DEAD_LETTER_DAYS, MAX_DEAD_LETTERS, MAX_PRUNED_RUNS
from arcrun.ports import Clock, Sql

TABLES = (
    "CREATE TABLE dead_letters (id TEXT PRIMARY KEY, workflow TEXT NOT NULL, died_ms REAL NOT NULL) WITHOUT ROWID",
    "CREATE INDEX dead_letters_by_workflow ON dead_letters (workflow)",
)
KEPT_MS = DEAD_LETTER_DAYS * 86_400_000


class DeadLetters:
    """The table `dead_letters`. `count` is their number; `died_ms` is when the run ended."""

    def __init__(self, sql: Sql, clock: Clock) -> None:
        self._sql, self._clock = sql, clock
        [counted] = sql.execute("SELECT COUNT(*) AS count FROM dead_letters")
        self.count: int = counted["count"]

    def add(self, run_id: str, workflow: str) -> Sequence[str]:
        """Add a run that has just failed. Returns those that are none any more, because there are too many."""
        added = self._sql.execute(
            "INSERT OR IGNORE INTO dead_letters (id, workflow, died_ms) VALUES (?, ?, ?) RETURNING id",
            *(run_id, workflow, self._clock.now_ms()),
        )
        self.count += len(added)
        if self.count <= MAX_DEAD_LETTERS:
            return ()
        return self._delete_first("true", limit=self.count - MAX_DEAD_LETTERS)

    def find_until(self, run_id: str) -> float | None:
        """Until when a dead letter is kept, in milliseconds since 1970; None if the run is none."""
        found = self._sql.execute("SELECT died_ms FROM dead_letters WHERE id = ?", run_id) if self.count else []
        return found[0]["died_ms"] + KEPT_MS if found else None

    def remove(self, run_ids: Sequence[str]) -> Sequence[str]:
        """Returns those that were dead letters."""
        return [run_id for run_id in run_ids if self.count and self._delete("id = ?", run_id)]

    def expire(self) -> Sequence[str]:
        """Remove a batch of those that are too old. Returns their runs."""
        return self._delete_first("died_ms < ?", self._clock.now_ms() - KEPT_MS, limit=MAX_PRUNED_RUNS)

    def count_by_workflow(self) -> dict[str, int]:
        rows = self._sql.execute("SELECT workflow, COUNT(*) AS count FROM dead_letters GROUP BY workflow")
        return {row["workflow"]: row["count"] for row in rows}

    def _delete_first(self, condition: str, *values: float, limit: int) -> Sequence[str]:
        chosen = f"SELECT id FROM dead_letters WHERE {condition} ORDER BY id LIMIT ?"
        return self._delete(f"id IN ({chosen})", *values, limit)

    def _delete(self, condition: str, *values: str | float) -> Sequence[str]:
        gone = self._sql.execute(f"DELETE FROM dead_letters WHERE {condition} RETURNING id", *values)
        self.count -= len(gone)
        return [row["id"] for row in gone]
