"""Implements the operations of arcrun/request_keys.py over a Durable Object's SQLite: each is one transaction.

A key that is new costs two rows, its answer one, and its deletion two.
"""

from collections.abc import Callable
from typing import Any

from arcrun.limits import MAX_KEPT_ANSWERS_BYTES, MAX_PRUNED_RUNS, MAX_REQUEST_KEYS
from arcrun.ports import Clock, Sql
from arcrun.request_keys import Claim, Claimed, Settlement

TABLES = (
    """CREATE TABLE request_keys (
        key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, run_id TEXT NOT NULL, status TEXT NOT NULL,
        lease_ms REAL NOT NULL, expires_ms REAL NOT NULL, answer TEXT) WITHOUT ROWID""",
    "CREATE INDEX request_keys_by_expiry ON request_keys (expires_ms)",
)
EVICTED_KEYS = 100  # deleted at once where there are too many
_BYTES = "COALESCE(octet_length(answer), 0)"


class RequestKeys:
    """The table `request_keys`. `status` is that of Settlement, or "running". `has_failed` is whether an accepted run,
    of which the object knows more, has failed or is lost. `most_bytes` bounds the answers.
    """

    def __init__(self, sql: Sql, clock: Clock, has_failed: Callable[[str], bool], most_bytes: float) -> None:
        self._sql, self._clock, self._has_failed = sql, clock, has_failed
        self._most_bytes = min(most_bytes, MAX_KEPT_ANSWERS_BYTES)
        self._size: tuple[int, int] | None = None  # the number of keys, and the bytes of their answers, once counted

    def claim(self, claim: Claim) -> Claimed:
        now_ms, key = self._clock.now_ms(), claim["key"]
        statement = "SELECT fingerprint, run_id, status, lease_ms, expires_ms, answer FROM request_keys WHERE key = ?"
        for row in self._sql.execute(statement, key):
            if (kept := self._judge(row, claim, now_ms)) is not None:
                return kept
            self._delete("key = ?", key)
        self._make_room()
        lease_ms = now_ms + claim["lease_ms"]
        self._sql.execute(
            "INSERT INTO request_keys (key, fingerprint, run_id, status, lease_ms, expires_ms)"
            " VALUES (?, ?, ?, 'running', ?, ?)",
            *(key, claim["fingerprint"], claim["run_id"], lease_ms, now_ms + claim["keep_ms"]),
        )
        self._count(1, 0)
        return {"state": "claimed", "run_id": claim["run_id"]}

    def _judge(self, row: dict[str, Any], claim: Claim, now_ms: float) -> Claimed | None:
        """What the claim finds; None if the key is free."""
        run_id, status = row["run_id"], row["status"]
        if max(row["expires_ms"], row["lease_ms"] if status == "running" else 0) <= now_ms:
            return None
        if row["fingerprint"] != claim["fingerprint"]:
            return {"state": "reused", "run_id": run_id}
        if status == "running":
            left_ms = row["lease_ms"] - now_ms
            return {"state": "running", "run_id": run_id, "left_ms": left_ms} if left_ms > 0 else None
        failed = status == "failed" or (status == "accepted" and self._has_failed(run_id))
        if failed and claim["retries_failed"]:
            return None
        return {"state": "settled", "run_id": run_id, "answer": row["answer"]}

    def settle(self, settlement: Settlement) -> None:
        answer = settlement["answer"]
        settled = self._sql.execute(
            "UPDATE request_keys SET status = ?, answer = ? WHERE key = ? AND run_id = ? RETURNING 1 AS one",
            *(settlement["status"], answer, settlement["key"], settlement["run_id"]),
        )
        self._count(0, len(answer or "") * len(settled))

    def has(self, key: str, run_id: str) -> bool:
        """Whether a run has the key."""
        return bool(self._sql.execute("SELECT 1 FROM request_keys WHERE key = ? AND run_id = ?", key, run_id))

    def keep_answered(self, run_id: str) -> None:
        """A run has failed after it has answered early: whoever repeats its request gets that answer."""
        self._sql.execute("UPDATE request_keys SET status = 'success' WHERE run_id = ? AND status = 'accepted'", run_id)

    def release(self, key: str, run_id: str) -> None:
        self._delete("key = ? AND run_id = ? AND status IN ('running', 'accepted')", key, run_id)

    def prune(self) -> bool:
        """Delete a batch of expired keys. Returns whether more remain."""
        now_ms = self._clock.now_ms()
        ended = "expires_ms <= ? AND (status <> 'running' OR lease_ms <= ?)"
        gone = self._delete_first(ended, now_ms, now_ms, limit=MAX_PRUNED_RUNS)
        return gone == MAX_PRUNED_RUNS

    def clear(self) -> None:
        self._delete("true")

    def _make_room(self) -> None:
        """Delete settled keys, those that expire first, if there are too many or their answers are too large."""
        count, size_bytes = self._measure()
        if count >= MAX_REQUEST_KEYS or size_bytes > self._most_bytes:
            self._delete_first("status <> 'running'", limit=EVICTED_KEYS)

    def _delete_first(self, condition: str, *values: str | float, limit: int) -> int:
        chosen = f"SELECT key FROM request_keys WHERE {condition} ORDER BY expires_ms LIMIT ?"
        return self._delete(f"key IN ({chosen})", *values, limit)

    def _delete(self, condition: str, *values: str | float) -> int:
        """Returns how many."""
        gone = self._sql.execute(f"DELETE FROM request_keys WHERE {condition} RETURNING {_BYTES} AS bytes", *values)
        self._count(-len(gone), -sum(row["bytes"] for row in gone))
        return len(gone)

    def _measure(self) -> tuple[int, int]:
        if self._size is None:
            [row] = self._sql.execute(f"SELECT COUNT(*) AS keys, TOTAL({_BYTES}) AS bytes FROM request_keys")
            self._size = row["keys"], int(row["bytes"])
        return self._size

    def _count(self, keys: int, size_bytes: int) -> None:
        """Add to what was counted."""
        if self._size is not None:
            self._size = self._size[0] + keys, self._size[1] + size_bytes
