"""Implements the operations of arcrun/workspace/failures.py over a Workspace's SQLite, and what it does with failures
at its alarm.

A workflow with `failure_of` is a row, with what was gathered for its next run. The first failure starts a run at once;
what fails within `at_most` after that starts one together, at its end. What a run gets is stored with the run's id
before it begins, so that it begins once.
"""

import json
from collections.abc import Sequence
from typing import Any

from arcrun.ports import Clock, Sql
from arcrun.workflows.triggers.failures import ALL_OTHERS
from arcrun.workspace.failure_groups import choose_failures, gather, render_input
from arcrun.workspace.failures import Gathered, NewHandler, ToldFailure
from arcrun.workspace.firings import build_firing_id
from executor.schedules.firing import FAILURES, DueRun, Fate
from executor.schedules.tables import RETRY_MS, Schedules


class FailureHandlers:
    """The table `failure_handlers`. `schedules` has the alarm that both share."""

    def __init__(self, sql: Sql, schedules: Schedules, clock: Clock) -> None:
        self._sql, self._schedules, self._clock = sql, schedules, clock

    def replace(self, name_id: str, handler: NewHandler | None) -> None:
        """What a workflow has in the version that is now current. What was gathered stays."""
        if handler is None:
            self._sql.execute("DELETE FROM failure_handlers WHERE name_id = ?", name_id)
            return
        self._sql.execute(
            "INSERT INTO failure_handlers (name_id, watched, pause_ms) VALUES (?, ?, ?) ON CONFLICT (name_id)"
            " DO UPDATE SET watched = excluded.watched, pause_ms = excluded.pause_ms",
            *(name_id, json.dumps(handler["watched"]), handler["pause_ms"]),
        )

    def report(self, log_number: int, failures: Sequence[ToldFailure]) -> bool:
        handlers = {row["name_id"]: row for row in self._sql.execute("SELECT * FROM failure_handlers")}
        if not handlers:
            return False
        told = self._sql.execute("SELECT number FROM told_failures WHERE log_number = ?", log_number)
        new = [each for each in failures if not told or each["number"] > told[0]["number"]]
        if not new:
            return True
        self._sql.execute("INSERT OR REPLACE INTO told_failures VALUES (?, ?)", log_number, new[-1]["number"])
        for name_id, row in handlers.items():
            if mine := choose_failures(new, json.loads(row["watched"]), handlers):
                known: Gathered | None = None if row["gathered"] is None else json.loads(row["gathered"])
                self._sql.execute(
                    "UPDATE failure_handlers SET gathered = ?, fire_ms = COALESCE(fire_ms, ?) WHERE name_id = ?",
                    *(json.dumps(gather(known, mine)), max(self._clock.now_ms(), row["opens_ms"]), name_id),
                )
        self._schedules.expect_alarm()
        return True

    def list_handled(self) -> list[tuple[str, str]]:
        """Those that are named: what handles the failures of all others is in no pair."""
        rows = self._sql.execute("SELECT name_id, watched FROM failure_handlers")
        pairs = [(row["name_id"], name) for row in rows for name in json.loads(row["watched"])]
        return [(name_id, name) for name_id, name in pairs if name != ALL_OTHERS]

    def list_due(self, objects: int, limit: int) -> list[DueRun]:
        """The runs that are to begin now, decided and stored."""
        now_ms = self._clock.now_ms()
        rows = self._sql.execute(
            "SELECT * FROM failure_handlers WHERE fire_ms <= ? ORDER BY COALESCE(due ->> '$[0]', fire_ms) LIMIT ?",
            *(now_ms, limit),
        )
        return [self._decide(row, now_ms, objects) for row in rows]

    def _decide(self, row: dict[str, Any], now_ms: float, objects: int) -> DueRun:
        name_id = row["name_id"]
        if row["due"] is None:
            run_id = build_firing_id(self._schedules.secret, name_id, FAILURES, now_ms, objects)
            told = render_input(json.loads(row["gathered"]))
            row["due"] = json.dumps([now_ms, run_id, told])
            self._sql.execute(
                "UPDATE failure_handlers SET due = ?, gathered = NULL, opens_ms = ? WHERE name_id = ?",
                *(row["due"], now_ms + row["pause_ms"], name_id),
            )
        due_ms, run_id, told = json.loads(row["due"])
        return DueRun(name_id, FAILURES, due_ms, run_id, told)

    def advance(self, due: DueRun, fate: Fate) -> None:
        """Store what has become of a run that was to begin."""
        if fate is Fate.GONE:
            self.replace(due.name, None)
        elif fate is Fate.LATER:
            again_ms = self._clock.now_ms() + RETRY_MS
            self._sql.execute("UPDATE failure_handlers SET fire_ms = ? WHERE name_id = ?", again_ms, due.name)
        elif fate is not Fate.FULL:
            self._sql.execute(
                "UPDATE failure_handlers SET due = NULL,"
                " fire_ms = CASE WHEN gathered IS NULL THEN NULL ELSE opens_ms END WHERE name_id = ?",
                due.name,
            )
