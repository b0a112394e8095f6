"""The access keys of a Workspace, in its SQLite."""

from typing import Any

from arcrun.limits import ACCESS_KEY_USE_STEP_MS, MAX_ACCESS_KEYS
from arcrun.ports import Clock, Sql
from arcrun.workspace.access_keys import Added, StoredAccessKey

TABLES = (
    """CREATE TABLE access_keys (
        name_id TEXT PRIMARY KEY, sha256 TEXT NOT NULL UNIQUE, terms TEXT NOT NULL, created_ms REAL NOT NULL,
        expires_ms REAL, used_ms REAL) WITHOUT ROWID""",
)


class AccessKeyTable:
    def __init__(self, sql: Sql, clock: Clock) -> None:
        self._sql, self._clock = sql, clock

    def add(self, key: StoredAccessKey) -> Added:
        if self._sql.execute("SELECT 1 FROM access_keys WHERE name_id = ?", key["name_id"]):
            return "exists"
        [counted] = self._sql.execute("SELECT COUNT(*) AS count FROM access_keys")
        if counted["count"] >= MAX_ACCESS_KEYS:
            return "full"
        self._sql.execute(
            "INSERT INTO access_keys (name_id, sha256, terms, created_ms, expires_ms) VALUES (?, ?, ?, ?, ?)",
            *(key["name_id"], key["sha256"], key["terms"], key["created_ms"], key["expires_ms"]),
        )
        return "added"

    def list(self) -> list[StoredAccessKey]:
        keys: list[Any] = self._sql.execute(
            "SELECT name_id, sha256, terms, created_ms, expires_ms, used_ms FROM access_keys"
            " ORDER BY created_ms, name_id"
        )
        return keys

    def find(self, sha256: str) -> StoredAccessKey | None:
        """Its use is noted, by and by: a write for each request would cost more than it tells."""
        now_ms = self._clock.now_ms()
        found: Any = self._sql.execute(
            "SELECT name_id, sha256, terms, created_ms, expires_ms, used_ms FROM access_keys"
            " WHERE sha256 = ?1 AND (expires_ms IS NULL OR expires_ms > ?2)",
            *(sha256, now_ms),
        )
        if not found:
            return None
        if (found[0]["used_ms"] or 0) <= now_ms - ACCESS_KEY_USE_STEP_MS:
            self._sql.execute("UPDATE access_keys SET used_ms = ? WHERE sha256 = ?", now_ms, sha256)
        key: StoredAccessKey = found[0]
        return key

    def delete(self, name_id: str) -> bool:
        return bool(self._sql.execute("DELETE FROM access_keys WHERE name_id = ? RETURNING name_id", name_id))
