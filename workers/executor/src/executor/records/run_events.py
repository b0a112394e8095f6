"""Implements the operations of arcrun/run_events.py over a Durable Object's SQLite: each is one transaction.

An event costs two rows: one when it comes, one when it is given to a wait. They are deleted with the run's end.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from arcrun.limits import MAX_RUN_EVENTS
from arcrun.ports import Sql
from arcrun.run_events import EventState, StoredEvent

TABLES = (
    """CREATE TABLE events (
        run_id TEXT NOT NULL, number INTEGER NOT NULL, type TEXT NOT NULL, id TEXT NOT NULL, payload TEXT NOT NULL,
        received_ms REAL NOT NULL, taken_by TEXT NOT NULL, PRIMARY KEY (run_id, type, id)) WITHOUT ROWID""",
    """CREATE TABLE questions (
        run_id TEXT NOT NULL, type TEXT NOT NULL, question TEXT NOT NULL, PRIMARY KEY (run_id, type)) WITHOUT ROWID""",
)
DECISION = "decision-"  # what the types of decisions begin with (arcrun/durable/waits.py)
_OF_TYPE = "FROM events WHERE run_id = ? AND type = ?"


class RunEvents:
    """`is_under_way` is whether a run is, that was accepted."""

    def __init__(self, sql: Sql, is_under_way: Callable[[str], bool]) -> None:
        self._sql, self._is_under_way = sql, is_under_way
        self._is_used = bool(sql.execute("SELECT 1 FROM events UNION ALL SELECT 1 FROM questions LIMIT 1"))

    def add_event(self, run_id: str, event: StoredEvent) -> EventState:
        if not self._is_under_way(run_id):
            return "ended"
        event_type, event_id = event["type"], event["id"]
        if self._sql.execute(f"SELECT 1 {_OF_TYPE} AND id = ?", run_id, event_type, event_id):
            return "known"
        if event_type.startswith(DECISION) and not self._find_question(run_id, event_type):
            return "settled"
        [counted] = self._sql.execute(
            "SELECT COUNT(*) AS count, COALESCE(MAX(number), 0) AS last FROM events WHERE run_id = ?", run_id
        )
        if counted["count"] >= MAX_RUN_EVENTS:
            return "full"
        self._sql.execute(
            "INSERT INTO events (run_id, number, type, id, payload, received_ms, taken_by)"
            " VALUES (?, ?, ?, ?, ?, ?, '')",
            *(run_id, counted["last"] + 1, event_type, event_id, event["payload"], event["received_ms"]),
        )
        self._is_used = True
        return "added"

    def list_events(self, run_id: str, event_type: str) -> list[dict[str, Any]]:
        return self._sql.execute(f"SELECT id, taken_by {_OF_TYPE} ORDER BY number", run_id, event_type)

    def take_event(
        self, run_id: str, event_type: str, event_id: str, wait: str, before: Sequence[str]
    ) -> StoredEvent | None:
        found = self._sql.execute(
            f"SELECT type, id, payload, received_ms, taken_by {_OF_TYPE} AND id = ?", run_id, event_type, event_id
        )
        if not found or found[0]["taken_by"] not in (wait, *before):
            return None
        self._sql.execute(
            "UPDATE events SET taken_by = ? WHERE run_id = ? AND type = ? AND id = ?",
            *(wait, run_id, event_type, event_id),
        )
        return cast(StoredEvent, {**found[0], "taken_by": wait})

    def ask(self, run_id: str, event_type: str, question: str) -> None:
        if self._is_under_way(run_id):
            self._sql.execute(
                "INSERT OR IGNORE INTO questions (run_id, type, question) VALUES (?, ?, ?)",
                *(run_id, event_type, question),
            )
            self._is_used = True

    def withdraw(self, run_id: str, event_type: str) -> None:
        self._sql.execute("DELETE FROM questions WHERE run_id = ? AND type = ?", run_id, event_type)

    def find_question(self, run_id: str, event_type: str) -> Mapping[str, Any] | None:
        if not (found := self._find_question(run_id, event_type)):
            return None
        decided = self._sql.execute(f"SELECT 1 {_OF_TYPE} LIMIT 1", run_id, event_type)
        return {"question": found[0]["question"], "decided": bool(decided)}

    def list_questions(self, run_id: str) -> list[dict[str, str]]:
        return self._sql.execute(
            "SELECT type, question FROM questions WHERE run_id = ?"
            " AND type NOT IN (SELECT type FROM events WHERE run_id = ?) ORDER BY type",
            *(run_id, run_id),
        )

    def _find_question(self, run_id: str, event_type: str) -> list[dict[str, Any]]:
        return self._sql.execute("SELECT question FROM questions WHERE run_id = ? AND type = ?", run_id, event_type)

    def forget(self, run_id: str) -> None:
        """The run has ended."""
        if self._is_used:
            self._sql.execute("DELETE FROM events WHERE run_id = ?", run_id)
            self._sql.execute("DELETE FROM questions WHERE run_id = ?", run_id)
