"""Implements the operations of arcrun/run_log/run_blobs.py over a Durable Object's SQLite, and deletes blobs.

A run is noted before its first blob is written, so that whatever breaks off later leaves nothing for ever. When it is
due it is looked whether the run still has a record: if so, its blobs stay until that is deleted.
"""

import json
from collections.abc import Sequence

from arcrun.limits import MAX_PRUNED_RUNS, MAX_RUN_BLOBS, MAX_RUN_BLOBS_BYTES, UNKEPT_BLOBS_HOURS
from arcrun.ports import BlobStore, Clock, Sql
from arcrun.run_log.protocol import blob_prefix
from arcrun.run_log.run_blobs import BLOB_PARTS, BlobRoom

TABLES = (
    """CREATE TABLE run_blobs (
        id TEXT PRIMARY KEY, count INTEGER NOT NULL, bytes INTEGER NOT NULL, due_ms REAL NOT NULL) WITHOUT ROWID""",
    "CREATE INDEX run_blobs_by_time ON run_blobs (due_ms)",
)
UNKEPT_MS = UNKEPT_BLOBS_HOURS * 3_600_000
MAX_DELETED_PARTS = 1_000  # at once, by the platform


class RunBlobs:
    """The table `run_blobs`: for each run with blobs how many there are, the bytes of those that are finished, and when
    it is next looked for its record.
    """

    def __init__(self, sql: Sql, clock: Clock) -> None:
        self._sql, self._clock = sql, clock
        self._has_any = bool(sql.execute("SELECT 1 FROM run_blobs LIMIT 1"))
        self._bytes: int | None = None  # of all runs, once it has been asked for

    def expect(self, run_id: str, most_bytes: int) -> BlobRoom:
        found = self._sql.execute("SELECT count, bytes FROM run_blobs WHERE id = ?", run_id)
        if found and (found[0]["count"] >= MAX_RUN_BLOBS or found[0]["bytes"] >= MAX_RUN_BLOBS_BYTES):
            return "run"
        if self._sum_bytes() >= most_bytes:
            return "account"
        self._sql.execute(
            "INSERT INTO run_blobs (id, count, bytes, due_ms) VALUES (?, 1, 0, ?)"
            " ON CONFLICT (id) DO UPDATE SET count = count + 1, due_ms = excluded.due_ms",
            *(run_id, self._clock.now_ms() + UNKEPT_MS),
        )
        self._has_any = True
        return "noted"

    def count(self, run_id: str, size_bytes: int) -> None:
        self._sql.execute("UPDATE run_blobs SET bytes = bytes + ? WHERE id = ?", size_bytes, run_id)
        self._bytes = None if self._bytes is None else self._bytes + size_bytes

    def expire(self, run_ids: Sequence[str]) -> bool:
        """The runs have been deleted. Returns whether any of them has blobs."""
        if not self._has_any or not run_ids:
            return False
        statement = "UPDATE run_blobs SET due_ms = 0 WHERE id IN (SELECT value FROM json_each(?)) RETURNING id"
        return bool(self._sql.execute(statement, json.dumps(list(run_ids))))

    async def delete_due(self, bucket: BlobStore) -> bool:
        """Delete the blobs of runs that are due and have no record. Returns whether more may be due. Raises
        UpstreamError.
        """
        if not self._has_any:
            return False
        now_ms = self._clock.now_ms()
        due = self._sql.execute(
            "SELECT run_blobs.id, runs.id IS NOT NULL AS is_kept"
            " FROM run_blobs LEFT JOIN runs ON runs.id = run_blobs.id WHERE due_ms <= ? ORDER BY due_ms LIMIT ?",
            *(now_ms, MAX_PRUNED_RUNS),
        )
        for row in due:
            if row["is_kept"]:
                self._sql.execute("UPDATE run_blobs SET due_ms = ? WHERE id = ?", now_ms + UNKEPT_MS, row["id"])
                continue
            await delete_blobs(bucket, row["id"])
            self._sql.execute("DELETE FROM run_blobs WHERE id = ?", row["id"])
            self._bytes = None
        return len(due) == MAX_PRUNED_RUNS

    def _sum_bytes(self) -> int:
        if self._bytes is None:
            [total] = self._sql.execute("SELECT COALESCE(SUM(bytes), 0) AS bytes FROM run_blobs")
            self._bytes = int(total["bytes"])
        return self._bytes


async def delete_blobs(bucket: BlobStore, run_id: str) -> None:
    """Delete all blobs of a run, what was begun of them included. Raises UpstreamError."""
    prefix = blob_prefix(run_id) + BLOB_PARTS
    while keys := await bucket.list(prefix):
        await bucket.delete(keys[:MAX_DELETED_PARTS])
