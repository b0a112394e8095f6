"""What is left of a tenant that has gone, over a Durable Object's SQLite: the ids of its runs, until nothing of them
lies anywhere else.

The instance of each is terminated and deleted, and so is what lies in the bucket under its id. An isolate may still
write in the moment before its instance ends, so this is done twice. Then the database is deleted: what the rows had,
sealed, would lie in its free pages.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from arcrun.errors import ConflictError, NotFoundError
from arcrun.limits import MAX_CLOSED_RUNS
from arcrun.ports import BlobStore, Clock, RunInstances, Sql
from arcrun.run_log.protocol import blob_prefix

TABLES = (
    "CREATE TABLE tenant (id INTEGER PRIMARY KEY CHECK (id = 1), tenant_id TEXT NOT NULL, closed INTEGER NOT NULL)",
    """CREATE TABLE closing (
        run_id TEXT PRIMARY KEY, due_ms REAL NOT NULL, is_again INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID""",
    "CREATE INDEX closing_by_time ON closing (due_ms)",
)
AGAIN_MS = 60_000  # by then no isolate writes any more
PAUSE_MS = 200  # between two batches

Forget = Callable[[str], Awaitable[None]]


class Closing:
    """The tables `tenant`, of one row at most, and `closing`. `due_ms` is when the next run is due, 0 for never."""

    def __init__(self, sql: Sql, clock: Clock) -> None:
        self._sql, self._clock = sql, clock
        found = sql.execute("SELECT tenant_id, closed FROM tenant")
        self.tenant_id: str = found[0]["tenant_id"] if found else ""
        self.is_closed = bool(found and found[0]["closed"])
        self.due_ms = self._find_due()

    def belong_to(self, tenant_id: str) -> None:
        if tenant_id and tenant_id != self.tenant_id:
            self._write(tenant_id, is_closed=self.is_closed)

    def open_anew(self) -> None:
        if self.is_closed:
            self._write(self.tenant_id, is_closed=False)

    def close(self, run_ids: Sequence[str]) -> None:
        self._write(self.tenant_id, is_closed=True)
        now_ms = self._clock.now_ms()
        for run_id in run_ids:
            self._sql.execute("INSERT OR IGNORE INTO closing (run_id, due_ms) VALUES (?, ?)", run_id, now_ms)
        self.due_ms = self._find_due() or (now_ms if self.tenant_id else 0)

    def stay_closed(self, tenant_id: str) -> None:
        """Belong to a tenant that has gone, in an empty database."""
        self._write(tenant_id, is_closed=True)

    async def forget_runs(self, forget: Forget) -> None:
        """Forget a batch of those that are due, by `forget`, which may raise UpstreamError."""
        due = self._sql.execute(
            "SELECT run_id, is_again FROM closing WHERE due_ms <= ? ORDER BY due_ms LIMIT ?",
            *(self._clock.now_ms(), MAX_CLOSED_RUNS),
        )
        for row in due:
            await forget(row["run_id"])
            if row["is_again"]:
                self._sql.execute("DELETE FROM closing WHERE run_id = ?", row["run_id"])
            else:
                again_ms = self._clock.now_ms() + AGAIN_MS
                self._sql.execute(
                    "UPDATE closing SET due_ms = ?, is_again = 1 WHERE run_id = ?", again_ms, row["run_id"]
                )
        self.due_ms = self._find_due()

    def _find_due(self) -> float:
        [found] = self._sql.execute("SELECT MIN(due_ms) AS due_ms FROM closing")
        return float(found["due_ms"] or 0)

    def _write(self, tenant_id: str, *, is_closed: bool) -> None:
        self.tenant_id, self.is_closed = tenant_id, is_closed
        self._sql.execute(
            "INSERT OR REPLACE INTO tenant (id, tenant_id, closed) VALUES (1, ?, ?)", tenant_id, int(is_closed)
        )


async def forget_run(instances: RunInstances | None, blobs: BlobStore, run_id: str) -> None:
    """Delete a run's instance, and all that lies in the bucket of it. Raises UpstreamError."""
    if instances is not None:
        with suppress(NotFoundError, ConflictError):  # there is none, or it has ended
            await instances.terminate(run_id)
        with suppress(NotFoundError):
            await instances.delete(run_id)
    while keys := await blobs.list(blob_prefix(run_id)):
        await blobs.delete(keys)
