"""Proves how an account's runs are stored: in batches after the answer or before it; large, sealed and late ones."""

import asyncio
import base64
import json
from collections.abc import Mapping
from typing import Any, cast

import pytest

from arcrun.credentials.record import fingerprint_of
from arcrun.engine.record import NodeRecord, NodeStatus, RunRecord
from arcrun.engine.run_id import object_of
from arcrun.engine.trigger import TriggerKind
from arcrun.errors import (
    ArcrunError,
    DecryptionError,
    NotConfiguredError,
    NotFoundError,
    RecordError,
    RunError,
    UpstreamError,
)
from arcrun.limits import MAX_ACCEPTED_MS, MAX_BATCH_BYTES, MAX_ROW_BYTES, MAX_STEP_RESULT_BYTES, MAX_UNWRITTEN_BYTES
from arcrun.run_log.filter import LOST_AFTER_MS, RunFilter
from arcrun.run_log.protocol import StoredRun
from arcrun.workflows.model import KEEPS_ALL, Keeping, Recording
from executor.records.earlier_runs import EarlierRuns
from executor.records.logged_runs import EARLIEST, GATHER_MS, MAX_SEALED_TOGETHER, MOVE_MS, RETRY_MS, LoggedRuns
from executor.records.run_inputs import RunInputs
from executor.records.run_log import PRUNE_INTERVAL_MS, UPLOAD_MS
from executor.records.runs import LONGEST_QUICK_RUN_MS, OVERDUE_GATHERING_MS, OVERDUE_WRITING_MS, AcceptedRun, EndedRun
from fakes.earlier_runs import EarlierWriter
from fakes.ports.background import FakeBackground
from fakes.ports.cipher import DeskCipher
from fakes.ports.objects import FakeRunLogs
from fakes.ports.storage import InMemoryKV, InMemoryR2
from fakes.ports.system import FixedClock, SeededRandom

pytestmark = pytest.mark.anyio

OLD_KEY, NEW_KEY = (base64.b64encode(bytes([n]) * 32).decode() for n in (1, 2))
NOTHING: Any = "nothing is kept"


class Isolate:
    """One Worker isolate's store. Isolates share the objects, the bucket, KV and the time."""

    def __init__(
        self, seed: int = 0, other: "Isolate | None" = None, key: str | None = OLD_KEY, previous: str | None = None
    ) -> None:
        self.clock: FixedClock = other.clock if other else FixedClock()
        self.logs: FakeRunLogs = other.logs if other else FakeRunLogs(self.clock, 8)
        self.bucket: InMemoryR2 = other.bucket if other else InMemoryR2(self.clock)
        self.records: InMemoryKV = other.records if other else InMemoryKV(self.clock)
        self.background, random = FakeBackground(), SeededRandom(seed)
        self.inputs = RunInputs(self.logs.first, key, previous, DeskCipher, random)
        self.earlier = EarlierWriter(self.records, self.records, self.clock, random, self.background)
        self.store = LoggedRuns(
            *(self.logs, self.inputs, self.bucket),
            earlier=EarlierRuns(self.records, self.records, self.clock),
            clock=self.clock,
            random=random,
            background=self.background,
            export_interval_ms=60_000,
        )

    def end(self, workflow: str = "w", run_input: bytes = b"{}", keeping: Keeping = KEEPS_ALL, **fields: Any) -> str:
        """End a run now."""
        run_id = self.store.new_run_id()
        self.store.add(EndedRun(self.record_of(run_id, workflow, **fields), keeping, run_input))
        return run_id

    async def keep(self, *workflows: str, **fields: Any) -> list[str]:
        ids = [self.end(workflow, **fields) for workflow in workflows]
        await self.background.finish()
        return ids

    def record_of(self, run_id: str, workflow: str = "w", error: ArcrunError | None = None, data: Any = 7) -> RunRecord:
        trace = (NodeRecord("a", "echo", NodeStatus.SUCCESS, attempts=1, bytes=300),)
        return RunRecord(run_id, workflow, 3, TriggerKind.WEBHOOK, self.clock.now_ms(), 12.5, data, error, trace)

    def large_record_of(self, run_id: str, size: int) -> RunRecord:
        value = {"x": "x" * size}
        trace = (NodeRecord("a", "echo", NodeStatus.SUCCESS, attempts=1, input=value, bytes=size),)
        return RunRecord(run_id, "w", 3, TriggerKind.WEBHOOK, self.clock.now_ms(), 12.5, 7, None, trace)

    async def keep_row(self, number: int, run_id: str, sealed: bytes) -> None:
        verdict = self.record_of(run_id).to_verdict()
        row = {**verdict, "keep_days": 0, "blobs": 0, "result": "{}", "input": base64.b64encode(sealed).decode()}
        await self.logs.add(number, [cast(StoredRun, row)])

    def asked(self, number: int | None = None) -> list[str]:
        """The requested operations of the object that this isolate writes to."""
        own = object_of(self.store.new_run_id()) if number is None else number
        return self.logs.channel_of(own).asked

    async def listed(self, limit: int = 50, **asked: Any) -> list[str]:
        runs, _ = await self.store.list(RunFilter(**asked), limit, None)
        return [run["id"] for run in runs]


async def test_a_run_leaves_a_record_and_a_verdict() -> None:
    isolate = Isolate()
    [run_id] = await isolate.keep("tell")
    verdict = {
        "id": run_id,
        "workflow": "tell",
        "version": 3,
        "trigger": "webhook",
        "status": "success",
        "started_at": "2026-09-21T14:13:20.000Z",
        "duration_ms": 12.5,
    }
    found = await isolate.store.find(run_id)
    trace = found.pop("trace")
    assert found == {**verdict, "data": 7}
    assert [(entry["node"], entry["status"]) for entry in trace] == [("a", "success")]
    assert await isolate.store.list(RunFilter(), 50, None) == ([verdict], None)


async def test_a_failed_run_says_where_and_why() -> None:
    isolate = Isolate()
    [run_id] = await isolate.keep("w", error=RunError("m", code="BAD", details={"node": "a"}))
    [[listed], _] = await isolate.store.list(RunFilter(status="failed"), 50, None)
    assert (listed["error"], listed["node"]) == ("BAD", "a")
    found = await isolate.store.find(run_id)
    assert (found["error"]["message"], found["node"]) == ("m", "a")


async def test_nothing_is_written_before_the_answer_and_then_all_in_one_call() -> None:
    isolate = Isolate()
    ids = [isolate.end(name) for name in "abc"]
    assert isolate.asked() == []
    await asyncio.sleep(0)  # the batch waits
    ids.append(isolate.end("d"))
    await isolate.background.finish()
    assert isolate.asked().count("add") == 1
    assert isolate.clock.slept_ms == [GATHER_MS]
    assert sorted(await isolate.listed()) == sorted(ids)
    assert len({object_of(run_id) for run_id in ids}) == 1


async def test_isolates_write_to_objects_of_their_own_and_lists_have_them_all() -> None:
    first = Isolate()
    isolates = [first, *(Isolate(seed, first) for seed in range(1, 12))]
    ids = []
    for isolate in isolates:
        first.clock.advance(5)
        ids += await isolate.keep("w")
    assert len({object_of(run_id) for run_id in ids}) > 3
    assert await first.listed() == ids[::-1]
    seen, cursor = [], None
    while True:
        runs, cursor = await first.store.list(RunFilter(), 5, cursor)
        seen += [run["id"] for run in runs]
        if cursor is None:
            break
    assert seen == ids[::-1]


KEPT: list[Any] = [
    (Keeping(Recording.ALL), [True, True]),
    (Keeping(Recording.ERRORS), [False, True]),
    (Keeping(Recording.NONE), [False, False]),
    (Keeping(Recording.BEFORE_ANSWER), [True, True]),
]


@pytest.mark.parametrize(("keeping", "are_kept"), KEPT)
@pytest.mark.parametrize("way", ["after", "before", "accepted"])
async def test_a_workflow_says_which_runs_are_kept(keeping: Keeping, are_kept: list[bool], way: str) -> None:
    isolate = Isolate()
    for error, is_kept in zip((None, RunError("m", code="BAD")), are_kept, strict=True):
        run_id = isolate.store.new_run_id()
        run = EndedRun(isolate.record_of(run_id, error=error), keeping, b"{}")
        if way == "after":
            isolate.store.add(run)
        elif way == "before":
            await isolate.store.add_now(run)
        else:
            await isolate.store.accept(accepted(run_id, keeping))
            await isolate.store.add_accepted(run)
        await isolate.background.finish()
        assert (await isolate.logs.find(run_id) is not None) is is_kept
    assert isolate.store.unwritten.count == 0


async def test_days_are_the_workflows_own() -> None:
    isolate = Isolate()
    [run_id] = await isolate.keep("w", keeping=Keeping(days=30))
    [other] = await isolate.keep("w")
    assert [isolate.logs.look_up(each)["keep_days"] for each in (run_id, other)] == [30, 0]


async def test_a_record_before_the_answer_is_there_with_it_or_an_error_is() -> None:
    isolate = Isolate()
    run_id, lost = isolate.store.new_run_id(), isolate.store.new_run_id()
    await isolate.store.add_now(EndedRun(isolate.record_of(run_id), KEEPS_ALL, b"{}"))
    assert (isolate.background.is_idle, isolate.logs.look_up(run_id)["id"]) == (True, run_id)
    isolate.logs.is_down = True
    with pytest.raises(RecordError) as caught:
        await isolate.store.add_now(EndedRun(isolate.record_of(lost), KEEPS_ALL, b"{}"))
    assert (caught.value.code, caught.value.http_status) == ("RECORD_NOT_STORED", 503)
    assert (caught.value.details, caught.value.retriable) == ({"run_id": lost}, False)


async def test_what_cannot_be_written_is_counted_after_a_second_try() -> None:
    isolate = Isolate()
    isolate.logs.is_down = True
    await isolate.keep("a", "b")
    assert (isolate.store.unwritten.count, isolate.clock.slept_ms) == (2, [GATHER_MS, RETRY_MS])
    isolate.logs.is_down = False
    [run_id] = await isolate.keep("c")
    assert (await isolate.listed(), isolate.store.unwritten.count) == ([run_id], 2)


async def test_a_batch_that_fails_once_is_written_once() -> None:
    isolate = Isolate()
    isolate.end("a")
    isolate.logs.is_down = True
    sleep = isolate.clock.sleep

    async def sleep_and_mend(duration_ms: float) -> None:
        await sleep(duration_ms)
        isolate.logs.is_down = duration_ms != RETRY_MS

    isolate.clock.sleep = sleep_and_mend  # type: ignore[method-assign]
    await isolate.background.finish()
    assert (len(await isolate.listed()), isolate.store.unwritten.count) == (1, 0)


async def test_the_news_of_verdicts_costs_one_call_in_a_while_and_no_record() -> None:
    isolate = Isolate()
    channel = isolate.logs.channel_of(0)
    call, told = channel.call, []

    async def refuse_once(operation: str, arguments: Mapping[str, Any]) -> Any:
        if operation == "expect_export":
            told.append(isolate.clock.now_ms())
            if len(told) == 1:
                raise UpstreamError("no answer", code="OBJECT_UNAVAILABLE")
        return await call(operation, arguments)

    channel.call = refuse_once  # type: ignore[method-assign]
    for _ in range(20):
        isolate.clock.advance(1_000)
        await isolate.keep("w")
    assert (len(told), len(await isolate.listed()), isolate.store.unwritten.count) == (2, 20, 0)
    isolate.clock.advance(60_000)
    await isolate.keep("w")
    assert len(told) == 3


# If a client disconnects, the work after its request's answer is cancelled.


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
async def test_the_next_run_writes_what_a_cancelled_request_has_not(turns: int) -> None:
    isolate = Isolate()
    lost = [isolate.end("a"), isolate.end("b")]
    for _ in range(turns):  # it waits for others, or for the object
        await asyncio.sleep(0)
    isolate.background.drop()
    isolate.clock.advance(max(OVERDUE_GATHERING_MS, OVERDUE_WRITING_MS) + 1)
    [run_id] = await isolate.keep("c")
    assert sorted(await isolate.listed()) == sorted([*lost, run_id])
    assert isolate.store.unwritten.count == 0


async def test_one_that_is_not_overdue_is_not_written_twice() -> None:
    isolate = Isolate()
    isolate.end("a")
    isolate.clock.advance(OVERDUE_GATHERING_MS - 1)
    isolate.end("b")
    await isolate.background.finish()
    assert isolate.asked().count("add") == 1


async def test_an_isolate_holds_only_so_much() -> None:
    isolate = Isolate()
    isolate.logs.is_down = True
    count = MAX_UNWRITTEN_BYTES // 200_000 + 5
    for _ in range(count):
        run_id = isolate.store.new_run_id()
        isolate.store.add(EndedRun(isolate.large_record_of(run_id, 200_000), KEEPS_ALL, b"{}"))
    refused = isolate.store.unwritten.count
    assert 5 <= refused <= 10
    assert isolate.store.unwritten.to_json()["reason"] == "More records wait to be written than an isolate can hold."
    await isolate.background.finish()
    assert isolate.store.unwritten.count == count
    isolate.logs.is_down = False
    assert len(await isolate.keep("w")) == len(await isolate.listed()) == 1


async def test_a_batch_is_bounded() -> None:
    isolate = Isolate()
    for _ in range(2 * MAX_BATCH_BYTES // 200_000 + 2):
        run_id = isolate.store.new_run_id()
        isolate.store.add(EndedRun(isolate.large_record_of(run_id, 200_000), KEEPS_ALL, b"{}"))
    await isolate.background.finish()
    assert isolate.asked().count("add") == 3


# Large records.


async def test_what_a_row_does_not_hold_lies_in_the_bucket() -> None:
    isolate = Isolate()
    run_id = isolate.store.new_run_id()
    record, sent = isolate.large_record_of(run_id, MAX_ROW_BYTES), json.dumps(["y" * MAX_ROW_BYTES]).encode()
    isolate.store.add(EndedRun(record, KEEPS_ALL, sent))
    await isolate.background.finish()
    assert isolate.bucket.keys == [f"runs/{run_id}/input", f"runs/{run_id}/result"]
    assert len(json.dumps(isolate.logs.look_up(run_id))) < 1_000
    assert len((await isolate.store.find(run_id))["trace"][0]["input"]["x"]) == MAX_ROW_BYTES
    assert await isolate.store.find_input(run_id) == json.loads(sent)
    isolate.bucket.remove(f"runs/{run_id}/result")
    isolate.bucket.remove(f"runs/{run_id}/input")
    for find in (isolate.store.find, isolate.store.find_input):
        with pytest.raises(NotFoundError):
            await find(run_id)


async def test_an_object_gets_no_row_that_is_larger_than_it_may_be() -> None:
    isolate = Isolate()
    run_id = isolate.store.new_run_id()
    quotes = json.dumps({"x": '"' * (MAX_ROW_BYTES // 2 - 1_000)}).encode()
    record = isolate.large_record_of(run_id, MAX_ROW_BYTES - 2_000)
    isolate.store.add(EndedRun(record, KEEPS_ALL, quotes))
    await isolate.background.finish()
    assert await isolate.store.find_input(run_id) == json.loads(quotes)
    assert (isolate.store.unwritten.count, isolate.bucket.keys) == (0, [])


# Inputs of runs.


async def test_an_input_is_kept_sealed() -> None:
    isolate = Isolate()
    [run_id] = await isolate.keep("w", run_input=b'{"token": "s3cret"}')
    assert await isolate.store.find_input(run_id) == {"token": "s3cret"}
    assert "s3cret" not in json.dumps(isolate.logs.look_up(run_id))
    assert "token" not in json.dumps(await isolate.store.find(run_id))
    other = Isolate(1, isolate)
    assert await other.store.find_input(run_id) == {"token": "s3cret"}


async def test_a_sealed_input_opens_for_its_own_run_alone() -> None:
    isolate = Isolate()
    one, other = await isolate.keep("a", "b", run_input=b"1")
    sealed = isolate.logs.look_up(one)["input"]
    isolate.logs.sql[object_of(other)].execute("UPDATE runs SET input = ? WHERE id = ?", sealed, other)
    with pytest.raises(DecryptionError):
        await isolate.store.find_input(other)


async def test_inputs_of_a_batch_are_sealed_once_for_all_that_are_kept_equally_long() -> None:
    isolate = Isolate()
    sent = {
        isolate.end(keeping=Keeping(days=days), run_input=json.dumps(f"s3cret {n}").encode()): f"s3cret {n}"
        for n, days in enumerate([None, 2, None, 2, 2, None])
    }
    alone = isolate.end(keeping=Keeping(days=3), run_input=b'"s3cret"')
    without = isolate.end(run_input=b"")
    await isolate.background.finish()
    assert {run_id: await isolate.store.find_input(run_id) for run_id in sent} == sent
    assert await isolate.store.find_input(alone) == "s3cret"
    assert "s3cret" not in isolate.logs.stored
    kept = {run_id: base64.b64decode(isolate.logs.look_up(run_id)["input"] or "") for run_id in sent}
    assert sum(len(each) > 27 for each in kept.values()) == 2
    with pytest.raises(NotFoundError):
        await isolate.store.find_input(without)


async def test_an_input_stays_readable_until_its_run_is_deleted() -> None:
    isolate = Isolate()
    ids = sorted([*await isolate.keep(*"ab" * 4, keeping=Keeping(days=2)), *await isolate.keep(*"ab" * 4)])
    for count, oldest in enumerate(ids):
        assert [await isolate.store.find_input(run_id) for run_id in ids[count:]] == [{}] * (len(ids) - count)
        isolate.logs.sql[object_of(oldest)].execute("DELETE FROM runs WHERE id = ?", oldest)


async def test_inputs_that_together_are_larger_than_a_row_are_sealed_apart() -> None:
    isolate = Isolate()
    large = b'"' + b"x" * (MAX_SEALED_TOGETHER // 2) + b'"'
    ids = [isolate.end(run_input=large) for _ in range(5)]
    await isolate.background.finish()
    assert [await isolate.store.find_input(run_id) for run_id in ids] == [json.loads(large)] * 5
    assert isolate.bucket.keys == []


async def test_a_batch_that_comes_after_the_one_that_replaced_it_loses_no_input_but_theirs() -> None:
    isolate = Isolate()
    ids = sorted(isolate.store.new_run_id() for _ in range(4))
    number = object_of(ids[0])
    late = await isolate.inputs.seal({ids[0]: b"0", ids[3]: b"3"})
    for sealed in (await isolate.inputs.seal(dict.fromkeys(ids, b"7")), late):
        for run_id, content in sealed.items():
            await isolate.keep_row(number, run_id, content)
    assert [await isolate.store.find_input(ids[0]), await isolate.store.find_input(ids[3])] == [0, 3]
    for run_id in ids[1:3]:
        with pytest.raises(NotFoundError):
            await isolate.store.find_input(run_id)


async def test_an_input_that_was_sealed_alone_is_nobody_elses() -> None:
    isolate = Isolate()
    one, other = sorted(isolate.store.new_run_id() for _ in range(2))
    together, alone = await isolate.inputs.seal({one: b"1", other: b"2"}), await isolate.inputs.seal({other: b"2"})
    await isolate.keep_row(object_of(one), one, together[one])
    await isolate.keep_row(object_of(one), other, alone[other])
    with pytest.raises(NotFoundError):
        await isolate.store.find_input(one)


async def test_an_isolate_fills_all_objects_alike() -> None:
    isolate = Isolate()
    ids: list[str] = []
    for _ in range(200):
        ids += await isolate.keep("w", run_input=b"1")
        isolate.clock.advance(MOVE_MS / 2)
    counts = [sum(object_of(run_id) == number for run_id in ids) for number in range(8)]
    assert min(counts) > 8
    assert len({object_of(run_id) for run_id in ids[:2]}) == 1


async def test_runs_of_two_objects_that_end_together_are_kept_in_both() -> None:
    isolate = Isolate()
    early = [isolate.store.new_run_id() for _ in range(2)]
    while object_of(isolate.store.new_run_id()) == object_of(early[0]):
        await isolate.keep("w")
        isolate.clock.advance(MOVE_MS)
    late = [isolate.store.new_run_id() for _ in range(2)]
    for run_id in (*early, *late):
        isolate.store.add(EndedRun(isolate.record_of(run_id), KEEPS_ALL, f'"{run_id}"'.encode()))
    await isolate.background.finish()
    assert [await isolate.store.find_input(run_id) for run_id in (*early, *late)] == [*early, *late]


async def test_isolates_that_begin_at_once_have_one_data_key() -> None:
    first = Isolate()
    isolates = [first, *(Isolate(seed, first) for seed in range(1, 6))]
    ids = [isolate.end("w", b"5") for isolate in isolates]
    await asyncio.gather(*(isolate.background.finish() for isolate in isolates))
    assert len(first.logs.sql[0].execute("SELECT * FROM data_keys")) == 1
    assert [await isolates[-1].store.find_input(run_id) for run_id in ids] == [5] * 6


async def test_a_rotation_wraps_the_data_key_anew_and_inputs_stay_readable() -> None:
    first = Isolate()
    [old] = await first.keep("w", run_input=b'"old"')
    before = first.logs.sql[0].execute("SELECT wrapped FROM data_keys")
    rotated = Isolate(1, first, NEW_KEY, OLD_KEY)
    [new] = await rotated.keep("w", run_input=b'"new"')
    assert first.logs.sql[0].execute("SELECT wrapped FROM data_keys") != before
    later = Isolate(2, first, NEW_KEY)
    assert [await later.store.find_input(run_id) for run_id in (old, new)] == ["old", "new"]


async def test_keys_can_be_rotated_again_without_a_run_between() -> None:
    third_key = base64.b64encode(bytes([3]) * 32).decode()
    first = Isolate()
    [old] = await first.keep("w", run_input=b'"old"')
    renewed = await Isolate(1, first, NEW_KEY, OLD_KEY).store.renew_keys()
    assert (renewed.data_keys, renewed.lost, renewed.key) == (1, 0, fingerprint_of(bytes([2]) * 32))
    later = Isolate(2, first, third_key, NEW_KEY)
    assert await later.store.find_input(old) == "old"
    unknown = await Isolate(3, first, base64.b64encode(bytes([4]) * 32).decode()).store.renew_keys()
    assert (unknown.data_keys, unknown.lost) == (1, 1)


async def test_there_may_be_no_data_key_to_renew() -> None:
    renewed = await Isolate().store.renew_keys()
    assert (renewed.data_keys, renewed.lost) == (0, 0)
    with pytest.raises(NotConfiguredError):
        await Isolate(key=None).store.renew_keys()


async def test_a_lost_key_costs_the_inputs_before_and_none_after() -> None:
    first = Isolate()
    [old] = await first.keep("w", run_input=b'"old"')
    changed = Isolate(1, first, NEW_KEY)
    [new] = await changed.keep("w", run_input=b'"new"')
    assert await changed.store.find_input(new) == "new"
    with pytest.raises(DecryptionError):
        await changed.store.find_input(old)
    assert await Isolate(2, first).store.find_input(old) == "old"  # the old key is back


@pytest.mark.parametrize("key", [None, "", "not a key"])
async def test_without_a_key_no_input_is_kept(key: str | None) -> None:
    isolate = Isolate(key=key)
    [run_id] = await isolate.keep("w", run_input=b"5")
    assert isolate.logs.look_up(run_id).get("input") is None
    with pytest.raises(NotFoundError):
        await isolate.store.find_input(run_id)
    assert (await isolate.store.find(run_id))["data"] == 7


# Asynchronous runs.


def accepted(run_id: str, keeping: Keeping = KEEPS_ALL, run_input: bytes = b'{"n": 1}') -> AcceptedRun:
    return AcceptedRun(run_id, "tell", 3, TriggerKind.WEBHOOK, MAX_ACCEPTED_MS, {"n": 1}, run_input, keeping)


async def test_an_accepted_run_is_running_until_its_record_is_there() -> None:
    isolate = Isolate()
    run_id = isolate.store.new_run_id()
    await isolate.store.accept(accepted(run_id, run_input=b'{"n": "raw"}'))
    [[listed], _] = await isolate.store.list(RunFilter(status="running"), 50, None)
    assert (listed["id"], listed["status"], "deadline_ms" in listed) == (run_id, "running", False)
    assert (await isolate.store.find(run_id))["input"] == {"n": 1}
    assert await isolate.store.find_input(run_id) == {"n": "raw"}
    await isolate.store.add_accepted(EndedRun(isolate.record_of(run_id, "tell"), KEEPS_ALL, b""))
    found = await isolate.store.find(run_id)
    assert (found["status"], found["data"], "input" in found) == ("success", 7, False)
    assert await isolate.store.find_input(run_id) == {"n": "raw"}


@pytest.mark.parametrize(
    ("after_ms", "status"), [(0, "running"), (MAX_ACCEPTED_MS + LOST_AFTER_MS, "running"), (60_000, "lost")]
)
async def test_an_accepted_run_without_a_record_is_lost(after_ms: int, status: str) -> None:
    isolate = Isolate()
    run_id = isolate.store.new_run_id()
    await isolate.store.accept(accepted(run_id))
    isolate.clock.advance(after_ms)
    assert (await isolate.store.find(run_id))["status"] == status
    assert await isolate.listed(status=status) == [run_id]
    assert await isolate.listed(status="lost" if status == "running" else "running") == []


async def test_an_accepted_run_that_is_not_kept_leaves_nothing_in_the_bucket() -> None:
    isolate = Isolate()
    run_id, keeping = isolate.store.new_run_id(), Keeping(Recording.ERRORS)
    await isolate.store.accept(accepted(run_id, keeping, b"x" * (MAX_ROW_BYTES + 1)))
    assert isolate.bucket.keys == [f"runs/{run_id}/input"]
    await isolate.store.add_accepted(EndedRun(isolate.record_of(run_id), keeping, b""))
    assert (isolate.bucket.keys, await isolate.listed()) == ([], [])


@pytest.mark.parametrize("size", [10, MAX_ROW_BYTES + 1])
async def test_of_an_accepted_run_without_records_only_the_verdict_is_kept_until_it_ends(size: int) -> None:
    isolate = Isolate()
    run_id, keeping = isolate.store.new_run_id(), Keeping(Recording.NONE)
    await isolate.store.accept(accepted(run_id, keeping, b"x" * size))
    assert (isolate.bucket.keys, isolate.logs.look_up(run_id)["result"]) == ([], "{}")
    assert isolate.logs.look_up(run_id).get("input") is None
    assert (await isolate.store.find(run_id))["status"] == "running"
    await isolate.store.add_accepted(EndedRun(isolate.record_of(run_id), keeping, b""))
    assert await isolate.listed() == []


@pytest.mark.parametrize("was_accepted", [False, True])
async def test_what_was_put_into_the_bucket_and_has_no_row_is_deleted(was_accepted: bool) -> None:
    """The isolate ends in the middle of a write."""
    isolate = Isolate()
    run_id = isolate.store.new_run_id()
    if was_accepted:
        await isolate.store.accept(accepted(run_id, run_input=b"x" * (MAX_ROW_BYTES + 1)))
    kept = list(isolate.bucket.keys)
    log = isolate.logs.tables[object_of(run_id)] if was_accepted else None
    put, isolate.logs.is_down = isolate.bucket.put, False

    async def put_and_end(key: str, content: bytes) -> None:
        await put(key, content)
        isolate.logs.is_down = True

    isolate.bucket.put = put_and_end  # type: ignore[method-assign]
    large = EndedRun(isolate.large_record_of(run_id, MAX_ROW_BYTES), KEEPS_ALL, b"")
    with pytest.raises(RecordError):
        await isolate.store.add_now(large)
    isolate.bucket.put, isolate.logs.is_down = put, False  # type: ignore[method-assign]
    assert sorted(isolate.bucket.keys) == sorted([*kept, f"runs/{run_id}/result"])
    log = isolate.logs.tables[object_of(run_id)]
    isolate.clock.advance(PRUNE_INTERVAL_MS)
    await log.on_alarm(isolate.bucket, nothing_to_export)
    assert (isolate.bucket.keys, len(await isolate.listed())) == (kept, was_accepted)
    assert isolate.logs.sql[object_of(run_id)].execute("SELECT * FROM uploads") == []


async def test_an_upload_that_goes_on_is_left_alone() -> None:
    isolate = Isolate()
    run_id = isolate.store.new_run_id()
    await isolate.logs.expect_blobs(run_id)
    isolate.bucket.upload(f"runs/{run_id}/result", b"{}")
    log = isolate.logs.tables[object_of(run_id)]
    isolate.clock.advance(PRUNE_INTERVAL_MS - UPLOAD_MS / 2)
    await isolate.logs.expect_blobs(run_id)  # again, as a retry does
    isolate.clock.advance(UPLOAD_MS / 2)
    await log.on_alarm(isolate.bucket, nothing_to_export)
    assert isolate.bucket.keys == [f"runs/{run_id}/result"]


async def test_an_answer_in_the_bucket_goes_after_a_while() -> None:
    isolate = Isolate()
    run_id = isolate.store.new_run_id()
    large = b"x" * MAX_STEP_RESULT_BYTES
    assert await isolate.store.keep_answer(run_id, large) == ""
    assert await isolate.store.open_kept_answer(run_id, "") == large
    isolate.clock.advance(PRUNE_INTERVAL_MS)
    await isolate.logs.tables[object_of(run_id)].on_alarm(isolate.bucket, nothing_to_export)
    assert (await isolate.store.open_kept_answer(run_id, ""), isolate.bucket.keys) == (None, [])


async def nothing_to_export() -> bool:
    return False


# Runs that an earlier arcrun stored in KV.


async def test_earlier_runs_are_found_and_listed_behind_the_others() -> None:
    isolate = Isolate()
    earlier = []
    for name in ("a", "b", "c"):
        isolate.clock.advance(1_000)
        earlier.append(isolate.earlier.new_run_id())
        isolate.earlier.add(EndedRun(isolate.record_of(earlier[-1], name), KEEPS_ALL, b""))
        await isolate.background.finish()
    isolate.clock.advance(1_000)
    new = [*await isolate.keep("a"), *await isolate.keep("b")]
    every = [*sorted(new, reverse=True), *earlier[::-1]]
    assert await isolate.listed() == every
    assert await isolate.listed(workflow="a") == [new[0], earlier[0]]
    for limit in (1, 2, 3):
        seen: list[str] = []
        cursor = None
        while True:
            runs, cursor = await isolate.store.list(RunFilter(), limit, cursor)
            seen += [run["id"] for run in runs]
            if cursor is None:
                break
        assert seen == every
    assert [(await isolate.store.find(run_id))["workflow"] for run_id in every] == ["b", "a", "c", "b", "a"]
    assert min(every) > EARLIEST


@pytest.mark.parametrize("run_id", ["0" * 26, "zz", "", "../runs"])
async def test_an_unknown_run_is_not_found(run_id: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        await Isolate().store.find(run_id)
    assert caught.value.code == "RUN_NOT_FOUND"


async def test_one_isolate_reads_what_another_has_asked_of_its_run() -> None:
    isolate = Isolate()
    other = Isolate(1, isolate)
    run_id, young = isolate.store.new_run_id(), isolate.store.new_run_id()
    assert not await isolate.store.watch(run_id)
    assert await other.store.ask_to_end(run_id)
    assert [await isolate.store.watch(each) for each in (run_id, young)] == [True, False]
    isolate.logs.is_down = True
    assert not await isolate.store.watch(run_id)  # it asks again


async def test_a_run_that_must_have_ended_is_not_asked_to_end() -> None:
    isolate = Isolate()
    run_id = isolate.store.new_run_id()
    isolate.clock.advance(LONGEST_QUICK_RUN_MS + 1)
    assert not await isolate.store.ask_to_end(run_id)
