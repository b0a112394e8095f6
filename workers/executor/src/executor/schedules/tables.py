"""Implements the operations of arcrun/workspace/schedules.py over a Workspace's SQLite.

A schedule is a row, keyed by its workflow and its times, with an index of when the object has to look at it. The one
alarm is set to the earliest of these.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from arcrun.durable_objects import LATE_ALARM_MS
from arcrun.ports import Alarm, Clock, Sql
from arcrun.workflows.triggers.schedules import load_jitter_ms
from arcrun.workspace.firings import find_delay_ms
from arcrun.workspace.schedules import NewSchedule, StoredSchedule

RETRY_MS = 20_000  # until the next alarm, if the one before it ends in the middle
CROWD_MS = 60_000
BATCH_PAUSE_MS = 1_000  # from batch to batch: the platform creates a hundred instances a second
_EARLIEST = (  # the tables share the alarm
    "SELECT MIN(ms) AS ms FROM (SELECT MIN(fire_ms) AS ms FROM schedules WHERE fire_ms IS NOT NULL"
    " UNION ALL SELECT MIN(fire_ms) FROM failure_handlers WHERE fire_ms IS NOT NULL"
    " UNION ALL SELECT MIN(fire_ms) FROM followed_ends"
    " UNION ALL SELECT MIN(fire_ms) FROM watched_items)"
)
_SELECT = (
    "SELECT name_id, key, number, rules, due_ms, fire_ms, waiting_ms, queue, last_run, last_due_ms, skipped, missed,"
    " is_paused FROM schedules"
)


@dataclass(frozen=True)
class Progress:
    """What an alarm has done with a schedule: its queue, since when that waits for room, and, if anything has begun,
    the last run and its time.
    """

    queue: Sequence[tuple[float, str]]
    fire_ms: float | None
    waiting_ms: float | None = None
    last_run: str | None = None
    last_due_ms: float | None = None
    skipped: int = 0


class Schedules:
    """The table `schedules`."""

    def __init__(self, sql: Sql, alarm: Alarm, clock: Clock) -> None:
        self._sql, self._alarm, self._clock = sql, alarm, clock
        self._crowds: dict[float, int] = {}  # how many schedules begin behind a time to come, as far as is known
        self.next_ms: float | None = None  # when the alarm goes off, as far as this instance of the object knows
        self.expect_alarm()

    def replace(self, name_id: str, schedules: Sequence[NewSchedule]) -> None:
        """Make these the schedules of a workflow. What is known of those that have the same times is kept."""
        known = {row["key"]: row for row in self._sql.execute("SELECT * FROM schedules WHERE name_id = ?", name_id)}
        is_paused = any(row["is_paused"] for row in known.values())
        for key in known.keys() - {each["key"] for each in schedules}:
            self._sql.execute("DELETE FROM schedules WHERE name_id = ? AND key = ?", name_id, key)
        for each in schedules:
            place = (each["number"], each["rules"], name_id, each["key"])
            if each["key"] in known:
                self._sql.execute("UPDATE schedules SET number = ?, rules = ? WHERE name_id = ? AND key = ?", *place)
                continue
            due_ms = each["due_ms"]
            self._sql.execute(
                "INSERT INTO schedules (number, rules, name_id, key, due_ms, fire_ms, is_paused)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                *(*place, due_ms, None if is_paused else self.find_fire_ms(name_id, each, due_ms), int(is_paused)),
            )
        self.expect_alarm()

    def list_page(self, after: str, limit: int) -> list[StoredSchedule]:
        names = "SELECT DISTINCT name_id FROM schedules WHERE name_id > ? ORDER BY name_id LIMIT ?"
        statement = f"{_SELECT} WHERE name_id IN ({names}) ORDER BY name_id, number"
        return [_load(row) for row in self._sql.execute(statement, after, limit)]

    def find(self, name_id: str) -> list[StoredSchedule]:
        statement = f"{_SELECT} WHERE name_id = ? ORDER BY number"
        return [_load(row) for row in self._sql.execute(statement, name_id)]

    def pause(self, name_id: str) -> bool:
        """What is queued will not begin; it is kept, for an alarm that has ended in the middle may have begun it."""
        statement = (
            "UPDATE schedules SET is_paused = 1, fire_ms = NULL, waiting_ms = NULL WHERE name_id = ? RETURNING key"
        )
        return bool(self._sql.execute(statement, name_id))

    def resume(self, name_id: str, due_ms: Mapping[str, float | None], running: Sequence[str]) -> bool:
        for schedule in self.find(name_id):
            if schedule["is_paused"]:
                first_ms = due_ms.get(schedule["key"])
                begun_ms, begun = next((each for each in schedule["queue"] if each[1] in running), (None, None))
                self._sql.execute(
                    "UPDATE schedules SET is_paused = 0, queue = '[]', due_ms = ?, fire_ms = ?,"
                    " last_due_ms = COALESCE(?, last_due_ms), last_run = COALESCE(?, last_run)"
                    " WHERE name_id = ? AND key = ?",
                    *(first_ms, self.find_fire_ms(name_id, schedule, first_ms), begun_ms, begun),
                    *(name_id, schedule["key"]),
                )
        self.expect_alarm()
        return bool(self._sql.execute("SELECT 1 FROM schedules WHERE name_id = ? LIMIT 1", name_id))

    def find_fire_ms(self, name_id: str, schedule: NewSchedule, due_ms: float | None) -> float | None:
        """When the object has to look at a schedule whose next time is `due_ms`."""
        if due_ms is None:
            return None
        jitter_ms = load_jitter_ms(json.loads(schedule["rules"]))
        crowd = self._join_crowd(due_ms) if jitter_ms is None else 0
        return due_ms + find_delay_ms(name_id, schedule["key"], due_ms, jitter_ms, crowd)

    def list_due(self, now_ms: float, limit: int) -> list[StoredSchedule]:
        """A batch of those that the object has to look at, the first those that have waited longest."""
        statement = f"{_SELECT} WHERE fire_ms <= ? ORDER BY COALESCE(waiting_ms, fire_ms) LIMIT ?"
        return [_load(row) for row in self._sql.execute(statement, now_ms, limit)]

    def _join_crowd(self, due_ms: float) -> int:
        """How many other schedules are due at that time, or soon after it, as far as this instance has seen."""
        if due_ms not in self._crowds:
            now_ms = self._clock.now_ms()
            self._crowds = {each: count for each, count in self._crowds.items() if each > now_ms}
            statement = "SELECT COUNT(*) AS count FROM schedules WHERE fire_ms >= ? AND fire_ms < ?"
            [found] = self._sql.execute(statement, due_ms, due_ms + CROWD_MS)
            self._crowds[due_ms] = found["count"]
        self._crowds[due_ms] += 1
        return self._crowds[due_ms] - 1

    def decide(
        self, before: StoredSchedule, due_ms: float | None, queue: Sequence[tuple[float, str]], missed: int
    ) -> bool:
        """Store what was decided of the times that have passed, unless the schedule has changed meanwhile."""
        changed = self._sql.execute(
            "UPDATE schedules SET due_ms = ?4, queue = ?5, missed = missed + ?6 WHERE name_id = ?1 AND key = ?2"
            " AND due_ms = ?3 AND is_paused = 0 RETURNING key",
            *(before["name_id"], before["key"], before["due_ms"], due_ms, json.dumps(queue), missed),
        )
        return bool(changed)

    def look_again(self, schedule: StoredSchedule, at_ms: float) -> None:
        """Leave a schedule as it is until then."""
        self._sql.execute(
            "UPDATE schedules SET waiting_ms = COALESCE(waiting_ms, fire_ms), fire_ms = ?"
            " WHERE name_id = ? AND key = ? AND is_paused = 0",
            *(at_ms, schedule["name_id"], schedule["key"]),
        )

    def advance(self, before: StoredSchedule, progress: Progress) -> None:
        """Store what has begun, unless the schedule was paused, deleted or decided meanwhile."""
        self._sql.execute(
            "UPDATE schedules SET queue = ?4, fire_ms = ?5, waiting_ms = ?6, last_run = COALESCE(?7, last_run),"
            " last_due_ms = COALESCE(?8, last_due_ms), skipped = skipped + ?9"
            " WHERE name_id = ?1 AND key = ?2 AND queue = ?3 AND is_paused = 0",
            *(before["name_id"], before["key"], json.dumps(before["queue"])),
            *(json.dumps(progress.queue), progress.fire_ms, progress.waiting_ms),
            *(progress.last_run, progress.last_due_ms, progress.skipped),
        )

    def forget(self, schedule: StoredSchedule) -> None:
        """Delete one that the current version does not have."""
        place = (schedule["name_id"], schedule["key"])
        self._sql.execute("DELETE FROM schedules WHERE name_id = ? AND key = ?", *place)

    @property
    def secret(self) -> str:
        """What the ids of runs are made with."""
        found: Any = self._sql.execute("SELECT run_secret FROM workspace")[0]["run_secret"]
        if found is None:
            self._sql.execute("UPDATE workspace SET run_secret = COALESCE(run_secret, lower(hex(randomblob(32))))")
            found = self._sql.execute("SELECT run_secret FROM workspace")[0]["run_secret"]
        return str(found)

    def postpone(self, delay_ms: float = RETRY_MS) -> None:
        """Set the next alarm before anything is done at this one, in case that it ends in the middle."""
        self._set(self._clock.now_ms() + delay_ms)

    def expect_alarm(self, at_least_ms: float = 0) -> None:
        """Set the alarm to the earliest time at which the object has to look at something; none if there is nothing."""
        [found] = self._sql.execute(_EARLIEST)
        if found["ms"] is None:
            self.next_ms = None
            self._alarm.clear()
        else:
            self._set(max(found["ms"], at_least_ms))

    def watch_alarm(self) -> None:
        """At a request: set an alarm again that should have gone off."""
        if self.next_ms is not None and self._clock.now_ms() > self.next_ms + LATE_ALARM_MS:
            self.expect_alarm()

    def _set(self, at_ms: float) -> None:
        self.next_ms = at_ms
        self._alarm.set(max(0, at_ms - self._clock.now_ms()))


def _load(row: Mapping[str, Any]) -> StoredSchedule:
    queue = [(due_ms, run_id) for due_ms, run_id in json.loads(row["queue"])]
    stored: Any = {**row, "queue": queue, "is_paused": bool(row["is_paused"])}
    loaded: StoredSchedule = stored
    return loaded
