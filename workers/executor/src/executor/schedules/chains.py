"""Implements the operations of arcrun/workspace/chains.py over a Workspace's SQLite, and says what begins at its alarm.

A run that is followed is a row, with those of its followers whose runs have not begun. The id of such a run is made of
the run that it follows, so it begins once.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from arcrun.ports import Clock, Sql
from arcrun.workspace.chains import ToldEnd
from arcrun.workspace.firings import build_firing_id
from executor.schedules.firing import AFTER, DueRun, Fate
from executor.schedules.tables import RETRY_MS, Schedules


class Chains:
    """The tables `followers` and `followed_ends`. `schedules` has the alarm that all of these share."""

    def __init__(self, sql: Sql, schedules: Schedules, clock: Clock) -> None:
        self._sql, self._schedules, self._clock = sql, schedules, clock

    def replace(self, name_id: str, after: Sequence[str]) -> None:
        """What a workflow has in the version that is now current. What was told before still begins."""
        self._sql.execute("DELETE FROM followers WHERE name_id = ?", name_id)
        for followed in after:
            self._sql.execute("INSERT INTO followers (followed, name_id) VALUES (?, ?)", followed, name_id)

    def list_follows(self) -> list[tuple[str, str]]:
        return [
            (row["name_id"], row["followed"]) for row in self._sql.execute("SELECT followed, name_id FROM followers")
        ]

    def report(self, log_number: int, ends: Sequence[ToldEnd]) -> None:
        told = self._sql.execute("SELECT number FROM told_ends WHERE log_number = ?", log_number)
        new = [each for each in ends if not told or each["number"] > told[0]["number"]]
        if not new:
            return
        self._sql.execute("INSERT OR REPLACE INTO told_ends VALUES (?, ?)", log_number, new[-1]["number"])
        for each in new:
            rows = self._sql.execute("SELECT name_id FROM followers WHERE followed = ?", each["workflow"])
            if rows:
                followers = json.dumps([row["name_id"] for row in rows])
                self._sql.execute(
                    "INSERT OR IGNORE INTO followed_ends (run_id, told, followers, fire_ms) VALUES (?, ?, ?, ?)",
                    *(each["run_id"], json.dumps(each), followers, self._clock.now_ms()),
                )
        self._schedules.expect_alarm()

    def count_waiting(self) -> int:
        """The runs whose followers have not all begun."""
        return int(self._sql.execute("SELECT COUNT(*) AS count FROM followed_ends")[0]["count"])

    def list_due(self, objects: int, limit: int) -> list[DueRun]:
        """The runs that are to begin now, of large answers one: together they might not fit into memory."""
        rows = self._sql.execute(
            "SELECT told, followers FROM followed_ends WHERE fire_ms <= ? ORDER BY told ->> 'ended_ms', run_id LIMIT ?",
            *(self._clock.now_ms(), limit),
        )
        due = [due for row in rows for due in self._list_of(row, objects)]
        is_large = (each.told["answer"] == "" for each in due)
        return due[: min(limit, next((number for number, large in enumerate(is_large, 1) if large), limit))]

    def _list_of(self, row: Mapping[str, Any], objects: int) -> list[DueRun]:
        told: ToldEnd = json.loads(row["told"])
        secret, key, ended_ms = self._schedules.secret, f"{AFTER} {told['run_id']}", told["ended_ms"]
        return [
            DueRun(name, AFTER, ended_ms, build_firing_id(secret, name, key, ended_ms, objects), told)
            for name in json.loads(row["followers"])
        ]

    def advance(self, due: Sequence[DueRun], fates: Mapping[str, Fate]) -> None:
        """Store what has become of runs that were to begin."""
        by_end: dict[str, list[DueRun]] = {}
        for each in due:
            by_end.setdefault(each.told["run_id"], []).append(each)
        for run_id, its in by_end.items():
            left = {each.name: fates[each.run_id] for each in its if fates[each.run_id] in (Fate.LATER, Fate.FULL)}
            self._settle(run_id, {each.name for each in its} - left.keys(), is_late=Fate.LATER in left.values())

    def _settle(self, run_id: str, settled: set[str], *, is_late: bool) -> None:
        found = self._sql.execute("SELECT followers, fire_ms FROM followed_ends WHERE run_id = ?", run_id)
        left = [name for row in found for name in json.loads(row["followers"]) if name not in settled]
        if not left:
            self._sql.execute("DELETE FROM followed_ends WHERE run_id = ?", run_id)
            return
        fire_ms = self._clock.now_ms() + RETRY_MS if is_late else found[0]["fire_ms"]
        self._sql.execute(
            "UPDATE followed_ends SET followers = ?, fire_ms = ? WHERE run_id = ?", json.dumps(left), fire_ms, run_id
        )
