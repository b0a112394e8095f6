"""The sessions and one-time links of a Workspace, in its SQLite."""

from typing import Any

from arcrun.accounts.api_keys import ID_DIGITS
from arcrun.limits import MAX_SESSION_LINKS, MAX_SESSIONS, SESSION_USE_STEP_MS
from arcrun.ports import Clock, Sql
from arcrun.workspace.sessions import StoredLink, StoredSession

TABLES = (
    """CREATE TABLE sessions (
        sha256 TEXT PRIMARY KEY, origin TEXT NOT NULL, terms TEXT NOT NULL, created_ms REAL NOT NULL,
        expires_ms REAL NOT NULL, used_ms REAL) WITHOUT ROWID""",
    """CREATE TABLE session_links (
        sha256 TEXT PRIMARY KEY, origin TEXT NOT NULL, terms TEXT NOT NULL, expires_ms REAL NOT NULL) WITHOUT ROWID""",
)
_COLUMNS = "sha256, origin, terms, created_ms, expires_ms, used_ms"
_HAS_KEY = (
    "(origin = '' OR EXISTS (SELECT 1 FROM access_keys WHERE access_keys.sha256 = origin"
    " AND (access_keys.expires_ms IS NULL OR access_keys.expires_ms > ?1)))"
)


class SessionTable:
    def __init__(self, sql: Sql, clock: Clock) -> None:
        self._sql, self._clock = sql, clock

    def add(self, session: StoredSession) -> float | None:
        now_ms, expires_ms = self._clock.now_ms(), session["expires_ms"]
        if session["origin"]:
            keys = self._sql.execute("SELECT expires_ms FROM access_keys WHERE sha256 = ?", session["origin"])
            if not keys:
                return None
            expires_ms = min(expires_ms, keys[0]["expires_ms"] or expires_ms)
        self._sql.execute("DELETE FROM sessions WHERE expires_ms <= ?", now_ms)
        self._sql.execute(
            "DELETE FROM sessions WHERE sha256 IN"
            " (SELECT sha256 FROM sessions ORDER BY created_ms DESC, sha256 LIMIT -1 OFFSET ?)",
            MAX_SESSIONS - 1,
        )
        self._sql.execute(
            f"INSERT INTO sessions ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, NULL)",
            *(session["sha256"], session["origin"], session["terms"], session["created_ms"], expires_ms),
        )
        return expires_ms

    def find(self, sha256: str) -> StoredSession | None:
        """Its use is noted by and by, as that of an access key."""
        now_ms = self._clock.now_ms()
        found: Any = self._sql.execute(
            f"SELECT {_COLUMNS} FROM sessions WHERE sha256 = ?2 AND expires_ms > ?1 AND {_HAS_KEY}", now_ms, sha256
        )
        if not found:
            return None
        if (found[0]["used_ms"] or 0) <= now_ms - SESSION_USE_STEP_MS:
            self._sql.execute("UPDATE sessions SET used_ms = ? WHERE sha256 = ?", now_ms, sha256)
        session: StoredSession = found[0]
        return session

    def list(self) -> list[StoredSession]:
        sessions: list[Any] = self._sql.execute(
            f"SELECT {_COLUMNS} FROM sessions WHERE expires_ms > ?1 AND {_HAS_KEY} ORDER BY created_ms, sha256",
            self._clock.now_ms(),
        )
        return sessions

    def delete(self, session_id: str) -> int:
        found = self._sql.execute(
            f"DELETE FROM sessions WHERE ?1 = '' OR substr(sha256, 1, {ID_DIGITS}) = ?1 RETURNING sha256", session_id
        )
        return len(found)

    def delete_of_key(self, name_id: str) -> None:
        """Delete what came from the access key of that name."""
        for table in ("sessions", "session_links"):
            self._sql.execute(
                f"DELETE FROM {table} WHERE origin = (SELECT sha256 FROM access_keys WHERE name_id = ?)", name_id
            )

    def add_link(self, link: StoredLink) -> None:
        self._sql.execute("DELETE FROM session_links WHERE expires_ms <= ?", self._clock.now_ms())
        self._sql.execute(
            "DELETE FROM session_links WHERE sha256 IN"
            " (SELECT sha256 FROM session_links ORDER BY expires_ms DESC, sha256 LIMIT -1 OFFSET ?)",
            MAX_SESSION_LINKS - 1,
        )
        self._sql.execute(
            "INSERT INTO session_links (sha256, origin, terms, expires_ms) VALUES (?, ?, ?, ?)",
            *(link["sha256"], link["origin"], link["terms"], link["expires_ms"]),
        )

    def take_link(self, sha256: str) -> StoredLink | None:
        taken: list[Any] = self._sql.execute(
            "DELETE FROM session_links WHERE sha256 = ? RETURNING sha256, origin, terms, expires_ms", sha256
        )
        if not taken or taken[0]["expires_ms"] <= self._clock.now_ms():
            return None
        link: StoredLink = taken[0]
        return link
