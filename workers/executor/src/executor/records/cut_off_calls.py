"""Implements the operations of arcrun/run_log/cut_off_calls.py over a Durable Object's SQLite."""

from collections.abc import Collection
from typing import cast

from arcrun.ports import Clock, Sql
from arcrun.run_log.cut_off_calls import CallDecision, CutOffCall
from arcrun.times import render_time

TABLES = (
    """CREATE TABLE cut_off_calls (
        id TEXT NOT NULL, call TEXT NOT NULL, node TEXT NOT NULL, asked_ms REAL NOT NULL, decision TEXT, data TEXT,
        PRIMARY KEY (id, call)) WITHOUT ROWID""",
)
UNDECIDED = "SELECT id FROM cut_off_calls WHERE decision IS NULL"


class CutOffCalls:
    """The table `cut_off_calls`: calls of runs that have not ended. `decision` is null of those that nobody has decided
    about.
    """

    def __init__(self, sql: Sql, clock: Clock) -> None:
        self._sql, self._clock = sql, clock
        self._has_any = bool(sql.execute("SELECT 1 FROM cut_off_calls LIMIT 1"))

    def ask(self, run_id: str, call: str, node: str) -> CallDecision | None:
        now_ms = self._clock.now_ms()
        self._sql.execute(
            "INSERT OR IGNORE INTO cut_off_calls (id, call, node, asked_ms)"
            " SELECT id, ?, ?, ? FROM starts WHERE id = ?",
            *(call, node, now_ms, run_id),
        )
        self._has_any = True
        found = self._sql.execute("SELECT decision, data FROM cut_off_calls WHERE id = ? AND call = ?", run_id, call)
        return cast(CallDecision, found[0]) if found and found[0]["decision"] is not None else None

    def decide(self, run_id: str, node: str, decided: CallDecision) -> bool:
        return bool(
            self._sql.execute(
                "UPDATE cut_off_calls SET decision = ?, data = ? WHERE id = ? AND node = ? AND decision IS NULL"
                " RETURNING id",
                *(decided["decision"], decided.get("data"), run_id, node),
            )
        )

    def list_open(self, run_id: str) -> list[CutOffCall]:
        if not self._has_any:
            return []
        statement = "SELECT node, asked_ms FROM cut_off_calls WHERE id = ? AND decision IS NULL ORDER BY node"
        rows = self._sql.execute(statement, run_id)
        return [{"node": row["node"], "asked_at": render_time(row["asked_ms"])} for row in rows]

    def find_undecided(self) -> Collection[str]:
        """The runs with calls that nobody has decided about."""
        return {row["id"] for row in self._sql.execute(UNDECIDED)} if self._has_any else ()

    def forget(self, run_id: str) -> None:
        """The run has ended."""
        if self._has_any:
            self._sql.execute("DELETE FROM cut_off_calls WHERE id = ?", run_id)
