"""Implements the operations of arcrun/workspace/watches.py over a Workspace's SQLite, and says what begins at its
alarm.

A watch is a row, each key that was seen another. An item that is new is a third, written together with its key, until
its run has begun. The id of that run is made of the key and of when it was seen, so it begins once.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from arcrun.limits import MAX_ITEMS_CHARACTERS, MAX_SEEN_KEYS, MAX_WAITING_ITEMS
from arcrun.ports import Clock, Sql
from arcrun.workspace.firings import build_firing_id
from arcrun.workspace.watches import FoundItem, Poll, Seen, StoredWatch
from executor.schedules.firing import WATCHED, DueRun, Fate
from executor.schedules.tables import RETRY_MS, Schedules

REFRESH_MS = 86_400_000  # a key that is still listed is written again no sooner
PAUSED_MS = 60_000  # until it is looked again whether a workflow has been resumed
_KNOWN = "SELECT key FROM watched_keys WHERE name_id = ?1 AND key IN (SELECT value FROM json_each(?2))"


class Watches:
    """The tables `watches`, `watched_keys` and `watched_items`. `schedules` has the alarm that all of these share."""

    def __init__(self, sql: Sql, schedules: Schedules, clock: Clock) -> None:
        self._sql, self._schedules, self._clock = sql, schedules, clock

    def replace(self, name_id: str, watch: str | None) -> None:
        """What a workflow watches in the version that is now current. What was seen of something else is forgotten."""
        if watch is not None and self._is_current(name_id, watch):
            return
        self.forget(name_id)
        if watch is not None:
            self._sql.execute("INSERT INTO watches (name_id, watch) VALUES (?, ?)", name_id, watch)

    def forget(self, name_id: str) -> None:
        self._sql.execute("DELETE FROM watches WHERE name_id = ?", name_id)
        self._sql.execute("DELETE FROM watched_keys WHERE name_id = ?", name_id)
        self._sql.execute("DELETE FROM watched_items WHERE name_id = ?", name_id)

    def note_poll(self, poll: Poll) -> list[str]:
        name_id, now_ms, listed = poll["name_id"], self._clock.now_ms(), json.dumps(poll["keys"])
        found = self._sql.execute("SELECT is_polled FROM watches WHERE name_id = ? AND watch = ?", *_place(poll))
        if not found:
            return []
        self._sql.execute(
            "UPDATE watched_keys SET seen_ms = ?3 WHERE name_id = ?1 AND seen_ms < ?4"
            " AND key IN (SELECT value FROM json_each(?2))",
            *(name_id, listed, now_ms, now_ms - REFRESH_MS),
        )
        known = {row["key"] for row in self._sql.execute(_KNOWN, name_id, listed)}
        unseen = [key for key in poll["keys"] if key not in known]
        if not found[0]["is_polled"] and not poll["begins"]:
            self._remember(name_id, unseen, now_ms)
            unseen = []
        [waiting] = self._sql.execute("SELECT COUNT(*) AS count FROM watched_items WHERE name_id = ?", name_id)
        chosen = unseen[: max(0, MAX_WAITING_ITEMS - waiting["count"])]
        self._sql.execute(
            "UPDATE watches SET is_polled = 1, polled_ms = ?2, error = NULL, listed = ?3, started = 0, left_over = ?4"
            " WHERE name_id = ?1",
            *(name_id, poll["at_ms"], len(poll["keys"]), len(unseen) - len(chosen)),
        )
        self._forget_oldest(name_id, listed, len(chosen))
        return chosen

    def add_items(self, name_id: str, watch: str, items: Sequence[FoundItem]) -> None:
        if not self._is_current(name_id, watch):
            return
        now_ms = self._clock.now_ms()
        keys = json.dumps([each["key"] for each in items])
        known = {row["key"] for row in self._sql.execute(_KNOWN, name_id, keys)}
        new = [each for each in items if each["key"] not in known]
        self._remember(name_id, [each["key"] for each in new], now_ms)
        for each in new:
            self._sql.execute(
                "INSERT INTO watched_items (name_id, key, item, seen_ms, fire_ms) VALUES (?, ?, ?, ?, ?)",
                *(name_id, each["key"], each["item"], now_ms, now_ms),
            )
        self._sql.execute("UPDATE watches SET started = started + ? WHERE name_id = ?", len(new), name_id)
        if new:
            self._schedules.expect_alarm()

    def note_failed_poll(self, name_id: str, watch: str, at_ms: float, error: str) -> None:
        self._sql.execute(
            "UPDATE watches SET polled_ms = ?3, error = ?4 WHERE name_id = ?1 AND watch = ?2",
            *(name_id, watch, at_ms, error),
        )

    def find_watches(self, name_ids: Sequence[str]) -> list[StoredWatch]:
        found: list[Any] = self._sql.execute(
            "SELECT name_id, polled_ms, error, listed, started, left_over, forgotten,"
            " (SELECT COUNT(*) FROM watched_keys WHERE watched_keys.name_id = watches.name_id) AS kept,"
            " (SELECT COUNT(*) FROM watched_items WHERE watched_items.name_id = watches.name_id) AS waiting"
            " FROM watches WHERE name_id IN (SELECT value FROM json_each(?)) ORDER BY name_id",
            json.dumps(list(name_ids)),
        )
        return found

    def find_seen(self, name_id: str) -> Seen | None:
        found = self._sql.execute("SELECT watch, is_polled FROM watches WHERE name_id = ?", name_id)
        if not found:
            return None
        rows = self._sql.execute("SELECT key FROM watched_keys WHERE name_id = ? ORDER BY seen_ms, key", name_id)
        return {
            "watch": found[0]["watch"],
            "polled": bool(found[0]["is_polled"]),
            "keys": [row["key"] for row in rows],
        }

    def add_seen(self, name_id: str, seen: Seen) -> bool:
        if not self._is_current(name_id, seen["watch"]):
            return False
        if seen["polled"]:
            self._sql.execute("UPDATE watches SET is_polled = 1 WHERE name_id = ?", name_id)
        self._remember(name_id, seen["keys"], self._clock.now_ms())
        self._forget_oldest(name_id, "[]", 0)
        return True

    def list_due(self, objects: int, limit: int) -> list[DueRun]:
        """The runs that are to begin now: of their items no more than fit into memory, one at least."""
        rows = self._sql.execute(
            "SELECT watched_items.name_id, watch, key, item, seen_ms FROM watched_items"
            " JOIN watches ON watches.name_id = watched_items.name_id"
            " WHERE fire_ms <= ? ORDER BY number LIMIT ?",
            *(self._clock.now_ms(), limit),
        )
        size, due = 0, list[DueRun]()
        for row in rows:
            size += len(row["item"])
            if due and size > MAX_ITEMS_CHARACTERS:
                break
            due.append(self._name_run(row, objects))
        return due

    def _name_run(self, row: Mapping[str, Any], objects: int) -> DueRun:
        name_id, key = row["name_id"], f"{WATCHED} {row['watch']} {row['key']}"
        run_id = build_firing_id(self._schedules.secret, name_id, key, row["seen_ms"], objects)
        return DueRun(name_id, WATCHED, row["seen_ms"], run_id, row)

    def advance(self, due: Sequence[DueRun], fates: Mapping[str, Fate]) -> None:
        """Store what has become of runs that were to begin. Items of a workflow that is paused wait."""
        later = {each.name for each in due if fates[each.run_id] is Fate.LATER}
        paused = {each.name for each in due if fates[each.run_id] is Fate.REFUSED}
        for each in due:
            if fates[each.run_id] in (Fate.BEGUN, Fate.GONE):
                self._sql.execute(
                    "DELETE FROM watched_items WHERE name_id = ? AND key = ? AND seen_ms = ?",
                    *(each.name, each.told["key"], each.due_ms),
                )
        for names, pause_ms in ((later, RETRY_MS), (paused, PAUSED_MS)):
            for name in names:
                again_ms = self._clock.now_ms() + pause_ms
                self._sql.execute("UPDATE watched_items SET fire_ms = ? WHERE name_id = ?", again_ms, name)

    def _is_current(self, name_id: str, watch: str) -> bool:
        return bool(self._sql.execute("SELECT 1 FROM watches WHERE name_id = ? AND watch = ?", name_id, watch))

    def _remember(self, name_id: str, keys: Sequence[str], now_ms: float) -> None:
        self._sql.execute(
            "INSERT OR IGNORE INTO watched_keys (name_id, key, seen_ms) SELECT ?1, value, ?3 FROM json_each(?2)",
            *(name_id, json.dumps(list(keys)), now_ms),
        )

    def _forget_oldest(self, name_id: str, listed: str, coming: int) -> None:
        """Forget the keys that were listed longest ago, so that `coming` ones fit. None that is `listed` is among
        them, nor one whose item waits.
        """
        [kept] = self._sql.execute("SELECT COUNT(*) AS count FROM watched_keys WHERE name_id = ?", name_id)
        excess = kept["count"] + coming - MAX_SEEN_KEYS
        if excess <= 0:
            return
        gone = self._sql.execute(
            "DELETE FROM watched_keys WHERE name_id = ?1 AND key IN (SELECT key FROM watched_keys WHERE name_id = ?1"
            " AND key NOT IN (SELECT value FROM json_each(?2))"
            " AND key NOT IN (SELECT key FROM watched_items WHERE name_id = ?1)"
            " ORDER BY seen_ms, key LIMIT ?3) RETURNING key",
            *(name_id, listed, excess),
        )
        self._sql.execute("UPDATE watches SET forgotten = forgotten + ? WHERE name_id = ?", len(gone), name_id)


def _place(poll: Poll) -> tuple[str, str]:
    return poll["name_id"], poll["watch"]
