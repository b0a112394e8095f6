"""Proves what a tenant's object of the RunLog accepts: several runs as far as there is room, and a message with its
key, once.
"""

from typing import Any, cast

import pytest

from arcrun.engine.run_id import build_derived_id
from arcrun.request_keys import Claim, Settlement
from arcrun.run_log.protocol import StoredRun
from executor.records.run_log import RunLogTables
from fakes.ports.objects import FakeRunLogs
from fakes.ports.system import START_MS, FixedClock

TENANT, LEASE_MS = "tn_0", 30_000


def id_of(number: int) -> str:
    return build_derived_id(START_MS, 0, bytes([number] * 9))


def run(number: int, **more: Any) -> StoredRun:
    verdict = {"id": id_of(number), "workflow": "w", "version": 1, "trigger": "schedule", "status": "running"}
    rest = {"started_at": "2026-09-21T13:46:40.000Z", "deadline_ms": START_MS + 60_000, "keep_days": 0, "blobs": 0}
    return cast(StoredRun, {**verdict, **rest, "result": "{}", "start": "c3RhcnQ=", "tenant": TENANT, **more})


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def log(clock: FixedClock) -> RunLogTables:
    logs = FakeRunLogs(clock, 1)
    logs.channel_of(0)
    return logs.tables[0]


def test_as_many_are_accepted_as_there_is_room_for(log: RunLogTables) -> None:
    assert log.accept(run(1), 3) == "stored"
    batch = log.accept_new([run(number) for number in (1, 2, 3, 4)], 3)
    assert batch == {"unfinished": [id_of(1), id_of(2), id_of(3)], "refused": [id_of(4)]}
    assert log.tenant_id == TENANT
    assert log.find(id_of(4)) is None


def test_what_has_ended_is_neither_begun_again_nor_refused(log: RunLogTables) -> None:
    log.accept_new([run(1)], 1)
    log.add([run(1, status="success", start=None, deadline_ms=None)])
    assert log.accept_new([run(1), run(2)], 1) == {"unfinished": [id_of(2)], "refused": []}


def test_a_closed_one_accepts_nothing(log: RunLogTables) -> None:
    log.accept_new([run(1)], 10)
    log.close()
    assert log.accept_new([run(1), run(2)], 10) == {"unfinished": [], "refused": [id_of(1), id_of(2)]}
    assert log.claim(claim(3))["state"] == "claimed"
    assert log.accept_keyed(settlement(3), run(3), 10) == "closed"
    assert [log.find(id_of(number)) for number in (1, 2, 3)] == [None] * 3


def claim(number: int) -> Claim:
    times = {"lease_ms": LEASE_MS, "keep_ms": 3_600_000.0}
    return cast(Claim, {"key": "k", "fingerprint": "f", "run_id": id_of(number), **times, "retries_failed": False})


def settlement(number: int) -> Settlement:
    return {"key": "k", "run_id": id_of(number), "status": "accepted", "answer": None}


def test_a_run_is_accepted_with_its_key(log: RunLogTables) -> None:
    log.claim(claim(1))
    assert log.accept_keyed(settlement(1), run(1), 10) == "stored"
    assert log.accept_keyed(settlement(1), run(1), 10) == "stored"  # its answer was lost
    assert log.claim(claim(2)) == {"state": "settled", "run_id": id_of(1), "answer": None}


def test_who_came_too_late_has_lost_the_key(log: RunLogTables, clock: FixedClock) -> None:
    log.claim(claim(1))
    clock.advance(LEASE_MS)
    log.claim(claim(2))
    assert log.accept_keyed(settlement(1), run(1), 10) == "taken"
    assert log.accept_keyed(settlement(2), run(2), 10) == "stored"
    assert log.find(id_of(1)) is None


def test_without_room_the_key_can_be_given_up(log: RunLogTables) -> None:
    log.claim(claim(1))
    assert log.accept_keyed(settlement(1), run(1), 0) == "full"
    log.release("k", id_of(1))
    assert log.claim(claim(2))["state"] == "claimed"
