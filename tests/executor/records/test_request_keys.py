"""Proves the operations on keys of requests in an object: claims, leases, answers, expiry and limits; and that objects
of the release before go on.
"""

from collections.abc import Mapping
from typing import Any

import pytest

from arcrun.durable_objects import Operations, migrate
from arcrun.engine.run_id import build_run_id_in
from arcrun.request_keys import Claim, Claimed, RequestKeysObject, SettledStatus
from arcrun.run_log.filter import LOST_AFTER_MS
from arcrun.run_log.protocol import RunLogObject
from arcrun.run_log.settings import RunLogSettings
from executor.records import request_keys, run_log
from executor.records.run_log import ANSWERS_SHARE, PRUNE_INTERVAL_MS, RunLogTables
from fakes.ports.objects import FakeAlarm, FakeRunLogs, FakeWorkspace
from fakes.ports.sql import SqliteSql
from fakes.ports.storage import InMemoryR2
from fakes.ports.system import FixedClock, SeededRandom

pytestmark = pytest.mark.anyio

LEASE_MS, KEEP_MS = 5_000, 60_000
BYTES = 1_000_000


class Object:
    """One object of a RunLog."""

    def __init__(self, size_bytes: int = BYTES) -> None:
        self.clock, self.random, self.sql = FixedClock(), SeededRandom(), SqliteSql()
        self.alarm = FakeAlarm(self.clock)
        self.settings = RunLogSettings(1, 7, size_bytes, 60_000)
        self.tables = self.start()

    def start(self) -> RunLogTables:
        self.tables = RunLogTables(self.sql, self.alarm, self.clock, self.settings)
        return self.tables

    def claim(self, key: str = "k", fingerprint: str = "f", **asked: Any) -> Claimed:
        run_id = build_run_id_in(self.clock, self.random, 0)
        claim: Any = {"key": key, "fingerprint": fingerprint, "run_id": run_id, "lease_ms": LEASE_MS}
        return self.tables.claim(claim | {"keep_ms": KEEP_MS, "retries_failed": True} | asked)

    def settle(self, run_id: str, status: SettledStatus = "success", answer: str | None = "a", key: str = "k") -> None:
        self.tables.settle({"key": key, "run_id": run_id, "status": status, "answer": answer})

    def keep(self, key: str, answer: str = "a") -> None:
        self.settle(self.claim(key)["run_id"], answer=answer, key=key)

    @property
    def keys(self) -> list[str]:
        return [row["key"] for row in self.sql.execute("SELECT key FROM request_keys ORDER BY key")]

    def build(self, run_id: str, **fields: Any) -> Any:
        row = {"id": run_id, "workflow": "w", "version": 1, "trigger": "webhook", "started_at": "", "result": "{}"}
        return {
            **row,
            "status": "running",
            "deadline_ms": self.clock.now_ms() + 10,
            "keep_days": 0,
            "blobs": 0,
            **fields,
        }


def told(claimed: Claimed) -> tuple[Any, ...]:
    return claimed["state"], claimed.get("answer"), claimed.get("left_ms")


def test_a_lease_ends_to_the_millisecond() -> None:
    kept = Object()
    first = kept.claim()
    assert told(first) == ("claimed", None, None)
    kept.clock.advance(LEASE_MS - 1)
    assert told(kept.claim()) == ("running", None, 1)
    assert kept.claim()["run_id"] == first["run_id"]
    kept.clock.advance(1)
    second = kept.claim()
    assert (second["state"], second["run_id"] != first["run_id"]) == ("claimed", True)


def test_an_answer_is_kept_for_its_time_and_a_lease_for_its_own() -> None:
    kept = Object()
    run_id = kept.claim(keep_ms=1_000)["run_id"]
    kept.clock.advance(2_000)
    assert told(kept.claim()) == ("running", None, LEASE_MS - 2_000)
    kept.tables._keys.prune()
    assert kept.keys == ["k"]
    kept.settle(run_id)
    assert kept.claim()["state"] == "claimed"


def test_a_run_that_outlived_its_lease_cannot_settle_anothers_key() -> None:
    kept = Object()
    late = kept.claim()["run_id"]
    kept.clock.advance(LEASE_MS)
    own = kept.claim()["run_id"]
    kept.settle(late, answer="late")
    kept.tables.release("k", late)
    assert kept.claim()["state"] == "running"
    kept.settle(own, answer="own")
    assert told(kept.claim()) == ("settled", "own", None)


SETTLED: list[tuple[SettledStatus, bool, str]] = [
    ("success", True, "settled"),
    ("success", False, "settled"),
    ("failed", True, "claimed"),
    ("failed", False, "settled"),
    ("accepted", True, "settled"),
    ("accepted", False, "settled"),
]


@pytest.mark.parametrize(("status", "retries", "state"), SETTLED)
def test_what_follows_a_run(status: SettledStatus, retries: bool, state: str) -> None:
    kept = Object()
    kept.settle(kept.claim()["run_id"], status)
    assert kept.claim(fingerprint="other")["state"] == "reused"
    assert kept.claim(retries_failed=retries)["state"] == state


ENDS: list[Any] = [
    pytest.param({}, 0, "settled", id="it runs"),
    pytest.param({}, 11 + LOST_AFTER_MS, "claimed", id="it is lost"),
    pytest.param({"status": "success", "deadline_ms": None}, 0, "settled", id="it has succeeded"),
    pytest.param({"status": "failed", "deadline_ms": None}, 0, "claimed", id="it has failed"),
]


@pytest.mark.parametrize(("fields", "later_ms", "state"), ENDS)
def test_an_accepted_run_is_looked_up(fields: Mapping[str, Any], later_ms: float, state: str) -> None:
    kept = Object()
    run_id = kept.claim()["run_id"]
    row = kept.build(run_id)
    kept.tables.settle({"key": "k", "run_id": run_id, "status": "accepted", "answer": "202"}, [row])
    kept.tables.add([row | fields])
    kept.clock.advance(later_ms)
    assert kept.claim()["state"] == state
    assert kept.claim(retries_failed=False)["state"] == ("running" if state == "claimed" else "settled")


def test_a_claim_that_is_given_up_leaves_the_key_free() -> None:
    kept = Object()
    kept.tables.release("k", kept.claim()["run_id"])
    assert (kept.keys, kept.claim(fingerprint="other")["state"]) == ([], "claimed")
    kept.settle(run_id := kept.claim(fingerprint="other")["run_id"])
    kept.tables.release("k", run_id)  # what is settled stays
    assert kept.claim(fingerprint="other")["state"] == "settled"


def test_all_is_there_after_a_restart() -> None:
    kept = Object()
    kept.keep("a", "answer")
    running = kept.claim("b")
    kept.start()
    assert told(kept.claim("a")) == ("settled", "answer", None)
    assert told(kept.claim("b")) == ("running", None, LEASE_MS)
    assert kept.claim("b")["run_id"] == running["run_id"]


def test_a_key_expires_to_the_millisecond_but_never_before_its_lease() -> None:
    kept = Object()
    kept.keep("k")
    kept.clock.advance(KEEP_MS - 1)
    assert kept.claim()["state"] == "settled"
    kept.clock.advance(1)
    assert kept.claim(fingerprint="other")["state"] == "claimed"
    kept.claim("short", keep_ms=1)
    kept.clock.advance(LEASE_MS - 1)
    assert kept.claim("short", keep_ms=1)["state"] == "running"


async def test_expired_keys_are_deleted_by_the_alarm_though_no_run_is_stored() -> None:
    kept = Object()
    kept.keep("a")
    kept.keep("b")
    assert kept.alarm.due_ms == kept.clock.now_ms() + PRUNE_INTERVAL_MS
    kept.clock.advance(KEEP_MS)
    kept.claim("c", keep_ms=10 * PRUNE_INTERVAL_MS)

    async def export() -> bool:
        return False

    kept.clock.advance(PRUNE_INTERVAL_MS)
    await kept.tables.on_alarm(InMemoryR2(kept.clock), export)
    assert kept.keys == ["c"]
    kept.clock.advance(10 * PRUNE_INTERVAL_MS)
    await kept.tables.on_alarm(InMemoryR2(kept.clock), export)
    await kept.tables.on_alarm(InMemoryR2(kept.clock), export)
    assert kept.keys == []


def test_too_many_keys_lose_those_that_expire_first_and_none_that_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_keys, "MAX_REQUEST_KEYS", 10)
    monkeypatch.setattr(request_keys, "EVICTED_KEYS", 4)
    kept = Object()
    kept.claim("running", keep_ms=1)
    for number in range(9):
        kept.keep(f"k{number}")
        kept.clock.advance(1)
    assert len(kept.keys) == 10
    kept.keep("k9")
    assert kept.keys == [*(f"k{number}" for number in range(4, 10)), "running"]
    kept.start()
    for number in range(10, 14):
        kept.keep(f"k{number}")
    assert "running" in kept.keys
    assert len(kept.keys) <= 10


def test_answers_take_their_share_of_an_object() -> None:
    kept = Object()
    for number in range(100):
        kept.keep(f"{number:03}", "x" * 10_000)
        kept.clock.advance(1)
    left = int(ANSWERS_SHARE * BYTES / 10_000)
    assert 0 < len(kept.keys) <= left + 1
    assert kept.claim("099")["state"] == "settled"
    for number in range(100, 105):
        kept.keep(f"{number:03}")
    assert "099" in kept.keys


class TestReleases:
    def test_an_object_of_the_release_before_gets_the_table(self) -> None:
        sql = SqliteSql()
        migrate(sql, run_log.MIGRATIONS[:2])
        kept = Object()
        row = kept.build("0" * 26, status="success")
        names = ", ".join(row)
        sql.execute(f"INSERT INTO runs ({names}) VALUES ({', '.join('?' * len(row))})", *row.values())
        kept.sql = sql
        kept.start()
        assert kept.tables.find("0" * 26) is not None
        assert kept.claim()["state"] == "claimed"

    def test_code_of_the_release_before_goes_on_with_it(self) -> None:
        kept = Object()
        kept.keep("a")
        migrate(kept.sql, run_log.MIGRATIONS[:-1])
        assert kept.keys == ["a"]

    async def test_an_older_object_refuses_and_the_request_can_be_repeated(self) -> None:
        logs = FakeRunLogs(FixedClock(), 1)
        channel = logs.channel_of(0)
        older = [name for name in dir(RunLogObject) if name not in dir(RequestKeysObject)]
        channel.operations = Operations(logs.tables[0], type("Older", (), dict.fromkeys(older)))
        with pytest.raises(LookupError):
            await channel.call("claim", {})

    @pytest.mark.parametrize("state", ["open", "closed"])
    async def test_a_closed_workspace_keeps_nothing(self, state: str) -> None:
        workspace = FakeWorkspace()
        if state == "closed":
            await workspace.close()
        claim = Claim(key="k", fingerprint="f", run_id="r", lease_ms=1, keep_ms=1, retries_failed=True)
        assert (await workspace.claim(claim))["state"] == "claimed"
        assert len(workspace.sql.execute("SELECT * FROM request_keys")) == (state == "open")
