"""`watch`, from the poll to the run of each new item: once whatever breaks off, none of the first poll's unless asked
for, and nothing of a poll that finds nothing.
"""

import json
from collections.abc import Sequence
from contextlib import suppress
from random import Random
from typing import Any

import pytest

from arcrun.errors import NotConfiguredError, UpstreamError
from arcrun.limits import (
    MAX_ITEMS_CHARACTERS,
    MAX_SEEN_KEYS,
    MAX_SHOWN_KEY_CHARACTERS,
    MAX_WAITING_ITEMS,
    MAX_WATCHED_ITEM_BYTES,
    MAX_WATCHED_ITEMS,
)
from arcrun.wasm.abi import Execution
from arcrun.workspace.failures import ToldFailure
from executor.schedules.firing import WATCHED, AcceptedStarter
from executor.schedules.watches import PAUSED_MS
from fakes.components import echo, exited
from fakes.cron import cron
from fakes.executor import Bench, build_bench
from fakes.instances import FakeInstances
from fakes.workflows import ADA
from fixtures.alarms import BROKEN, ask, export_nothing, next_alarm, ring

pytestmark = pytest.mark.anyio

MINUTE_MS = 60_000
OF = "{{request.trigger | json}}"


class Feed:
    """A component that lists `items`, or answers whatever `answer` is."""

    def __init__(self) -> None:
        self.items: list[Any] = []
        self.answer: Any = None
        self.asked: list[Any] = []

    def __call__(self, input_text: str) -> Execution:
        self.asked.append(json.loads(input_text))
        return exited(self.answer or {"success": True, "data": {"items": self.items}})

    def add(self, *ids: Any) -> None:
        """Newest first, as feeds are."""
        self.items = [*({"id": each, "title": f"about {each}"} for each in ids), *self.items]


@pytest.fixture
def feed() -> Feed:
    return Feed()


@pytest.fixture
def instances() -> FakeInstances:
    return FakeInstances()


@pytest.fixture
def bench(instances: FakeInstances, feed: Feed) -> Bench:
    return build_bench({"tell": echo, "feed": feed, "cron": cron, "fail": exited(BROKEN)}, instances)


def workflow(said: str = "{{input.title}}", **watch: Any) -> dict[str, Any]:
    asked = {"component": "feed", "every": "5m", "items": "{{data.items}}", "key": "{{item.id}}", **watch}
    config = {"a": {"component": "tell", "text": said}}
    triggers = {"watch": {name: value for name, value in asked.items() if value is not None}}
    return {"name": "news", "flow": ["input >> PIPE >> a"], "config": config, "triggers": triggers}


async def push(bench: Bench, said: str = "{{input.title}}", **watch: Any) -> None:
    await bench.service.push(workflow(said, **watch), ADA)


async def live(bench: Bench, instances: FakeInstances, minutes: float = 5, starter: Any = None) -> list[dict[str, Any]]:
    """Let alarms go off for a while. Returns the records of the runs that items have started, oldest first."""
    until_ms = bench.clock.now_ms() + minutes * MINUTE_MS
    await run_instances(bench, instances)
    while (due := next_alarm(bench)) is not None and due[0] <= until_ms:
        bench.clock.advance(max(0, due[0] - bench.clock.now_ms()))
        if due[1] is None:
            await ring(bench, starter)
        else:
            bench.logs.alarms[due[1]].due_ms = None
            await bench.logs.tables[due[1]].on_alarm(bench.bucket, export_nothing, tell=telling(bench, due[1]))
        await run_instances(bench, instances)
    bench.clock.advance(until_ms - bench.clock.now_ms())
    return await list_started(bench)


def telling(bench: Bench, number: int) -> Any:
    async def tell(failures: list[ToldFailure]) -> bool:
        return await bench.workspace.report_failures(number, failures)

    return tell


async def run_instances(bench: Bench, instances: FakeInstances) -> None:
    for run_id in [each for each in instances.params if each not in instances.outputs]:
        await instances.run(bench.service, run_id)


async def list_started(bench: Bench, trigger: str = "watch") -> list[dict[str, Any]]:
    listed = (await ask(bench, "GET", f"/runs?trigger={trigger}&limit=100"))["data"]["runs"]
    return [(await ask(bench, "GET", f"/runs/{each['run_id']}"))["data"] for each in reversed(listed)]


def told(records: Sequence[dict[str, Any]]) -> list[str]:
    return sorted(record["data"]["text"] for record in records)


async def state(bench: Bench) -> dict[str, Any]:
    [schedule] = (await ask(bench, "GET", "/schedules/news"))["data"]["schedules"]
    shown: dict[str, Any] = schedule["watch"]
    return shown


async def test_the_first_poll_starts_nothing_and_later_ones_what_is_new(
    bench: Bench, instances: FakeInstances, feed: Feed
) -> None:
    feed.add(1, 2)
    await push(bench)
    assert await live(bench, instances, 6) == []
    assert len(feed.asked) == 1
    feed.add(3, 4, 5)
    records = await live(bench, instances, 5)
    assert told(records) == ["about 3", "about 4", "about 5"]
    assert {(each["workflow"], each["trigger"], each["status"]) for each in records} == {("news", "watch", "success")}
    assert len(await live(bench, instances, 60)) == 3


async def test_the_first_poll_starts_all_if_asked_for(bench: Bench, instances: FakeInstances, feed: Feed) -> None:
    feed.add(1, 2)
    await push(bench, first="all")
    assert told(await live(bench, instances, 6)) == ["about 1", "about 2"]
    assert len(await live(bench, instances, 30)) == 2


async def test_a_poll_that_succeeds_leaves_no_record(bench: Bench, instances: FakeInstances, feed: Feed) -> None:
    await push(bench)
    await live(bench, instances, 60)
    assert len(feed.asked) == 12
    assert (await ask(bench, "GET", "/runs"))["data"]["runs"] == []
    for sql in bench.logs.sql.values():
        assert sql.execute("SELECT * FROM runs") == []
        assert sql.execute("SELECT * FROM starts") == []


async def test_a_run_sees_its_item_and_its_key(bench: Bench, instances: FakeInstances, feed: Feed) -> None:
    await push(bench, OF, first="all")
    feed.add(7)
    [record] = await live(bench, instances, 6)
    trigger = json.loads(record["data"]["text"])
    assert (trigger["kind"], trigger["key"]) == ("watch", "7")
    assert trigger["seen_at"].endswith("Z")
    found = await ask(bench, "GET", f"/runs/{record['run_id']}/input")
    assert found["data"]["input"] == {"id": 7, "title": "about 7"}


async def test_equal_keys_start_one_run_and_texts_equal_numbers(
    bench: Bench, instances: FakeInstances, feed: Feed
) -> None:
    await push(bench, first="all")
    feed.add("7", 7, 7)
    assert len(await live(bench, instances, 6)) == 1


@pytest.mark.parametrize(
    ("item", "key", "code"),
    [
        ({"id": None}, "{{item.id}}", "WATCH_KEY_MISSING"),
        ({"id": ""}, "{{item.id}}", "WATCH_KEY_MISSING"),
        ({"id": True}, "{{item.id}}", "WATCH_KEY_MISSING"),
        ({"id": {"a": 1}}, "{{item.id}}", "WATCH_KEY_MISSING"),
        ({}, "{{item.id}}", "WATCH_KEY_MISSING"),
        ({}, "{{item.id?}}", "WATCH_KEY_MISSING"),
    ],
)
async def test_a_key_that_is_missing_fails_the_poll(
    bench: Bench, instances: FakeInstances, feed: Feed, item: Any, key: str, code: str
) -> None:
    await push(bench, first="all", key=key)
    feed.items = [{"id": 1, "title": "x"}, item]
    assert await live(bench, instances, 6) == []
    [record] = await list_started(bench, "poll")
    assert (record["status"], record["error"]["code"], record["error"]["details"]["item"]) == ("failed", code, 1)
    assert (await state(bench))["error"] == code
    feed.items = [{"id": 1, "title": "x"}]
    assert len(await live(bench, instances, 5)) == 1
    assert (await state(bench))["error"] is None


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"items": {"a": 1, "b": 2}}, "is an object with `a`, `b`"),
        ({"items": None}, "is null"),
        ({"items": "x"}, "is a text"),
        ({"other": []}, "cannot be read"),
    ],
)
async def test_items_that_are_no_list_fail_the_poll(
    bench: Bench, instances: FakeInstances, feed: Feed, data: Any, message: str
) -> None:
    await push(bench)
    feed.answer = {"success": True, "data": data}
    await live(bench, instances, 6)
    [record] = await list_started(bench, "poll")
    assert record["error"]["code"] == "WATCH_ITEMS_INVALID"
    assert message in record["error"]["message"]


async def test_more_items_than_a_poll_may_list_fail_it(bench: Bench, instances: FakeInstances, feed: Feed) -> None:
    await push(bench)
    feed.add(*range(MAX_WATCHED_ITEMS + 1))
    await live(bench, instances, 6)
    [record] = await list_started(bench, "poll")
    assert record["error"]["code"] == "WATCH_TOO_MANY_ITEMS"


async def test_a_poll_that_fails_is_a_failed_run_and_no_dead_letter(
    bench: Bench, instances: FakeInstances, feed: Feed
) -> None:
    await push(bench)
    feed.answer = BROKEN
    await live(bench, instances, 6)
    [record] = await list_started(bench, "poll")
    assert (record["status"], record["error"]["code"], record["node"]) == ("failed", "BROKEN", "watch")
    assert (await ask(bench, "GET", "/runs/unsettled"))["data"]["dead"] == {}
    assert (await state(bench))["error"] == "BROKEN"
    refused = await ask(bench, "POST", f"/runs/{record['run_id']}/retry", {})
    assert refused["error"]["code"] == "REPLAY_NOT_POSSIBLE"
    feed.answer = None
    feed.add(1)
    assert await live(bench, instances, 5) == []  # it was the first that has succeeded
    assert (await state(bench))["error"] is None


async def test_an_item_that_is_too_large_is_a_failed_run(bench: Bench, instances: FakeInstances, feed: Feed) -> None:
    await push(bench, first="all")
    feed.items = [{"id": 1, "title": "x" * MAX_WATCHED_ITEM_BYTES}, {"id": 2, "title": "y"}]
    records = {each["status"]: each for each in await live(bench, instances, 20)}
    assert records["failed"]["error"]["code"] == "WATCH_ITEM_TOO_LARGE"
    assert records["success"]["data"]["text"] == "y"


async def test_nothing_of_an_item_lies_in_the_clear(bench: Bench, instances: FakeInstances, feed: Feed) -> None:
    await push(bench, first="all")
    feed.items = [{"id": "hunter2", "title": "hunter3"}]
    for _ in range(2):
        due = next_alarm(bench)
        assert due is not None
        bench.clock.advance(max(0, due[0] - bench.clock.now_ms()))
        if not instances.params:
            await ring(bench)
    await run_instances(bench, instances)
    tables = ("watches", "watched_keys", "watched_items", "schedules")
    stored = {table: bench.workspace.sql.execute(f"SELECT * FROM {table}") for table in tables}
    assert len(stored["watched_items"]) == 1
    assert "hunter" not in json.dumps(stored)


async def test_a_long_key_is_shown_as_its_hash(bench: Bench, instances: FakeInstances, feed: Feed) -> None:
    await push(bench, OF, first="all")
    feed.items = [{"id": "k" * (MAX_SHOWN_KEY_CHARACTERS + 1)}]
    [record] = await live(bench, instances, 6)
    assert json.loads(record["data"]["text"])["key"].startswith("sha256:")


class Crashing(AcceptedStarter):
    """It begins runs, and its object is evicted before it has stored that."""

    async def begin(self, due: Any) -> Any:
        fates = await super().begin(due)
        if due[0].key == WATCHED:
            raise RuntimeError("the object is evicted")
        return fates


async def test_what_a_crash_cuts_off_begins_once(bench: Bench, instances: FakeInstances, feed: Feed) -> None:
    await push(bench, first="all")
    feed.add(1, 2, 3)
    assert bench.service.lasting is not None
    with pytest.raises(RuntimeError):
        await live(bench, instances, 6, Crashing(bench.service, bench.service.lasting))
    assert len(bench.workspace.sql.execute("SELECT * FROM watched_items")) == 3
    assert told(await live(bench, instances, 2)) == ["about 1", "about 2", "about 3"]
    assert bench.workspace.sql.execute("SELECT * FROM watched_items") == []


async def test_a_poll_that_is_repeated_starts_nothing_twice(bench: Bench, instances: FakeInstances, feed: Feed) -> None:
    await push(bench, first="all")
    feed.add(1)
    await live(bench, instances, 6)
    for _ in range(2):
        feed.add(2)
        answer = await ask(bench, "POST", "/schedules/news/run", {"number": 1})
        assert answer["status"] == 202
        await run_instances(bench, instances)
    assert told(await live(bench, instances, 1)) == ["about 1", "about 2"]


async def test_a_workspace_that_does_not_answer_fails_the_poll_and_loses_nothing(
    bench: Bench, instances: FakeInstances, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    await push(bench, first="all")
    feed.add(1)

    async def fail(*_: Any) -> None:
        raise UpstreamError("The Workspace does not answer.", code="OBJECT_UNAVAILABLE")

    with monkeypatch.context() as patch:
        patch.setattr(bench.workspace, "add_items", fail)
        assert await live(bench, instances, 6) == []
    [record] = await list_started(bench, "poll")
    assert record["error"]["code"] == "OBJECT_UNAVAILABLE"
    assert told(await live(bench, instances, 6)) == ["about 1"]


async def test_a_push_that_changes_the_interval_keeps_what_was_seen(
    bench: Bench, instances: FakeInstances, feed: Feed
) -> None:
    feed.add(1)
    await push(bench)
    await live(bench, instances, 6)
    feed.add(2)
    await push(bench, every="1m")
    assert told(await live(bench, instances, 2)) == ["about 2"]


@pytest.mark.parametrize("change", [{"text": "another question"}, {"key": "{{item.title}}"}])
async def test_a_push_that_watches_something_else_begins_anew(
    bench: Bench, instances: FakeInstances, feed: Feed, change: Any
) -> None:
    await push(bench)
    await live(bench, instances, 6)
    feed.add(1)
    await push(bench, **change)
    assert (await state(bench))["last_polled_at"] is None
    assert await live(bench, instances, 6) == []
    feed.add(2)
    assert told(await live(bench, instances, 5)) == ["about 2"]


async def test_a_version_without_watch_and_a_deletion_forget(
    bench: Bench, instances: FakeInstances, feed: Feed
) -> None:
    feed.add(1)
    await push(bench)
    await live(bench, instances, 6)
    token = (await ask(bench, "GET", "/webhooks/named/news"))["data"]["token"]
    await bench.service.push({**workflow(), "triggers": {}}, ADA)
    assert bench.workspace.sql.execute("SELECT * FROM watched_keys") == []
    await ask(bench, "POST", "/webhooks/named/news/rollback", {"version": 1})
    await live(bench, instances, 6)
    assert len(bench.workspace.sql.execute("SELECT * FROM watched_keys")) == 1
    await ask(bench, "DELETE", f"/webhooks/{token}")
    assert bench.workspace.sql.execute("SELECT * FROM watched_keys") == []
    assert bench.workspace.sql.execute("SELECT * FROM watches") == []
    asked = len(feed.asked)
    await live(bench, instances, 30)
    assert len(feed.asked) == asked


async def test_a_paused_workflow_is_not_polled_and_its_items_wait(
    bench: Bench, instances: FakeInstances, feed: Feed
) -> None:
    await push(bench, first="all")
    await live(bench, instances, 6)
    await ask(bench, "POST", "/webhooks/named/news/pause", {"on_trigger": "refuse"})
    asked = len(feed.asked)
    feed.add(1)
    await live(bench, instances, 20)
    assert len(feed.asked) == asked
    assert (await ask(bench, "POST", "/schedules/news/run", {}))["error"]["code"] == "WORKFLOW_PAUSED"
    await ask(bench, "POST", "/webhooks/named/news/resume", {})
    assert told(await live(bench, instances, 6)) == ["about 1"]


async def test_items_that_were_found_before_a_pause_begin_after_it(
    bench: Bench, instances: FakeInstances, feed: Feed
) -> None:
    await push(bench, first="all")
    feed.add(1)
    bench.clock.advance(5 * MINUTE_MS + 1_000)
    await ring(bench)
    await run_instances(bench, instances)  # the poll
    await ask(bench, "POST", "/webhooks/named/news/pause", {"on_trigger": "refuse"})
    assert await live(bench, instances, 20) == []
    assert (await state(bench))["waiting"] == 1
    await ask(bench, "POST", "/webhooks/named/news/resume", {})
    assert told(await live(bench, instances, PAUSED_MS / MINUTE_MS + 1)) == ["about 1"]


async def test_paused_schedules_are_not_polled(bench: Bench, instances: FakeInstances, feed: Feed) -> None:
    await push(bench)
    await live(bench, instances, 6)
    await ask(bench, "POST", "/schedules/news/pause", {})
    feed.add(1)
    await live(bench, instances, 30)
    assert len(feed.asked) == 1
    await ask(bench, "POST", "/schedules/news/resume", {})
    assert told(await live(bench, instances, 6)) == ["about 1"]


async def test_what_is_listed_is_never_forgotten_first(bench: Bench, instances: FakeInstances, feed: Feed) -> None:
    await push(bench)
    feed.add("stays")
    for number in range(MAX_SEEN_KEYS // 900 + 1):
        feed.items = [{"id": f"{number}.{each}"} for each in range(900)] + [{"id": "stays"}]
        tables = bench.workspace.tables.watches
        identity = bench.workspace.sql.execute("SELECT watch FROM watches")[0]["watch"]
        keys = [each["id"] for each in feed.items]
        wanted = tables.note_poll({"name_id": "news", "watch": identity, "at_ms": 0, "keys": keys, "begins": False})
        tables.add_items("news", identity, [{"key": each, "item": ""} for each in wanted])
        bench.workspace.sql.execute("DELETE FROM watched_items")
        bench.clock.advance(1_000)
    shown = await state(bench)
    assert shown["kept"] <= MAX_SEEN_KEYS
    assert shown["forgotten"] > 0
    kept = {row["key"] for row in bench.workspace.sql.execute("SELECT key FROM watched_keys")}
    assert "stays" in kept
    assert "0.0" not in kept


async def test_more_than_may_wait_are_left_to_the_next_poll(bench: Bench) -> None:
    await push(bench, first="all")
    tables = bench.workspace.tables.watches
    identity = bench.workspace.sql.execute("SELECT watch FROM watches")[0]["watch"]
    for number in range(2):
        keys = [f"{number}.{each}" for each in range(700)]
        wanted = tables.note_poll({"name_id": "news", "watch": identity, "at_ms": 0, "keys": keys, "begins": True})
        tables.add_items("news", identity, [{"key": each, "item": ""} for each in wanted])
    shown = await state(bench)
    assert (shown["waiting"], shown["left_over"], shown["started"]) == (MAX_WAITING_ITEMS, 400, 300)


async def test_items_that_do_not_fit_into_memory_begin_by_and_by(
    bench: Bench, instances: FakeInstances, feed: Feed
) -> None:
    await push(bench, first="all")
    count = 2 * MAX_ITEMS_CHARACTERS // MAX_WATCHED_ITEM_BYTES
    feed.items = [{"id": each, "title": "x" * (MAX_WATCHED_ITEM_BYTES - 100)} for each in range(count)]
    records = await live(bench, instances, 8)
    assert len(records) == count


async def test_what_was_seen_moves_to_another_platform(bench: Bench, instances: FakeInstances, feed: Feed) -> None:
    feed.add(1, 2)
    await push(bench)
    await live(bench, instances, 6)
    seen = (await ask(bench, "GET", "/schedules/news/seen"))["data"]
    assert (seen["polled"], len(seen["keys"])) == (True, 2)
    other_instances = FakeInstances()
    other = build_bench({"tell": echo, "feed": feed, "cron": cron}, other_instances)
    await push(other)
    assert (await ask(other, "PUT", "/schedules/news/seen", seen))["data"] == {"kept": True}
    feed.add(3)
    assert told(await live(other, other_instances, 6)) == ["about 3"]
    await push(other, key="{{item.title}}")
    assert (await ask(other, "PUT", "/schedules/news/seen", seen))["data"] == {"kept": False}


async def test_a_failed_poll_starts_what_handles_failures(bench: Bench, instances: FakeInstances, feed: Feed) -> None:
    handler = {**workflow("{{input.workflow}} {{input.error.code}}"), "name": "alarm"}
    await bench.service.push({**handler, "triggers": {"failure_of": ["news"]}}, ADA)
    await push(bench)
    feed.answer = BROKEN
    await live(bench, instances, 6)
    assert told(await list_started(bench, "failure")) == ["news BROKEN"]


async def test_a_poll_of_a_version_that_is_replaced_tells_nothing(
    bench: Bench, instances: FakeInstances, feed: Feed
) -> None:
    await push(bench, first="all")
    feed.add(1)
    bench.clock.advance(5 * MINUTE_MS + 1_000)
    await ring(bench)
    await push(bench, first="all", text="another question")
    await run_instances(bench, instances)
    assert bench.workspace.sql.execute("SELECT * FROM watched_keys") == []


async def test_a_poll_outlasts_a_push_that_changes_its_interval(
    bench: Bench, instances: FakeInstances, feed: Feed
) -> None:
    await push(bench, first="all")
    feed.add(1)
    bench.clock.advance(5 * MINUTE_MS + 1_000)
    await ring(bench)
    await push(bench, first="all", every="1h")
    assert told(await live(bench, instances, 1)) == ["about 1"]


async def test_a_bad_time_is_a_finding(bench: Bench) -> None:
    answer = await ask(bench, "POST", "/validate", {"workflow": workflow(every=None, cron="99 * * * *")})
    assert answer["data"]["valid"] is False
    answer = await ask(
        bench, "POST", "/validate", {"workflow": workflow(every=None, cron="0 * * * *", zone="Europe/Berlin")}
    )
    assert answer["data"] == {"valid": True, "diagnostics": []}


async def test_the_push_and_the_list_show_the_next_poll(bench: Bench) -> None:
    pushed = await ask(bench, "POST", "/webhooks", {"workflow": workflow()})
    [schedule] = pushed["data"]["schedules"]
    assert (schedule["every"], schedule["number"], len(schedule["next"])) == ("5m", 1, 5)
    assert schedule["watch"]["last_polled_at"] is None
    listed = (await ask(bench, "GET", "/schedules"))["data"]["schedules"]
    assert [each["workflow"] for each in listed] == ["news"]


class _Unlucky(AcceptedStarter):
    """It may be evicted before or after it has begun runs."""

    def __init__(self, bench: Bench, dice: Random) -> None:
        assert bench.service.lasting is not None
        super().__init__(bench.service, bench.service.lasting)
        object.__setattr__(self, "dice", dice)

    async def begin(self, due: Any) -> Any:
        dice: Random = self.__dict__["dice"]
        if dice.random() < 0.2:
            raise RuntimeError("the object is evicted")
        fates = await super().begin(due)
        if dice.random() < 0.2:
            raise RuntimeError("the object is evicted")
        return fates


@pytest.mark.parametrize("seed", range(12))
async def test_each_item_starts_one_run_whatever_breaks_off(
    instances: FakeInstances, feed: Feed, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Calls of the Workspace that fail before or after they took effect, evictions, lost alarms, doubled polls."""
    dice = Random(seed)
    bench = build_bench({"tell": echo, "feed": feed, "cron": cron}, instances)
    await push(bench, first="all")
    starter = _Unlucky(bench, dice)

    def breaking(work: Any) -> Any:
        async def call(*arguments: Any) -> Any:
            if dice.random() < 0.2:
                raise UpstreamError("The Workspace does not answer.", code="OBJECT_UNAVAILABLE")
            answer = await work(*arguments)
            if dice.random() < 0.2:
                raise UpstreamError("The answer is lost.", code="OBJECT_UNAVAILABLE")
            return answer

        return call

    expected: set[str] = set()
    with monkeypatch.context() as patch:
        for name in ("note_poll", "add_items"):
            patch.setattr(bench.workspace, name, breaking(getattr(bench.workspace, name)))
        for number in range(15):
            feed.items = feed.items[: dice.randrange(8)]  # what was listed longest ago goes, perhaps all
            feed.add(*(f"{number}.{each}" for each in range(dice.randrange(4))))
            expected |= {each["title"] for each in feed.items}
            if dice.random() < 0.3:
                await ask(bench, "POST", "/schedules/news/run", {})
            if dice.random() < 0.2:
                bench.workspace.alarm.due_ms = None
                bench.clock.advance(6 * MINUTE_MS)
                bench.workspace.tables.watch_alarm()  # as any request does
            with suppress(RuntimeError):
                await live(bench, instances, 6, starter)
        await live(bench, instances, 0)
    started = told(await live(bench, instances, 20))
    assert len(started) == len(set(started))
    assert {f"about {item['id']}" for item in feed.items} <= set(started) <= expected


async def test_a_platform_that_cannot_watch_refuses_it(bench: Bench) -> None:
    bench.service.workflows.can_watch = False
    with pytest.raises(NotConfiguredError) as refused:
        await push(bench)
    assert refused.value.code == "TRIGGER_NOT_AVAILABLE"
    assert bench.workspace.sql.execute("SELECT * FROM schedules") == []


async def test_a_workflow_with_schedules_has_its_watch_behind_them(
    bench: Bench, instances: FakeInstances, feed: Feed
) -> None:
    source = workflow()
    triggers = {**source["triggers"], "schedule": [{"every": "1h", "input": {"title": "hourly"}}]}
    await bench.service.push({**source, "triggers": triggers}, ADA)
    listed = (await ask(bench, "GET", "/schedules/news"))["data"]["schedules"]
    assert [(each["number"], each["every"], "watch" in each) for each in listed] == [(1, "1h", False), (2, "5m", True)]
    for number in (1, 2):
        await ask(bench, "POST", "/schedules/news/run", {"number": number})
    await run_instances(bench, instances)
    assert (len(feed.asked), told(await list_started(bench, "schedule"))) == (1, ["hourly"])
    assert (await ask(bench, "POST", "/schedules/news/run", {"number": 3}))["error"]["code"] == "INVALID_REQUEST"


async def test_an_item_that_does_not_fit_is_a_failed_run(instances: FakeInstances, feed: Feed) -> None:
    errors = [{"path": "/id", "message": "must be an integer"}]
    refuse = exited({"success": True, "data": {"valid": False, "errors": errors}})
    bench = build_bench({"tell": echo, "feed": feed, "cron": cron, "validate_json": refuse}, instances)
    schema = {"type": "object", "properties": {"id": {"type": "integer"}, "title": {"type": "string"}}}
    await bench.service.push({**workflow(first="all"), "input_schema": schema}, ADA)
    feed.add("x")
    [record] = await live(bench, instances, 6)
    assert (record["status"], record["error"]["code"]) == ("failed", "INVALID_INPUT")
    assert bench.workspace.sql.execute("SELECT * FROM watched_items") == []


async def test_limits_let_items_begin_by_and_by(bench: Bench, instances: FakeInstances, feed: Feed) -> None:
    await bench.service.push({**workflow(first="all"), "limits": [{"per_minute": 2}]}, ADA)
    feed.add(*range(5))
    assert len(await live(bench, instances, 5.5)) == 2
    assert told(await live(bench, instances, 4)) == [f"about {number}" for number in range(5)]


async def test_a_durable_workflow_watches_too(bench: Bench, instances: FakeInstances, feed: Feed) -> None:
    await bench.service.push({**workflow(first="all"), "durable": True}, ADA)
    feed.add(1)
    assert told(await live(bench, instances, 6)) == ["about 1"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"watch": "w", "polled": True},
        {"watch": 1, "polled": True, "keys": []},
        {"watch": "w", "polled": 1, "keys": []},
        {"watch": "w", "polled": True, "keys": ["short"]},
        {"watch": "w", "polled": True, "keys": ["0" * 32] * (MAX_SEEN_KEYS + 1)},
        {"watch": "w", "polled": True, "keys": [], "more": 1},
    ],
)
async def test_what_was_seen_is_checked(bench: Bench, body: Any) -> None:
    await push(bench)
    answer = await ask(bench, "PUT", "/schedules/news/seen", body)
    assert (answer["status"], answer["error"]["code"]) in ((400, "INVALID_REQUEST"), (400, "UNKNOWN_KEY"))


async def test_a_workflow_without_watch_has_seen_nothing(bench: Bench) -> None:
    await bench.service.push({**workflow(), "triggers": {}}, ADA)
    seen = {"watch": "w", "polled": True, "keys": []}
    for method, body in (("GET", None), ("PUT", seen)):
        assert (await ask(bench, method, "/schedules/news/seen", body))["error"]["code"] == "NO_WATCH"
        missing = await ask(bench, method, "/schedules/nowhere/seen", body)
        assert missing["error"]["code"] == "WORKFLOW_NOT_FOUND"


async def test_an_item_whose_key_is_lost_is_a_failed_run(bench: Bench, instances: FakeInstances, feed: Feed) -> None:
    await push(bench, first="all")
    feed.add(1)
    bench.clock.advance(5 * MINUTE_MS + 1_000)
    await ring(bench)
    await run_instances(bench, instances)
    bench.workspace.sql.execute(
        "UPDATE watched_items SET item = 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'"
    )
    [record] = await live(bench, instances, 1)
    assert (record["status"], record["error"]["code"]) == ("failed", "WATCH_ITEM_LOST")


async def test_a_poll_that_is_cancelled_has_failed_and_the_next_one_goes_on(
    bench: Bench, instances: FakeInstances, feed: Feed
) -> None:
    await push(bench, first="all")
    feed.add(1)
    bench.clock.advance(5 * MINUTE_MS + 1_000)
    await ring(bench)
    [run_id] = instances.params
    await ask(bench, "POST", f"/runs/{run_id}/cancel")
    await bench.background.finish()
    assert told(await live(bench, instances, 10)) == ["about 1"]


async def test_a_poll_that_has_ended_is_not_under_way_after_a_crash(
    bench: Bench, instances: FakeInstances, feed: Feed
) -> None:
    """The object is evicted before it has stored that the poll has begun, and the poll ends before the next alarm."""
    await push(bench)

    class Evicted(AcceptedStarter):
        async def begin(self, due: Any) -> Any:
            await super().begin(due)
            raise RuntimeError("the object is evicted")

    assert bench.service.lasting is not None
    bench.clock.advance(5 * MINUTE_MS + 1_000)
    with pytest.raises(RuntimeError):
        await ring(bench, Evicted(bench.service, bench.service.lasting))
    await run_instances(bench, instances)
    await live(bench, instances, 15)
    assert len(feed.asked) == 4
    assert (await ask(bench, "GET", "/runs"))["data"]["runs"] == []
    assert (await ask(bench, "GET", "/schedules/news"))["data"]["schedules"][0]["skipped"] == 0


async def test_the_instance_of_the_poll_before_is_deleted(bench: Bench, instances: FakeInstances) -> None:
    await push(bench)
    await live(bench, instances, 62)
    assert len(instances.outputs) == 12
    assert len(instances.params) == 1


async def test_a_watch_that_begins_anew_with_all_is_warned_of(bench: Bench) -> None:
    async def push_with(**watch: Any) -> Any:
        return (await ask(bench, "POST", "/webhooks", {"workflow": workflow("x", **watch)}))["data"]

    async def roll_back(version: int) -> Any:
        return (await ask(bench, "POST", "/webhooks/named/news/rollback", {"version": version}))["data"]

    assert "starts_all_again" not in await push_with(first="all")
    assert "starts_all_again" not in await push_with(first="all", every="7m")
    assert (await push_with(first="all", key="{{item.title}}"))["starts_all_again"]
    assert "starts_all_again" not in await push_with()
    assert (await roll_back(3))["starts_all_again"]
    assert "starts_all_again" not in await roll_back(3)
    assert "starts_all_again" not in await roll_back(4)
