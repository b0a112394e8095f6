"""Proves that an object counts runs exactly: within a minute, at once, for each key, across restarts and deaths."""

import random
from typing import Any

import pytest

from arcrun.admissions import Admitted, Counted
from arcrun.engine.run_id import build_run_id_in
from executor.records import admissions
from executor.records.admissions import CLEANING_MS, MINUTE_MS, Admissions
from fakes.ports.sql import SqliteSql
from fakes.ports.system import FixedClock, SeededRandom

LEASE_MS = 5_000


class Object:
    def __init__(self) -> None:
        self.clock, self.random, self.sql = FixedClock(), SeededRandom(), SqliteSql()
        for statement in admissions.TABLES:
            self.sql.execute(statement)
        self.tables = self.start()

    def start(self) -> Admissions:
        self.tables = Admissions(self.sql, self.clock)
        return self.tables

    def admit(self, *counted: Counted, lease_ms: float = LEASE_MS) -> tuple[str, Admitted]:
        ticket = build_run_id_in(self.clock, self.random, 0)
        return ticket, self.tables.admit(ticket, counted, lease_ms)

    def admits(self, *counted: Counted, **options: Any) -> bool:
        return self.admit(*counted, **options)[1]["refused"] is None

    @property
    def rows(self) -> int:
        return len(self.sql.execute("SELECT * FROM admissions"))


def per_minute(number: int, name: str = "n") -> Counted:
    return {"name": name, "per_minute": number, "concurrent": None}


def at_once(number: int, name: str = "n") -> Counted:
    return {"name": name, "per_minute": None, "concurrent": number}


def test_a_minute_has_room_again_when_its_first_run_is_a_minute_old() -> None:
    kept = Object()
    assert kept.admits(per_minute(2))
    kept.clock.advance(10_000)
    assert kept.admits(per_minute(2))
    kept.clock.advance(20_000)
    assert kept.admit(per_minute(2))[1] == {"refused": 0, "retry_ms": 30_000}
    kept.clock.advance(29_999)
    assert not kept.admits(per_minute(2))
    kept.clock.advance(1)
    assert kept.admits(per_minute(2))
    assert kept.admit(per_minute(2))[1] == {"refused": 0, "retry_ms": 10_000}


@pytest.mark.parametrize("restarts", [False, True])
def test_at_once_has_room_again_when_one_ends_or_its_lease_does(restarts: bool) -> None:
    kept = Object()
    first, _ = kept.admit(at_once(2))
    kept.clock.advance(1_000)
    assert kept.admits(at_once(2))
    if restarts:
        kept.start()
    assert kept.admit(at_once(2))[1] == {"refused": 0}
    kept.tables.leave(first)
    assert [kept.admits(at_once(2)) for _ in range(2)] == [True, False]
    kept.clock.advance(LEASE_MS - 1_000 - 1)
    assert not kept.admits(at_once(2))
    kept.clock.advance(1_001)
    assert [kept.admits(at_once(2)) for _ in range(3)] == [True, True, False]


def test_limits_are_all_met_or_none_counts() -> None:
    kept = Object()
    assert kept.admits(at_once(1, "a"), per_minute(9, "b"))
    assert kept.admit(per_minute(9, "b"), at_once(1, "a"))[1] == {"refused": 1}
    assert [kept.admits(per_minute(3, "b")) for _ in range(3)] == [True, True, False]


def test_keys_do_not_know_each_other() -> None:
    kept = Object()
    assert [kept.admits(at_once(1, name)) for name in "abcab"] == [True, True, True, False, False]


def test_who_leaves_twice_or_was_never_there_changes_nothing() -> None:
    kept = Object()
    ticket, _ = kept.admit(at_once(1))
    for gone in (ticket, ticket, "0" * 26):
        kept.tables.leave(gone)
    assert [kept.admits(at_once(1)) for _ in range(2)] == [True, False]


def test_what_counts_no_more_is_deleted() -> None:
    kept = Object()
    for _ in range(10):
        ticket, _ = kept.admit(per_minute(100), lease_ms=3 * MINUTE_MS)
        kept.clock.advance(100)
    kept.tables.leave(ticket)
    kept.clock.advance(MINUTE_MS + CLEANING_MS)
    kept.admits(per_minute(100))
    assert kept.rows == 10  # nine that run, and the new one
    kept.clock.advance(3 * MINUTE_MS)
    kept.tables.clean(kept.clock.now_ms())
    assert (kept.rows, len(kept.tables._counts)) == (0, 0)


def test_an_object_counts_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admissions, "MAX_ADMISSIONS", 3)
    kept = Object()
    assert [kept.admit(at_once(9))[1] for _ in range(4)] == [{"refused": None}] * 3 + [{"refused": -1}]


def test_it_counts_as_a_list_of_all_runs_does() -> None:
    """Against the plain definition, over a random history with restarts."""
    chance, kept = random.Random(7), Object()
    begun: list[tuple[float, str, str]] = []
    ended: dict[str, float] = {}
    admitted = 0
    for _ in range(3_000):
        now_ms = kept.clock.now_ms()
        name = chance.choice("ab")
        last = [ticket for at, of, ticket in begun if of == name and at > now_ms - MINUTE_MS]
        led = [(min(at + LEASE_MS, ended.get(ticket, now_ms + 1)), ticket) for at, of, ticket in begun if of == name]
        running = [ticket for until_ms, ticket in led if until_ms > now_ms]
        ticket, outcome = kept.admit({"name": name, "per_minute": 20, "concurrent": 3})
        assert (outcome["refused"] is None) == (len(last) < 20 and len(running) < 3)
        if outcome["refused"] is None:
            admitted += 1
            begun.append((now_ms, name, ticket))
        if running and chance.random() < 0.3:
            gone = chance.choice(running)
            kept.tables.leave(gone)
            ended[gone] = now_ms
        if chance.random() < 0.02:
            kept.start()
        kept.clock.advance(chance.choice([0, 1, 50, 400, 3_000]))
    assert admitted > 300
