"""Proves the operations of a RunLog's object: filtered lists, pruning by time and size, verdicts for KV."""

import json
import random
from typing import Any

import pytest

from arcrun.engine.run_id import build_run_id_in, first_id_at, object_of, time_of
from arcrun.limits import MAX_PRUNED_RUNS
from arcrun.run_log.filter import LOST_AFTER_MS, RunFilter
from arcrun.run_log.protocol import StoredRun
from executor.records import run_log
from executor.records.run_log import DAY_MS, PRUNE_INTERVAL_MS, PRUNE_PAUSE_MS
from executor.records.runs import LONGEST_QUICK_RUN_MS
from fakes.ports.system import FixedClock, SeededRandom
from fixtures.run_logs import Logs

pytestmark = pytest.mark.anyio

HOUR_MS = 3_600_000


async def test_a_run_is_found_in_the_object_that_its_id_names() -> None:
    logs = Logs(8)
    run_id = await logs.keep(5, result='{"data": 1}')
    assert object_of(run_id) == 5
    found = await logs.find(run_id)
    assert found is not None
    assert (found["result"], found["workflow"], found.get("error")) == ('{"data": 1}', "w", None)
    assert await logs.find(logs.build(5)["id"]) is None


async def test_a_run_is_one_row_and_two_where_it_has_failed() -> None:
    """Counted by SQLite: the b-trees that a statement changes."""
    logs = Logs()
    await logs.keep()
    await logs.keep(status="failed", error="E", node="a")
    [entries] = logs.sql[0].execute("SELECT COUNT(*) AS count FROM runs WHERE status <> 'success'")
    assert entries["count"] == 1
    indexes = logs.sql[0].execute("SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = 'runs'")
    assert [row["name"] for row in indexes if not row["name"].startswith("sqlite_")] == [
        "runs_without_success",
        "runs_with_blobs",  # only runs with parts in the bucket are in it
    ]
    [entries] = logs.sql[0].execute("SELECT COUNT(*) AS count FROM runs WHERE blobs > 0")
    assert entries["count"] == 0
    [table] = logs.sql[0].execute("SELECT sql FROM sqlite_master WHERE name = 'runs'")
    assert "WITHOUT ROWID" in table["sql"]


ASKED: list[Any] = [
    pytest.param({}, "abcdef", id="all"),
    pytest.param({"workflow": "one"}, "acef", id="workflow"),
    pytest.param({"status": "success"}, "ab", id="success"),
    pytest.param({"status": "failed"}, "cd", id="failed"),
    pytest.param({"status": "running"}, "e", id="running"),
    pytest.param({"status": "lost"}, "f", id="lost"),
    pytest.param({"status": "failed", "workflow": "one"}, "c", id="failed of a workflow"),
    pytest.param({"version": 2}, "bd", id="version"),
    pytest.param({"version": 0}, "", id="no version"),
    pytest.param({"trigger": "name"}, "b", id="trigger"),
    pytest.param({"since_ms": 2 * HOUR_MS}, "cdef", id="since"),
    pytest.param({"until_ms": 2 * HOUR_MS}, "ab", id="until"),
    pytest.param({"since_ms": 1 * HOUR_MS, "until_ms": 3 * HOUR_MS}, "bc", id="between"),
    pytest.param({"since_ms": 9 * HOUR_MS, "until_ms": 1 * HOUR_MS}, "", id="an empty time"),
    pytest.param({"text": "TWO"}, "bd", id="a part of the workflow's name"),
    pytest.param({"text": "t_fou"}, "d", id="a part of the error"),
    pytest.param({"text": "%"}, "", id="no pattern"),
    pytest.param(
        {"text": "o", "status": "failed", "version": 2, "workflow": "two", "trigger": "webhook"}, "d", id="all"
    ),
]


@pytest.mark.parametrize(("asked", "names"), ASKED)
async def test_a_list_has_what_is_asked_for(asked: dict[str, Any], names: str) -> None:
    logs = Logs()
    began_ms = logs.clock.now_ms()
    deadline_ms = began_ms + 10 * HOUR_MS
    rows: list[dict[str, Any]] = [
        {"workflow": "one"},
        {"workflow": "two", "version": 2, "trigger": "name"},
        {"workflow": "one", "status": "failed", "error": "TOO_LARGE"},
        {"workflow": "two", "version": 2, "status": "failed", "error": "NOT_FOUND"},
        {"workflow": "one", "status": "running", "deadline_ms": deadline_ms},
        {"workflow": "one", "status": "running", "deadline_ms": began_ms},
    ]
    named = {}
    for number, fields in enumerate(rows):
        named[await logs.keep(number % 2, **fields)] = "abcdef"[number]
        logs.clock.advance(HOUR_MS)
    moved = {key: began_ms + value if key.endswith("_ms") else value for key, value in asked.items()}
    assert "".join(sorted(named[run_id] for run_id in await logs.ids(**moved))) == names
    assert [named[run_id] for run_id in await logs.ids()] == list("fedcba")
    found = [run_id for run_id in await logs.ids() if RunFilter(**moved).matches(await judged(logs, run_id))]
    assert found == await logs.ids(**moved)  # the filter of runs in KV agrees


async def judged(logs: Logs, run_id: str) -> Any:
    run: Any = await logs.find(run_id)
    is_lost = run.get("deadline_ms") is not None and logs.clock.now_ms() > run["deadline_ms"] + LOST_AFTER_MS
    return {**run, "status": "lost" if is_lost else run["status"]}


@pytest.mark.parametrize("seed", range(30))
async def test_pages_have_each_run_once_while_others_arrive(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs begin and end between two pages, some long after they began; each object looks through four at once."""
    monkeypatch.setattr(run_log, "MAX_SCANNED_RUNS", 4)
    chance = random.Random(seed)
    logs = Logs(chance.choice([1, 3, 8]))
    under_way: list[tuple[int, StoredRun]] = []

    async def go_on() -> None:
        for _ in range(chance.randrange(4)):
            logs.clock.advance(chance.choice([0, 0, 1, 40]))
            number = chance.randrange(logs.count)
            status = chance.choice(["success", "success", "failed"])
            under_way.append((number, logs.build(number, workflow=chance.choice("abc"), status=status)))
        chance.shuffle(under_way)
        while len(under_way) > 3:
            number, run = under_way.pop()
            await logs.add(number, [run])

    for _ in range(25):
        await go_on()
    asked: dict[str, Any] = chance.choice(
        [{}, {"workflow": "a"}, {"status": "failed"}, {"status": "failed", "workflow": "b"}]
    )
    expected = [
        run_id
        for run_id in sorted((run_id for number in range(logs.count) for run_id in logs.ids_in(number)), reverse=True)
        if RunFilter(**asked).matches(await judged(logs, run_id))
    ]
    seen: list[str] = []
    cursor, limit = "", chance.choice([1, 2, 5, 100])
    while True:
        runs, cursor = await logs.list_runs(RunFilter(**asked), cursor, limit)
        assert len(runs) <= limit
        seen += [run["id"] for run in runs]
        if not cursor:
            break
        await go_on()
    assert seen == sorted(set(seen), reverse=True)
    assert [run_id for run_id in seen if run_id in expected] == expected


async def test_a_run_that_has_ended_takes_the_place_of_itself_and_keeps_its_input() -> None:
    logs = Logs()
    run = logs.build(
        status="running", deadline_ms=5.0, duration_ms=None, result='{"input": 1}', input="sealed", blobs=0
    )
    await logs.add(0, [run])
    ended: Any = {**run, "status": "success", "deadline_ms": None, "result": '{"data": 2}', "input": None}
    await logs.add(0, [ended])
    found = await logs.find(run["id"])
    assert found is not None
    assert (found["status"], found["result"], found.get("input"), len(logs.ids_in())) == (
        "success",
        '{"data": 2}',
        "sealed",
        1,
    )


@pytest.mark.parametrize(("before", "after", "blobs"), [(2, 0, 2), (2, 1, 3), (0, 1, 1), (1, 0, 0)])
async def test_an_input_in_the_bucket_stays_known(before: int, after: int, blobs: int) -> None:
    logs = Logs()
    run = logs.build(status="running", blobs=before)
    ended: Any = {**run, "status": "failed", "blobs": after}
    await logs.add(0, [run])
    await logs.add(0, [ended])
    found = await logs.find(run["id"])
    assert found is not None
    assert found["blobs"] == blobs


async def test_what_is_not_to_be_kept_is_dropped_only_while_it_runs() -> None:
    logs = Logs()
    running, ended = await logs.keep(status="running", blobs=2), await logs.keep()
    assert (await logs.drop(running), await logs.drop(ended), await logs.drop(running)) == (2, 0, 0)
    assert logs.ids_in() == [ended]


async def test_runs_are_kept_for_as_long_as_their_workflow_says() -> None:
    logs = Logs(keep_days=7)
    usual = await logs.keep()
    short, long = await logs.keep(keep_days=1), await logs.keep(keep_days=30)
    assert logs.alarms[0].due_ms == logs.clock.now_ms() + PRUNE_INTERVAL_MS
    began_ms = logs.clock.now_ms()
    ends: dict[str, float] = {}
    while logs.alarms[0].due_ms is not None:
        await logs.alarm()
        for run_id in (usual, short, long):
            if run_id not in logs.ids_in():
                ends.setdefault(run_id, logs.clock.now_ms() - began_ms)
    interval_days = PRUNE_INTERVAL_MS / DAY_MS
    for run_id, days in ((short, 1), (usual, 7), (long, 30)):
        assert days <= ends[run_id] / DAY_MS <= days + interval_days
    assert logs.ids_in() == []  # and the object sleeps from now on


async def test_many_are_pruned_in_parts() -> None:
    logs = Logs()
    count = MAX_PRUNED_RUNS + 10
    await logs.add(0, [logs.build(blobs=1) for _ in range(count)])
    for run_id in logs.ids_in():
        logs.bucket.upload(f"runs/{run_id}/result", b"{}")
    logs.clock.advance(8 * DAY_MS)
    await logs.alarm()
    assert len(logs.ids_in()) == len(logs.bucket.keys) == 10
    assert logs.alarms[0].due_ms == logs.clock.now_ms() + PRUNE_PAUSE_MS
    await logs.alarm()
    assert (logs.ids_in(), logs.bucket.keys) == ([], [])
    await logs.alarm()
    assert logs.alarms[0].due_ms is None


async def test_parts_in_the_bucket_are_deleted_first() -> None:
    """A failure leaves the row, which the next alarm finds."""
    logs = Logs()
    run_id = await logs.keep(blobs=3)
    for name in ("result", "input"):
        logs.bucket.upload(f"runs/{run_id}/{name}", b"{}")
    logs.clock.advance(8 * DAY_MS)
    delete = logs.bucket.delete

    async def fail(_keys: Any) -> None:
        raise BrokenPipeError

    logs.bucket.delete = fail  # type: ignore[assignment, method-assign]
    with pytest.raises(BrokenPipeError):
        await logs.alarm()
    assert logs.ids_in() == [run_id]
    logs.bucket.delete = delete  # type: ignore[method-assign]
    await logs.alarm()
    assert (logs.ids_in(), logs.bucket.keys) == ([], [])


async def test_a_late_run_is_pruned_though_its_time_was_pruned_before() -> None:
    logs = Logs()
    late = logs.build()
    await logs.keep()
    logs.clock.advance(7 * DAY_MS + 1)
    await logs.alarm()
    logs.clock.advance(1)
    await logs.add(0, [late, logs.build()])
    assert len(logs.ids_in()) == 2
    await logs.alarm()
    assert late["id"] not in logs.ids_in()


async def test_the_oldest_go_where_there_are_too_many() -> None:
    logs = Logs(bytes=4_000_000)
    while logs.alarms == {} or (logs.alarms[0].due_ms or 0) > logs.clock.now_ms():
        logs.clock.advance(1)
        await logs.keep(result="x" * 200_000, keep_days=365)
    kept = logs.ids_in()
    assert 4_000_000 < logs.sql[0].size_bytes < 5_500_000
    while (logs.alarms[0].due_ms or 0) <= logs.clock.now_ms() + PRUNE_PAUSE_MS:
        await logs.alarm()
    assert logs.sql[0].size_bytes <= 3_600_000
    left = logs.ids_in()
    assert left == kept[len(kept) - len(left) :]
    assert (await logs.first.measure())["most_bytes"] == 4_000_000


@pytest.mark.parametrize("where", ["row", "bucket"])
async def test_large_ones_go_only_until_there_is_room(where: str) -> None:
    logs = Logs(bytes=8_000_000)
    fields: Any = {"result": "x" * 500_000} if where == "row" else {"blobs": 1, "blob_bytes": 500_000}
    for _ in range(17):
        logs.clock.advance(1)
        await logs.keep(**fields)
    kept = logs.ids_in()
    logs.clock.advance(PRUNE_INTERVAL_MS)
    await logs.alarm()
    assert logs.ids_in() == kept[3:]
    assert 6_500_000 < (await logs.first.measure())["bytes"] < 7_300_000


@pytest.mark.parametrize("blobs", [1, 3])
async def test_parts_in_the_bucket_count(blobs: int) -> None:
    logs = Logs()
    empty = logs.first
    before = (await empty.measure())["bytes"]
    run = logs.build(status="running", blobs=2, blob_bytes=300_000)
    await logs.add(0, [run])
    assert (await logs.first.measure())["bytes"] == before + 300_000
    await logs.add(0, [{**run, "status": "success", "blobs": blobs, "blob_bytes": 400_000}])
    assert (await logs.first.measure())["bytes"] == before + 700_000
    await logs.add(0, [{**run, "status": "success", "blobs": blobs, "blob_bytes": 400_000, "input": "x"}])
    assert (await logs.first.measure())["bytes"] == before + 400_000


async def test_a_run_of_code_before_is_kept() -> None:
    """Earlier code does not know about bytes in the bucket."""
    logs = Logs()
    run_id = await logs.keep(blobs=1)
    assert (logs.look_up(run_id)["blobs"], (await logs.first.measure())["runs"]) == (1, 1)


async def test_what_was_done_today_is_counted_though_it_is_gone_again() -> None:
    logs = Logs(bytes=1_000_000)
    before = logs.tables[0].measure() if 0 in logs.tables else (await logs.first.measure())
    for _ in range(400):
        await logs.keep(result="x" * 10_000)
    assert (await logs.first.measure())["rows"] - before["rows"] >= 400
    while logs.ids_in():
        logs.clock.advance(HOUR_MS)
        await logs.alarm()
        if (await logs.first.measure())["bytes"] <= 1_000_000:
            break
    measured = await logs.first.measure()
    assert measured["pruned"] > 250
    assert measured["rows"] - before["rows"] >= 400 + measured["pruned"]
    assert logs.start(0).measure()["rows"] >= 400 + measured["pruned"]  # after an eviction
    logs.clock.advance(DAY_MS)
    assert (await logs.first.measure())["rows"] == 0


async def test_an_object_that_begins_again_knows_its_alarms() -> None:
    logs = Logs()
    await logs.keep()
    due_ms, sets = logs.alarms[0].due_ms, logs.alarms[0].sets
    logs.start(0)
    logs.clock.advance(HOUR_MS)
    await logs.keep()
    assert (logs.alarms[0].due_ms, logs.alarms[0].sets) == (due_ms, sets)  # later runs do not move it


# Verdicts in KV.


async def exported(logs: Logs) -> list[str]:
    """The ids of the verdicts in KV, the newest batch first."""
    entries = (await logs.kv.list("verdicts:")).entries
    values = [json.loads(await logs.kv.get(entry.key) or "") for entry in entries]
    assert all(value["format"] == 2 for value in values)
    return [verdict["id"] for value in values for verdict in value["verdicts"]]


async def export_all(logs: Logs) -> None:
    await logs.first.expect_export()
    for _ in range(100):
        if logs.sql[0].execute("SELECT 1 FROM log WHERE export_ms = 0"):
            return
        await logs.alarm()
    raise AssertionError("it never ends")


async def test_verdicts_are_written_together() -> None:
    logs = Logs(3)
    ids = [await logs.keep(number, status=status) for number, status in enumerate(["success", "failed", "success"])]
    await logs.first.expect_export()
    assert logs.alarms[0].due_ms == logs.clock.now_ms() + 60_000
    await export_all(logs)
    assert (len(logs.kv.writes), await exported(logs)) == (1, sorted(ids, reverse=True))
    await logs.first.expect_export()
    await export_all(logs)
    assert len(logs.kv.writes) == 1  # nothing is new


async def test_a_run_that_ends_late_is_written_too() -> None:
    logs = Logs(2)
    slow, accepted = logs.build(1), logs.build(0, status="running")
    await logs.add(0, [accepted])
    quick = [await logs.keep(0), await logs.keep(1)]
    await export_all(logs)
    assert sorted(await exported(logs)) == sorted(quick)
    ended: Any = {**accepted, "status": "failed"}
    await logs.add(1, [slow])
    await logs.add(0, [ended])
    await export_all(logs)
    assert sorted(await exported(logs)) == sorted([*quick, slow["id"], accepted["id"]])
    assert all(sql.execute("SELECT * FROM late") == [] for sql in logs.sql.values())


@pytest.mark.parametrize("seed", range(20))
async def test_each_run_is_written_whenever_a_crash_comes(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    chance, logs = random.Random(seed), Logs(3)
    monkeypatch.setattr("executor.records.verdict_export.MAX_EXPORTED_VERDICTS", 4)
    put, ids, waiting = logs.kv.put, [], []

    async def break_down(*arguments: Any, **options: Any) -> None:
        if chance.random() < 0.3:
            raise BrokenPipeError
        await put(*arguments, **options)
        if chance.random() < 0.3:
            raise BrokenPipeError

    logs.kv.put = break_down  # type: ignore[method-assign]
    for _ in range(60):
        logs.clock.advance(chance.choice([1, 1_000, 20_000]))
        number = chance.randrange(logs.count)
        waiting.append((number, logs.build(number)))
        chance.shuffle(waiting)
        if len(waiting) > 2:
            number, run = waiting.pop()
            await logs.add(number, [run])
            ids.append(run["id"])
        await logs.first.expect_export()
        if chance.random() < 0.2:
            logs.start(chance.choice(list(logs.sql)))
        if (logs.alarms[0].due_ms or 0) <= logs.clock.now_ms():
            try:
                await logs.alarm()
            except BrokenPipeError:
                logs.start(0)
    logs.kv.put = put  # type: ignore[method-assign]
    await export_all(logs)
    assert set(await exported(logs)) == set(ids)


def test_an_id_tells_its_time_and_its_object() -> None:
    clock = FixedClock()
    run_id = build_run_id_in(clock, SeededRandom(), 1023)
    assert (time_of(run_id), object_of(run_id), len(run_id)) == (clock.now_ms(), 1023, 26)
    assert first_id_at(clock.now_ms()) < run_id < first_id_at(clock.now_ms() + 1)


async def test_notes_of_what_is_to_be_cancelled_are_bounded_and_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_log, "MAX_CANCEL_NOTES", 2)
    logs = Logs()
    run_ids = []
    for _ in range(3):
        run_ids.append(build_run_id_in(logs.clock, logs.random, 0))
        await logs.ask_to_end(run_ids[-1])
        logs.clock.advance(1_000)
    assert [await logs.is_to_end(run_id) for run_id in run_ids] == [False, True, True]
    logs.clock.advance(LONGEST_QUICK_RUN_MS + PRUNE_INTERVAL_MS)
    await logs.alarm()
    assert [await logs.is_to_end(run_id) for run_id in run_ids] == [False, False, False]


async def test_an_origin_has_the_first_retry_unless_another_is_forced() -> None:
    logs = Logs()
    origin = await logs.keep(status="failed", replay_of="a")
    assert await logs.mark_retried(origin, "b", is_forced=False) == "b"
    assert await logs.mark_retried(origin, "c", is_forced=False) == "b"
    await logs.unmark_retried(origin, "c")
    [listed], _ = await logs.list_runs(RunFilter(), "", 10)
    assert (listed["replay_of"], listed["retried_by"]) == ("a", "b")
    await logs.add(0, [logs.build(id=origin, status="failed")])  # its record is written again
    assert logs.look_up(origin)["retried_by"] == "b"
    assert await logs.mark_retried(origin, "c", is_forced=True) == "c"
    await logs.unmark_retried(origin, "c")
    assert await logs.mark_retried(origin, "d", is_forced=False) == "d"
    assert await logs.mark_retried(build_run_id_in(logs.clock, logs.random, 0), "e", is_forced=False) == ""
