"""Implements the operations of arcrun/admissions.py over a Durable Object's SQLite.

An admitted run costs a row, which is read back when the object starts; what a limit has left is counted in memory.
"""

import json
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from arcrun.admissions import Admitted, Counted
from arcrun.engine.run_id import first_id_at
from arcrun.limits import MAX_ADMISSIONS
from arcrun.ports import Clock, Sql

TABLES = (
    """CREATE TABLE admissions (
        ticket TEXT PRIMARY KEY, names TEXT NOT NULL, begun_ms REAL NOT NULL, lease_ms REAL NOT NULL) WITHOUT ROWID""",
)
MINUTE_MS = 60_000
CLEANING_MS = 10_000  # between two deletions of what counts no more


@dataclass
class _Count:
    """The runs that count towards one limit: when those of the last minute began, and the leases of those under way, by
    ticket.
    """

    begun: deque[float] = field(default_factory=deque)
    leases: dict[str, float] = field(default_factory=dict)

    def forget(self, now_ms: float) -> None:
        while self.begun and self.begun[0] <= now_ms - MINUTE_MS:
            self.begun.popleft()
        for ticket in [ticket for ticket, lease_ms in self.leases.items() if lease_ms <= now_ms]:
            del self.leases[ticket]

    def refuse(self, limit: Counted, now_ms: float) -> Admitted | None:
        """None if there is room. `refused` is for the caller to fill in."""
        most, at_once = limit["per_minute"], limit["concurrent"]
        if most is not None and len(self.begun) >= most:
            return {"refused": None, "retry_ms": self.begun[-most] + MINUTE_MS - now_ms}
        if at_once is not None and len(self.leases) >= at_once:
            return {"refused": None}
        return None


class Admissions:
    """The table `admissions`: `names` is JSON, those of Counted; `lease_ms` is 0 of a run that has ended, whose
    beginning counts for a minute.
    """

    def __init__(self, sql: Sql, clock: Clock) -> None:
        self._sql, self._clock = sql, clock
        self._counts: dict[str, _Count] = {}
        self._names: dict[str, list[str]] | None = None  # by ticket, in their order; None until they are read
        self._clean_ms = 0.0

    def admit(self, ticket: str, counted: Sequence[Counted], lease_ms: float) -> Admitted:
        now_ms = self._clock.now_ms()
        for refusal in self.list_refusals(counted):
            return refusal
        listed = [limit["name"] for limit in counted]
        self._enter(ticket, listed, now_ms, now_ms + lease_ms)
        self._sql.execute(
            "INSERT OR REPLACE INTO admissions (ticket, names, begun_ms, lease_ms) VALUES (?, ?, ?, ?)",
            *(ticket, json.dumps(listed), now_ms, now_ms + lease_ms),
        )
        return {"refused": None}

    def list_refusals(self, counted: Sequence[Counted]) -> Iterator[Admitted]:
        """The limits without room."""
        now_ms = self._clock.now_ms()
        self.clean(now_ms)
        if len(self._load()) >= MAX_ADMISSIONS:
            yield {"refused": -1}
        for number, limit in enumerate(counted):
            count = self._counts.setdefault(limit["name"], _Count())
            count.forget(now_ms)
            if (refusal := count.refuse(limit, now_ms)) is not None:
                yield {**refusal, "refused": number}

    def find_room(self, limit: Counted) -> tuple[int, float]:
        """How many runs may begin now by what the limit says of a minute, and in how many milliseconds one may, if none
        does.
        """
        now_ms, most = self._clock.now_ms(), limit["per_minute"] or 0
        self.clean(now_ms)
        self._load()
        count = self._counts.setdefault(limit["name"], _Count())
        count.forget(now_ms)
        refusal = count.refuse(limit, now_ms)
        return max(0, most - len(count.begun)), 0 if refusal is None else refusal.get("retry_ms", MINUTE_MS)

    def find_room_ms(self, counted: Sequence[Counted]) -> float:
        """When each limit without room has some, if no run ends before its lease does."""
        now_ms = self._clock.now_ms()
        found = now_ms
        for refusal in self.list_refusals(counted):
            number = refusal["refused"]
            if number is None or number < 0:
                return now_ms + CLEANING_MS
            leases = self._counts[counted[number]["name"]].leases
            found = max(found, now_ms + refusal["retry_ms"] if "retry_ms" in refusal else min(leases.values()))
        return found

    def leave(self, ticket: str) -> Sequence[str]:
        """Returns the names of the limits that the run counted towards."""
        names = self._load().get(ticket, ())
        for name in names:
            self._counts[name].leases.pop(ticket, None)
        self._sql.execute("UPDATE admissions SET lease_ms = 0 WHERE ticket = ?", ticket)
        return names

    def knows(self, ticket: str) -> bool:
        """Whether the run counts towards any limit, or did in the last minute."""
        return ticket in self._load()

    def clear(self) -> None:
        self._sql.execute("DELETE FROM admissions")
        self._counts, self._names = {}, {}

    def clean(self, now_ms: float) -> None:
        """Delete what counts no more, if it is time to."""
        if now_ms < self._clean_ms:
            return
        self._clean_ms = now_ms + CLEANING_MS
        gone = self._sql.execute(
            "DELETE FROM admissions WHERE ticket < ? AND begun_ms <= ? AND lease_ms <= ? RETURNING ticket",
            *(first_id_at(now_ms - MINUTE_MS + CLEANING_MS), now_ms - MINUTE_MS, now_ms),
        )
        names = self._load()
        for row in gone:
            for name in names.pop(row["ticket"], ()):
                if (count := self._counts.get(name)) is not None:
                    count.forget(now_ms)
                    if not count.begun and not count.leases:
                        del self._counts[name]

    def _load(self) -> dict[str, list[str]]:
        if self._names is None:
            self._names = {}
            statement = "SELECT ticket, names, begun_ms, lease_ms FROM admissions ORDER BY begun_ms"
            for row in self._sql.execute(statement):
                self._enter(row["ticket"], json.loads(row["names"]), row["begun_ms"], row["lease_ms"])
        return self._names

    def _enter(self, ticket: str, names: list[str], begun_ms: float, lease_ms: float) -> None:
        assert self._names is not None
        self._names[ticket] = names
        for name in names:
            count = self._counts.setdefault(name, _Count())
            count.begun.append(begun_ms)
            if lease_ms:
                count.leases[ticket] = lease_ms
