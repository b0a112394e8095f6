"""When the blobs of a run are deleted: with its record; a day after the last was begun, if it has none."""

import pytest

from arcrun.limits import MAX_PRUNED_RUNS, UNKEPT_BLOBS_HOURS
from arcrun.run_log.run_blobs import RemoteRunBlobs
from executor.records import run_blobs
from executor.records.run_log import DAY_MS
from fixtures.run_logs import Logs

pytestmark = pytest.mark.anyio

MOST, HOUR_MS = 10**9, 3_600_000
UNKEPT_MS = UNKEPT_BLOBS_HOURS * HOUR_MS


class BlobLogs(Logs):
    async def put(self, run_id: str, pieces: int = 2, size: int = 100) -> None:
        """A blob of a run, as the executor writes it."""
        assert await self.of_run(run_id).expect_blob(run_id, MOST) == "noted"
        for number in range(pieces):
            self.bucket.upload(f"runs/{run_id}/blob-{len(self.bucket.keys):032x}/{number}", b"sealed")
        await self.of_run(run_id).count_blob(run_id, size)

    async def alarms_for(self, duration_ms: float) -> None:
        """Let time pass, with every alarm that is due in it."""
        end_ms = self.clock.now_ms() + duration_ms
        while (due_ms := self.alarms[0].due_ms) is not None and due_ms <= end_ms:
            await self.alarm()
        self.clock.advance(max(0, end_ms - self.clock.now_ms()))

    def noted(self) -> list[str]:
        return [row["id"] for row in self.sql[0].execute("SELECT id FROM run_blobs ORDER BY id")]


async def test_they_go_with_the_record() -> None:
    logs = BlobLogs()
    run_id = await logs.keep(keep_days=3)
    await logs.put(run_id)
    logs.bucket.upload(f"runs/{run_id}/result", b"{}")  # of no interest here
    await logs.alarms_for(2.9 * DAY_MS)
    assert len(logs.bucket.keys) == 3
    await logs.alarms_for(0.2 * DAY_MS)
    assert (logs.ids_in(), logs.noted(), logs.bucket.keys) == ([], [], [f"runs/{run_id}/result"])


async def test_of_a_run_without_a_record_they_go_after_a_day() -> None:
    """What was begun and not finished, too."""
    logs = BlobLogs()
    run_id = logs.build()["id"]
    await logs.put(run_id)
    await logs.alarms_for(UNKEPT_MS / 2)
    await logs.of_run(run_id).expect_blob(run_id, MOST)
    logs.bucket.upload(f"runs/{run_id}/blob-{'f' * 32}/0", b"sealed")
    await logs.alarms_for(UNKEPT_MS - HOUR_MS)
    assert len(logs.bucket.keys) == 3
    await logs.alarms_for(3 * HOUR_MS)
    assert (logs.noted(), logs.bucket.keys) == ([], [])


async def test_a_record_that_comes_late_keeps_them() -> None:
    logs = BlobLogs()
    run = logs.build(keep_days=5)
    await logs.put(run["id"])
    await logs.alarms_for(UNKEPT_MS / 2)
    await logs.add(0, [run])
    await logs.alarms_for(4 * DAY_MS)
    assert len(logs.bucket.keys) == 2
    await logs.alarms_for(DAY_MS)
    assert logs.bucket.keys == []


async def test_of_a_run_under_way_they_stay() -> None:
    logs = BlobLogs()
    run = logs.build(status="running", deadline_ms=logs.clock.now_ms() + 30 * DAY_MS, start="sealed", keep_days=1)
    await logs.add(0, [run])
    await logs.put(run["id"])
    await logs.alarms_for(20 * DAY_MS)
    assert len(logs.bucket.keys) == 2


async def test_of_a_run_that_is_dropped_they_go_at_once() -> None:
    logs = BlobLogs()
    run = logs.build(status="running", deadline_ms=logs.clock.now_ms() + DAY_MS, start="sealed")
    await logs.add(0, [run])
    await logs.put(run["id"])
    await logs.drop(run["id"])
    await logs.alarms_for(1_000)
    assert logs.bucket.keys == []


async def test_a_bucket_that_fails_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    logs = BlobLogs()
    await logs.put(logs.build()["id"])

    async def fail(_prefix: str) -> list[str]:
        raise ConnectionError

    with monkeypatch.context() as down:
        down.setattr(logs.bucket, "list", fail)
        with pytest.raises(ConnectionError):
            await logs.alarms_for(2 * UNKEPT_MS)
    assert len(logs.noted()) == 1
    await logs.alarms_for(2 * HOUR_MS)
    assert (logs.noted(), logs.bucket.keys) == ([], [])


async def test_many_are_deleted_batch_by_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_blobs, "MAX_PRUNED_RUNS", 3)
    logs = BlobLogs()
    for _ in range(7):
        await logs.put(logs.build()["id"])
    assert MAX_PRUNED_RUNS > 3
    await logs.alarms_for(UNKEPT_MS + 2 * HOUR_MS)
    assert (logs.noted(), logs.bucket.keys) == ([], [])


async def test_a_run_has_so_many_and_an_account_so_many_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_blobs, "MAX_RUN_BLOBS", 2)
    monkeypatch.setattr(run_blobs, "MAX_RUN_BLOBS_BYTES", 500)
    logs = BlobLogs()
    one, two, three = (logs.build()["id"] for _ in range(3))
    asked: RemoteRunBlobs = logs.of_run(one)  # type: ignore[assignment]
    await logs.put(one)
    await logs.put(one)
    await logs.put(two, size=500)
    assert [await asked.expect_blob(run_id, 1_000) for run_id in (one, two, three)] == ["run", "run", "noted"]
    assert await asked.expect_blob(three, 700) == "account"
    logs.start(0)  # it knows as much
    assert await asked.expect_blob(three, 700) == "account"
    assert await asked.expect_blob(three, 701) == "noted"


async def test_deletion_makes_room() -> None:
    logs = BlobLogs()
    run_id = logs.build()["id"]
    await logs.put(run_id, size=800)
    asked = logs.of_run(run_id)
    assert await asked.expect_blob(logs.build()["id"], 800) == "account"
    await logs.alarms_for(UNKEPT_MS + 2 * HOUR_MS)
    assert await asked.expect_blob(logs.build()["id"], 800) == "noted"


async def test_a_tenant_that_goes_takes_them_along() -> None:
    """The runs are among those that are forgotten, which deletes all below their prefix."""
    logs = BlobLogs()
    run_id = logs.build()["id"]
    await logs.of_run(run_id).expect_blob(run_id, MOST, "tenant-1")
    assert logs.tables[0].tenant_id == "tenant-1"
    await logs.first.close()
    assert logs.sql[0].execute("SELECT run_id FROM closing") == [{"run_id": run_id}]
    assert (logs.noted(), await logs.first.expect_blob(run_id, MOST, "tenant-1")) == ([], "closed")
