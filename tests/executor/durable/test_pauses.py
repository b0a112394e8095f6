"""Paused workflows: their webhooks refuse or queue, for one workflow or all of them, until they are resumed."""

import asyncio
import json
from typing import Any

import pytest

from arcrun.limits import MAX_RELEASED_RUNS
from executor.durable.acceptance import resume_runs
from executor.heads import FRESH_MS
from executor.records import queued_runs
from executor.records.limited_runs import Outside
from executor.records.queued_runs import RELEASE_PAUSE_MS
from fakes.components import echo
from fakes.executor import Bench, build_bench, build_client
from fakes.instances import FakeInstances
from fakes.workflows import ADA, build_workflows

pytestmark = pytest.mark.anyio

WORKFLOW: dict[str, Any] = {
    "name": "w",
    "flow": ["input >> PIPE >> a"],
    "config": {"a": {"component": "tell", "text": "{{input.text}}"}},
}
HI = {"text": "hi"}
REFUSE, QUEUE = {"on_trigger": "refuse"}, {"on_trigger": "queue"}


@pytest.fixture
def instances() -> FakeInstances:
    return FakeInstances()


@pytest.fixture
def bench(instances: FakeInstances) -> Bench:
    return build_bench({"tell": echo}, instances)


async def push(bench: Bench, name: str = "w", **settings: Any) -> str:
    return (await bench.service.push({**WORKFLOW, "name": name, **settings}, ADA)).stored.token


async def ask(bench: Bench, method: str, path: str, body: Any = None, **headers: str) -> dict[str, Any]:
    async with build_client(bench.service) as client:
        answer = await client.request(method, path, json=body, headers=headers)
    return {"status": answer.status_code, "headers": answer.headers, **answer.json()}


async def call(bench: Bench, token: str, query: str = "", body: Any = HI, **headers: str) -> dict[str, Any]:
    return await ask(bench, "POST", f"/webhooks/{token}/trigger{query}", body, **headers)


async def status_of(bench: Bench, run_id: str) -> str:
    return str((await ask(bench, "GET", f"/runs/{run_id}"))["data"]["status"])


async def begin_released(bench: Bench, instances: FakeInstances) -> None:
    """Run the alarms that are due."""

    async def export() -> bool:
        return False

    for number, alarm in bench.logs.alarms.items():
        if alarm.due_ms is not None and alarm.due_ms <= bench.clock.now_ms():
            await bench.logs.tables[number].on_alarm(bench.bucket, export, Outside(bench.logs, instances))


@pytest.fixture(params=["one", "all"])
def paths(request: pytest.FixtureRequest) -> tuple[str, str]:
    """Those of the pause and of its end."""
    return {
        "one": ("/webhooks/named/w/pause", "/webhooks/named/w/resume"),
        "all": ("/webhooks/pause", "/webhooks/resume"),
    }[request.param]


async def test_a_paused_webhook_refuses_until_it_is_resumed(bench: Bench, paths: tuple[str, str]) -> None:
    token = await push(bench)
    paused = await ask(bench, "POST", paths[0], {})
    pause = {"on_trigger": "refuse", "all": "named" not in paths[0]}
    assert (paused["status"], paused["data"]["paused"]) == (200, pause)
    for query in ("", "?async=1"):
        refused = await call(bench, token, query)
        assert (refused["status"], refused["error"]["code"]) == (503, "WORKFLOW_PAUSED")
        assert (refused["headers"]["retry-after"], refused["error"]["retriable"]) == ("60", True)
        assert '"w"' not in json.dumps(refused["error"])  # a stranger learns no name
        resuming = "acr resume NAME" if "named" in paths[0] else "acr resume --all"
        assert refused["error"]["next_actions"][-1].endswith(resuming)
    [listed] = (await ask(bench, "GET", "/webhooks"))["data"]["workflows"]
    assert listed["paused"] == (await ask(bench, "GET", "/webhooks/named/w"))["data"]["paused"] == pause
    assert (await ask(bench, "GET", "/runs"))["data"]["runs"] == []
    resumed = await ask(bench, "POST", paths[1])
    assert (resumed["status"], resumed["data"]["released"]) == (200, 0)
    assert (await call(bench, token))["data"] == HI
    [line, other, *_] = (await ask(bench, "GET", "/audit"))["data"]["lines"]
    subject = "w" if "named" in paths[0] else "all workflows"
    assert (line["action"], line["subject"], line["detail"]) == ("workflow.resume", subject, None)
    assert (other["action"], other["subject"], other["detail"]) == ("workflow.pause", subject, "on_trigger refuse")


async def test_its_owner_runs_it_by_name_all_the_same(bench: Bench, paths: tuple[str, str]) -> None:
    await push(bench)
    await ask(bench, "POST", paths[0], QUEUE)
    assert (await ask(bench, "POST", "/webhooks/named/w/trigger", HI))["data"] == HI


async def test_a_queued_run_begins_when_it_is_resumed(
    bench: Bench, instances: FakeInstances, paths: tuple[str, str]
) -> None:
    token = await push(bench)
    await ask(bench, "POST", paths[0], QUEUE)
    accepted = await call(bench, token)
    run_id = accepted["run_id"]
    assert (accepted["status"], accepted["data"], instances.params) == (202, {"status": "queued"}, {})
    bench.clock.advance(24 * 3_600_000)
    assert await status_of(bench, run_id) == "queued"
    [listed] = (await ask(bench, "GET", "/runs?status=queued"))["data"]["runs"]
    assert (listed["run_id"], listed["status"]) == (run_id, "queued")
    for status in ("running", "lost", "failed"):
        assert (await ask(bench, "GET", f"/runs?status={status}"))["data"]["runs"] == []
    assert (await ask(bench, "GET", "/runs?dead=1"))["data"]["runs"] == []
    assert (await ask(bench, "GET", "/runs/unsettled"))["data"] == {"dead": {}, "queued": {"w": 1}, "failed": {}}
    assert bench.service.lasting is not None
    assert await resume_runs(bench.service.lasting) == 0  # a start of the platform is no end of the pause
    resumed = await ask(bench, "POST", paths[1])
    assert resumed["data"]["released"] == 1
    await begin_released(bench, instances)
    assert (list(instances.params), await status_of(bench, run_id)) == ([run_id], "running")
    assert await resume_runs(bench.service.lasting) == 1
    await instances.run(bench.service, run_id)
    record = await bench.service.runs.find(run_id)
    assert (record["status"], record["data"]) == ("success", HI)
    assert (await ask(bench, "GET", "/runs/unsettled"))["data"] == {"dead": {}, "queued": {}, "failed": {}}
    assert await bench.service.runs.find_input(run_id) == HI


async def test_the_time_of_a_queued_run_counts_from_its_beginning(bench: Bench, instances: FakeInstances) -> None:
    token = await push(bench, timeout_ms=60_000)
    await ask(bench, "POST", "/webhooks/pause", QUEUE)
    run_id = (await call(bench, token))["run_id"]
    bench.clock.advance(3_600_000)
    await ask(bench, "POST", "/webhooks/resume")
    await begin_released(bench, instances)
    bench.clock.advance(60_000)
    assert await status_of(bench, run_id) == "running"
    bench.clock.advance(60_000)
    assert await status_of(bench, run_id) == "lost"


async def test_many_begin_by_and_by_the_oldest_first(bench: Bench, instances: FakeInstances) -> None:
    token = await push(bench)
    await ask(bench, "POST", "/webhooks/named/w/pause", QUEUE)
    run_ids = []
    for _ in range(2 * MAX_RELEASED_RUNS + 1):
        bench.clock.advance(1)
        run_ids.append((await call(bench, token))["run_id"])
    assert (await ask(bench, "POST", "/webhooks/named/w/resume"))["data"]["released"] == len(run_ids)
    began = []
    for _ in range(3):
        await begin_released(bench, instances)
        began.append(list(instances.params))
        await begin_released(bench, instances)  # not before it is due
        assert list(instances.params) == began[-1]
        bench.clock.advance(RELEASE_PAUSE_MS)
    assert [len(each) for each in began] == [MAX_RELEASED_RUNS, 2 * MAX_RELEASED_RUNS, len(run_ids)]
    assert began[-1] == run_ids


async def test_an_instance_that_cannot_be_created_yet_is_later(bench: Bench, instances: FakeInstances) -> None:
    token = await push(bench)
    await ask(bench, "POST", "/webhooks/named/w/pause", QUEUE)
    run_id = (await call(bench, token))["run_id"]
    await ask(bench, "POST", "/webhooks/named/w/resume")
    instances.fails = True
    await begin_released(bench, instances)
    assert await status_of(bench, run_id) == "queued"
    instances.fails = False
    for number in [*bench.logs.tables]:
        bench.logs.start(number)  # the object was evicted meanwhile
    bench.clock.advance(RELEASE_PAUSE_MS)
    await begin_released(bench, instances)
    assert (list(instances.params), await status_of(bench, run_id)) == ([run_id], "running")


async def test_the_end_of_one_pause_leaves_the_other(bench: Bench, instances: FakeInstances) -> None:
    mine, other = await push(bench, "mine"), await push(bench, "other")
    await ask(bench, "POST", "/webhooks/named/mine/pause", QUEUE)
    await ask(bench, "POST", "/webhooks/pause", QUEUE)
    queued = {name: (await call(bench, token))["run_id"] for name, token in (("mine", mine), ("other", other))}
    resumed = (await ask(bench, "POST", "/webhooks/resume"))["data"]
    assert resumed == {"still_paused": ["mine"], "released": 1}
    await begin_released(bench, instances)
    assert list(instances.params) == [queued["other"]]
    assert ((await call(bench, mine))["status"], (await call(bench, other))["status"]) == (202, 200)
    await ask(bench, "POST", "/webhooks/pause", REFUSE)
    resumed = (await ask(bench, "POST", "/webhooks/named/mine/resume"))["data"]
    assert resumed == {"name": "mine", "paused": {"on_trigger": "refuse", "all": True}, "released": 0}
    assert (await call(bench, mine))["status"] == 503
    assert (await ask(bench, "POST", "/webhooks/resume"))["data"] == {"still_paused": [], "released": 2}


async def test_another_isolate_knows_it_within_half_a_minute(bench: Bench) -> None:
    token = await push(bench)
    elsewhere = build_workflows(bench.kv, bench.workspace, bench.clock, bench.service.engine.ports.random)
    assert (await elsewhere.find(token)).pause is None
    await ask(bench, "POST", "/webhooks/named/w/pause", REFUSE)
    reads = len(bench.workspace.channel.asked)
    assert (await elsewhere.find(token)).pause is None
    assert len(bench.workspace.channel.asked) == reads  # it asks for nothing more than before
    bench.clock.advance(FRESH_MS)
    assert (await elsewhere.find(token)).pause is not None
    assert len(bench.workspace.channel.asked) == reads + 1


async def test_a_run_that_is_queued_after_the_end_of_the_pause_begins(bench: Bench, instances: FakeInstances) -> None:
    """By an isolate that does not yet know of the end."""
    token = await push(bench)
    await ask(bench, "POST", "/webhooks/named/w/pause", QUEUE)
    assert (await bench.service.workflows.find(token)).pause is not None
    elsewhere = build_workflows(bench.kv, bench.workspace, bench.clock, bench.service.engine.ports.random)
    await elsewhere.pause("w", None, ADA)
    accepted = await call(bench, token)
    assert (accepted["data"], list(instances.params)) == ({"status": "queued"}, [accepted["run_id"]])
    assert await status_of(bench, accepted["run_id"]) == "running"
    assert (await call(bench, token))["data"] == HI


async def test_a_repetition_of_a_queued_request_is_answered_as_the_first(
    bench: Bench, instances: FakeInstances
) -> None:
    webhook = {"idempotency": {"key": "{{input.id}}"}}
    token = await push(bench, triggers={"webhook": webhook})
    await ask(bench, "POST", "/webhooks/named/w/pause", QUEUE)
    first, second = [await call(bench, token, body={"id": "1", **HI}) for _ in range(2)]
    assert (first["status"], first["data"]) == (202, {"status": "queued"})
    assert (second["run_id"], second["headers"]["idempotent-replayed"]) == (first["run_id"], "true")
    assert (await ask(bench, "GET", "/runs/unsettled"))["data"]["queued"] == {"w": 1}
    await ask(bench, "POST", "/webhooks/named/w/resume")
    await begin_released(bench, instances)
    await instances.run(bench.service, first["run_id"])
    assert (await call(bench, token, body={"id": "1", **HI}))["run_id"] == first["run_id"]


async def test_a_queued_run_is_cancelled_at_once(bench: Bench, instances: FakeInstances) -> None:
    token = await push(bench)
    await ask(bench, "POST", "/webhooks/named/w/pause", QUEUE)
    run_id = (await call(bench, token))["run_id"]
    assert (await ask(bench, "POST", f"/runs/{run_id}/cancel"))["status"] == 202
    await asyncio.wait_for(bench.background.finish(), 1)
    assert await status_of(bench, run_id) == "cancelled"
    assert (await ask(bench, "POST", "/webhooks/named/w/resume"))["data"]["released"] == 0
    await begin_released(bench, instances)
    assert instances.params == {}


async def test_what_a_deleted_workflow_has_queued_fails(bench: Bench, instances: FakeInstances) -> None:
    token = await push(bench)
    await ask(bench, "POST", "/webhooks/named/w/pause", QUEUE)
    run_id = (await call(bench, token))["run_id"]
    await bench.service.delete(token, ADA)
    await begin_released(bench, instances)
    await instances.run(bench.service, run_id)
    assert await status_of(bench, run_id) == "failed"
    again = await push(bench)
    assert (await call(bench, again))["status"] == 200  # a new workflow of this name is not paused


async def test_no_more_are_queued_than_may(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queued_runs, "MAX_QUEUED_RUNS", 2)
    token = await push(bench)
    await ask(bench, "POST", "/webhooks/named/w/pause", QUEUE)
    assert [(await call(bench, token))["status"] for _ in range(3)] == [202, 202, 503]
    refused = await call(bench, token)
    assert (refused["error"]["code"], "as many" in refused["error"]["message"]) == ("WORKFLOW_PAUSED", True)


async def test_no_more_bytes_are_queued_than_may(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queued_runs, "QUEUE_SHARE", 300_000 / 2**26)
    token = await push(bench)
    await ask(bench, "POST", "/webhooks/named/w/pause", QUEUE)
    answers = [await call(bench, token, body={"text": "x" * 60_000}) for _ in range(4)]
    assert [answer["status"] for answer in answers] == [202, 202, 503, 503]
    await ask(bench, "POST", f"/runs/{answers[0]['run_id']}/cancel")
    await bench.background.finish()
    assert (await call(bench, token))["status"] == 202
    for number in [*bench.logs.tables]:
        bench.logs.start(number)  # counted anew
    assert (await call(bench, token))["status"] == 202


async def test_without_instances_the_object_sleeps(bench: Bench) -> None:
    """After a deploy that has none any more."""
    token = await push(bench)
    await ask(bench, "POST", "/webhooks/named/w/pause", QUEUE)
    await call(bench, token)
    await ask(bench, "POST", "/webhooks/named/w/resume")
    for number, alarm in bench.logs.alarms.items():
        if alarm.due_ms is not None and alarm.due_ms <= bench.clock.now_ms():
            await bench.logs.tables[number].on_alarm(bench.bucket, _export_nothing)
        assert alarm.due_ms is None or alarm.due_ms > bench.clock.now_ms()


async def _export_nothing() -> bool:
    return False


async def test_a_workflow_with_limits_is_not_queued(bench: Bench) -> None:
    token = await push(bench, limits=[{"concurrent": 1}])
    refused = await ask(bench, "POST", "/webhooks/named/w/pause", QUEUE)
    assert (refused["status"], refused["error"]["code"]) == (409, "QUEUE_NOT_AVAILABLE")
    await ask(bench, "POST", "/webhooks/pause", QUEUE)
    assert (await call(bench, token))["error"]["code"] == "WORKFLOW_PAUSED"


async def test_a_platform_without_instances_only_refuses() -> None:
    bench = build_bench({"tell": echo})
    token = await push(bench)
    for path in ("/webhooks/named/w/pause", "/webhooks/pause"):
        refused = await ask(bench, "POST", path, QUEUE)
        assert (refused["status"], refused["error"]["code"]) == (503, "QUEUE_NOT_AVAILABLE")
    await ask(bench, "POST", "/webhooks/pause", REFUSE)
    assert (await call(bench, token))["status"] == 503
    assert (await ask(bench, "POST", "/webhooks/resume"))["data"] == {"still_paused": [], "released": 0}
    assert (await call(bench, token))["status"] == 200


@pytest.mark.parametrize("body", [{"on_trigger": "drop"}, {"on_trigger": 1}, {"until": "monday"}])
async def test_a_body_that_is_none(bench: Bench, body: Any) -> None:
    await push(bench)
    for path in ("/webhooks/named/w/pause", "/webhooks/pause"):
        assert (await ask(bench, "POST", path, body))["status"] == 400


@pytest.mark.parametrize("end", ["pause", "resume"])
async def test_a_workflow_that_is_none(bench: Bench, end: str) -> None:
    refused = await ask(bench, "POST", f"/webhooks/named/nobody/{end}", {})
    assert (refused["status"], refused["error"]["code"]) == (404, "WORKFLOW_NOT_FOUND")


async def test_pushes_rotations_and_rollbacks_leave_it_paused(bench: Bench) -> None:
    token = await push(bench)
    await ask(bench, "POST", "/webhooks/named/w/pause", REFUSE)
    await push(bench, timeout_ms=1_000)
    rotated = (await ask(bench, "POST", f"/webhooks/{token}/rotate"))["data"]["token"]
    await ask(bench, "POST", "/webhooks/named/w/rollback", {"version": 1})
    assert (await call(bench, rotated))["error"]["code"] == "WORKFLOW_PAUSED"
