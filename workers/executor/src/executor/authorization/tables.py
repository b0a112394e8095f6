"""Implements the operations of arcrun/authorization/protocol.py over a Workspace's SQLite."""

from collections.abc import Sequence
from typing import Any

from arcrun.authorization.protocol import NewToken, TokenAsk, TokenTurn
from arcrun.limits import MAX_ACCESS_TOKENS, REFRESH_TOKEN_KEEP_DAYS
from arcrun.ports import Clock, Sql

_DAY_MS = 86_400_000
_USED_MS = 3_600_000  # a token that is used is written again no sooner


class AccessTokens:
    """The table `access_tokens`. A row without a token is one whose first fetch is under way, or has failed."""

    def __init__(self, sql: Sql, clock: Clock) -> None:
        self._sql, self._clock = sql, clock

    def take(self, asked: TokenAsk) -> TokenTurn:
        key, now_ms = asked["keys"][0], self._clock.now_ms()
        row = self._find(asked["keys"])
        if row is None:
            self._prune(now_ms)
            self._sql.execute(
                "INSERT INTO access_tokens (key, credential_id, holder, lease_ms, used_ms) VALUES (?, ?, ?, ?, ?)",
                *(key, asked["credential_id"], asked["holder"], now_ms + asked["lease_ms"], now_ms),
            )
            return {"state": "turn", "token": None, "generation": 0, "is_valid": False}
        if row["key"] != key or now_ms - row["used_ms"] >= _USED_MS:
            self._sql.execute("UPDATE access_tokens SET key = ?, used_ms = ? WHERE key = ?", key, now_ms, row["key"])
        is_valid = row["token"] is not None and now_ms < row["expires_ms"] and row["generation"] != asked["refused"]
        turn: TokenTurn = {
            "state": "kept",
            "token": row["token"],
            "generation": row["generation"],
            "is_valid": is_valid,
        }
        is_leased = row["holder"] not in (None, asked["holder"]) and now_ms < row["lease_ms"]
        if is_valid and (is_leased or now_ms < row["renew_ms"]):
            return turn
        if is_leased:
            return {**turn, "state": "busy"}
        self._sql.execute(
            "UPDATE access_tokens SET holder = ?, lease_ms = ? WHERE key = ?",
            *(asked["holder"], now_ms + asked["lease_ms"], key),
        )
        return {**turn, "state": "turn"}

    def keep(self, token: NewToken) -> bool:
        kept = self._sql.execute(
            "UPDATE access_tokens SET token = ?, renew_ms = ?, expires_ms = ?, is_lasting = ?,"
            " generation = generation + 1, holder = NULL, lease_ms = 0 WHERE key = ? AND generation = ? RETURNING key",
            *(token["token"], token["renew_ms"], token["expires_ms"], int(token["is_lasting"])),
            *(token["key"], token["generation"]),
        )
        return bool(kept)

    def leave(self, key: str, holder: str) -> None:
        statement = "UPDATE access_tokens SET holder = NULL, lease_ms = 0 WHERE key = ? AND holder = ?"
        self._sql.execute(statement, key, holder)

    def forget(self, credential_ids: Sequence[str]) -> None:
        for credential_id in credential_ids:
            self._sql.execute("DELETE FROM access_tokens WHERE credential_id = ?", credential_id)

    def _find(self, keys: Sequence[str]) -> Any:
        for key in keys:
            if found := self._sql.execute("SELECT * FROM access_tokens WHERE key = ?", key):
                return found[0]
        return None

    def _prune(self, now_ms: float) -> None:
        """Before another row: drop what nobody needs, and make room."""
        self._sql.execute(
            "DELETE FROM access_tokens WHERE lease_ms < ?1 AND (used_ms < ?2 OR (is_lasting = 0 AND expires_ms < ?1))",
            *(now_ms, now_ms - REFRESH_TOKEN_KEEP_DAYS * _DAY_MS),
        )
        [counted] = self._sql.execute("SELECT COUNT(*) AS count FROM access_tokens")
        if (surplus := int(counted["count"]) - MAX_ACCESS_TOKENS + 1) > 0:
            self._sql.execute(
                "DELETE FROM access_tokens WHERE key IN"
                " (SELECT key FROM access_tokens ORDER BY is_lasting, expires_ms LIMIT ?)",
                surplus,
            )
