"""Events and decisions: kept sealed, checked when they come, given once; links that are good while they are needed."""

import asyncio
import base64
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from arcrun.limits import MAX_EVENT_BYTES, MAX_RUN_EVENTS
from fakes.accepted import Calls, trigger
from fakes.components import exited
from fakes.executor import Bench, build_bench, build_client
from fakes.instances import FakeInstances
from fakes.workflows import ADA

pytestmark = pytest.mark.anyio

NAMES = ("wait", "wait_for", "approve", "validate_json")
ROOT = Path(__file__).parents[3]
CONTRACTS = {name: yaml.safe_load((ROOT / f"components/{name}/contract.yaml").read_text()) for name in NAMES}
CANARY = "c4n4ry-of-a-sender"


def waiting_for(count: int = 1, **config: Any) -> dict[str, Any]:
    names = [f"n{number}" for number in range(count)]
    flow = [f"{before} >> PIPE >> {name}" for before, name in zip(["input", *names], names, strict=False)]
    return {
        "name": "w",
        "durable": True,
        "flow": flow,
        "config": {name: {"component": "wait_for", "event": "paid", **config} for name in names},
    }


APPROVER = '{{input.approver | default("ann")}}'  # who it is, is not known at push
ASKING: dict[str, Any] = {
    "name": "w",
    "durable": True,
    "flow": ["input >> PIPE >> tell", "tell >> PIPE >> ask"],
    "config": {
        "tell": {"component": "tell", "text": "{{run.approve.ask.ann}} {{run.approve.ask.eve}}"},
        "ask": {"component": "approve", "title": "<Pay>?", "text": "a & b", "approvers": [APPROVER]},
    },
}


@pytest.fixture
def calls() -> Calls:
    return Calls()


@pytest.fixture
def instances() -> FakeInstances:
    return FakeInstances()


@pytest.fixture
def bench(calls: Calls, instances: FakeInstances) -> Bench:
    behaviours: dict[str, Any] = {"tell": calls, **dict.fromkeys(("wait", "wait_for", "approve"), exited({}))}
    return build_bench(behaviours, instances, {name: CONTRACTS[name] for name in NAMES if name != "validate_json"})


async def send(bench: Bench, run_id: str, payload: Any, event: str = "paid", event_id: str = "") -> dict[str, Any]:
    headers = {"idempotency-key": event_id} if event_id else {}
    async with build_client(bench.service) as client:
        answer = await client.post(f"/runs/{run_id}/events/{event}", json=payload, headers=headers)
    return {"status": answer.status_code, **answer.json()}


@asynccontextmanager
async def running(bench: Bench, instances: FakeInstances, run_id: str) -> AsyncIterator[asyncio.Future[Any]]:
    """While the run's instance runs, and comes to its wait; at the end it has ended."""
    work = asyncio.ensure_future(instances.run(bench.service, run_id))
    await asyncio.sleep(1)
    yield work
    await asyncio.wait_for(work, 60)


async def test_an_event_reaches_its_wait_and_is_kept_sealed_until_the_end(
    bench: Bench, instances: FakeInstances
) -> None:
    run_id = (await trigger(bench, waiting_for(), {}))["run_id"]
    async with running(bench, instances, run_id):
        sent = await send(bench, run_id, {"text": CANARY}, event_id="e1")
        assert bench.service.lasting is not None
        kept = bench.service.lasting.runs.open_events(run_id)
        [row] = await kept.list_events(run_id, "event-paid")
        found = await kept.take_event(run_id, "event-paid", "e1", row["taken_by"], [])
        assert found is not None
        assert CANARY not in base64.b64decode(found["payload"]).decode(errors="replace")
    record = await bench.service.runs.find(run_id)
    assert (sent["status"], sent["data"]) == (202, {"id": "e1", "state": "added"})
    assert (record["data"]["id"], record["data"]["payload"]) == ("e1", {"text": CANARY})
    assert await kept.list_events(run_id, "event-paid") == []


async def test_one_that_comes_before_its_wait_is_kept_and_a_second_of_its_id_is_none(
    bench: Bench, instances: FakeInstances
) -> None:
    run_id = (await trigger(bench, waiting_for(2), {}))["run_id"]
    states = [(await send(bench, run_id, number, event_id="one"))["data"]["state"] for number in (1, 2)]
    async with running(bench, instances, run_id) as work:
        assert not work.done()
        await send(bench, run_id, 3)
    trace = (await bench.service.runs.find(run_id))["trace"]
    assert states == ["added", "known"]
    assert [entry["output"]["data"]["payload"] for entry in trace] == [1, 3]


async def test_without_an_event_it_fails_in_time_and_its_failure_can_be_handled(
    bench: Bench, instances: FakeInstances
) -> None:
    run_id = (await trigger(bench, waiting_for(timeout="3d"), {}))["run_id"]
    await instances.run(bench.service, run_id)
    record = await bench.service.runs.find(run_id)
    assert (record["status"], record["error"]["code"]) == ("failed", "WAIT_TIMED_OUT")


@pytest.mark.parametrize(
    ("event", "payload", "event_id", "status", "code"),
    [
        pytest.param("other", 1, "", 404, "EVENT_NOT_AWAITED", id="unknown"),
        pytest.param("paid", "x" * MAX_EVENT_BYTES, "", 413, "EVENT_TOO_LARGE", id="large"),
        pytest.param("paid", 1, "i" * 101, 400, "INVALID_REQUEST", id="long id"),
    ],
)
async def test_what_cannot_be_kept_is_refused(
    bench: Bench, *, event: str, payload: Any, event_id: str, status: int, code: str
) -> None:
    run_id = (await trigger(bench, waiting_for(), {}))["run_id"]
    refused = await send(bench, run_id, payload, event, event_id)
    assert (refused["status"], refused["error"]["code"]) == (status, code)


async def test_a_run_keeps_so_many_and_none_after_its_end(bench: Bench, instances: FakeInstances) -> None:
    run_id = (await trigger(bench, waiting_for(), {}))["run_id"]
    assert bench.service.lasting is not None
    events = bench.service.lasting.runs.open_events(run_id)
    for number in range(MAX_RUN_EVENTS):
        await events.add_event(run_id, {"type": "event-x", "id": str(number), "payload": "", "received_ms": 0})
    full = await send(bench, run_id, 1)
    assert (full["status"], full["error"]["code"]) == (429, "TOO_MANY_EVENTS")
    instances.ended.add(run_id)
    unknown = await send(bench, "01JD00000000000000000000AB", 1)
    assert (unknown["status"], unknown["error"]["code"]) == (404, "RUN_NOT_FOUND")


async def visit(bench: Bench, url: str, choice: str | None = None, comment: str = "") -> httpx.Response:
    async with build_client(bench.service) as client:
        path = url.removeprefix("https://arcrun.example")
        if choice is None:
            return await client.get(path, headers={"x-arcrun-api-key": ""})
        return await client.post(path, data={"choice": choice, "comment": comment}, headers={"x-arcrun-api-key": ""})


async def test_who_has_the_link_decides_once(bench: Bench, instances: FakeInstances, calls: Calls) -> None:
    run_id = (await trigger(bench, ASKING, {}))["run_id"]
    async with running(bench, instances, run_id):
        ann, eve = calls.inputs[0]["text"].split()
        page = await visit(bench, ann)
        assert (page.status_code, "&lt;Pay&gt;?" in page.text, "a &amp; b" in page.text) == (200, True, True)
        assert "<script" not in page.text
        for name, value in {"cache-control": "no-store", "referrer-policy": "no-referrer"}.items():
            assert page.headers[name] == value
        assert (await visit(bench, eve)).status_code == 404  # no approver of this question
        assert (await visit(bench, f"{ann}x")).status_code == 404
        assert (await visit(bench, ann, "maybe")).status_code == 422
        assert (await visit(bench, ann, "approve", "<b>fine</b>")).status_code == 200
        assert (await visit(bench, ann, "reject")).status_code in (404, 410)
    record = await bench.service.runs.find(run_id)
    decided = record["data"]
    assert (decided["choice"], decided["approver"], decided["comment"]) == ("approve", "ann", "<b>fine</b>")
    assert (await visit(bench, ann)).status_code == 404
    for link in (ann, eve):
        assert link.rpartition(".")[2] not in json.dumps(record) + bench.logs.stored
    assert "[REDACTED]" in json.dumps(record)


async def test_a_link_of_another_run_or_iteration_is_none(bench: Bench, instances: FakeInstances, calls: Calls) -> None:
    flow = ["input >> FOREACH x IN input.list >> tell", "tell >> PIPE >> ask"]
    source = {**ASKING, "flow": flow, "config": {**ASKING["config"], "input": {"foreach": {"concurrency": 2}}}}
    run_id = (await trigger(bench, source, {"list": [1, 2]}))["run_id"]
    async with running(bench, instances, run_id):
        links = [given["text"].split()[0] for given in calls.inputs]
        assert len({*links}) == 2
        ticket = re.sub(r"decision-\w+", re.findall(r"decision-\w+", links[1])[0], links[0])
        assert (await visit(bench, ticket)).status_code == 404
        for link, choice in zip(links, ("approve", "reject"), strict=True):
            assert (await visit(bench, link, choice)).status_code == 200
    record = await bench.service.runs.find(run_id)
    assert [each["choice"] for each in record["data"]] == ["approve", "reject"]


async def test_after_its_time_nobody_can_decide(bench: Bench, instances: FakeInstances, calls: Calls) -> None:
    config: Mapping[str, Any] = {**ASKING["config"], "ask": {**ASKING["config"]["ask"], "timeout": "10m"}}
    flow = [*ASKING["flow"], "ask >> ON_FAIL >> pause"]
    source = {**ASKING, "flow": flow, "config": {**config, "pause": {"component": "wait", "for": "1h"}}}
    run_id = (await trigger(bench, source, {}))["run_id"]
    work = asyncio.ensure_future(instances.run(bench.service, run_id))
    await asyncio.sleep(20 * 60)
    link = calls.inputs[0]["text"].split()[0]
    assert (await visit(bench, link)).status_code == 404
    assert (await visit(bench, link, "approve")).status_code == 404
    await work


async def test_a_run_that_waits_shows_what_has_ended_and_what_it_waits_for(
    bench: Bench, instances: FakeInstances, calls: Calls
) -> None:
    run_id = (await trigger(bench, ASKING, {}))["run_id"]
    async with running(bench, instances, run_id):
        shown = await bench.service.runs.find(run_id)
        assert shown["status"] == "running"
        [told, asked] = shown["trace"]
        assert (told["node"], told["status"], asked["node"], asked["status"]) == ("tell", "success", "ask", "waiting")
        assert asked["input"]["title"] == "<Pay>?"
        assert "[REDACTED]" in json.dumps(told)
        await visit(bench, calls.inputs[0]["text"].split()[0], "approve")
    assert (await bench.service.runs.find(run_id))["status"] == "success"


@pytest.mark.parametrize("path", ["/runs/xx/events/paid", "/runs/xx/cancel", "/runs/%00/cancel"])
async def test_an_id_that_is_none_is_of_no_run(bench: Bench, path: str) -> None:
    async with build_client(bench.service) as client:
        answer = await client.post(path, json=1)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "RUN_NOT_FOUND")


async def test_a_run_that_holds_a_link_can_be_cancelled(bench: Bench, instances: FakeInstances, calls: Calls) -> None:
    """What is redacted in the record is not in the way of its error."""
    run_id = (await trigger(bench, ASKING, {}))["run_id"]
    assert bench.service.lasting is not None
    await bench.service.lasting.runs.ask_to_cancel(run_id)
    await instances.run(bench.service, run_id)
    assert (await bench.service.runs.find(run_id))["status"] == "cancelled"


async def test_a_person_chooses_one_answer_and_writes_little(
    bench: Bench, instances: FakeInstances, calls: Calls
) -> None:
    run_id = (await trigger(bench, ASKING, {}))["run_id"]
    async with running(bench, instances, run_id), build_client(bench.service) as client:
        path = calls.inputs[0]["text"].split()[0].removeprefix("https://arcrun.example")
        kind = {"content-type": "application/x-www-form-urlencoded"}
        both = await client.post(path, content="choice=approve&choice=reject", headers=kind)
        long = await client.post(path, content="choice=approve&comment=" + "x" * 20_000, headers=kind)
        assert (both.status_code, long.status_code, "too long" in long.text) == (422, 413, True)
        await client.post(path, content="choice=reject", headers=kind)
    assert (await bench.service.runs.find(run_id))["data"]["choice"] == "reject"


@pytest.mark.parametrize(
    "question",
    [
        pytest.param({"title": " "}, id="no title"),
        pytest.param({"choices": ["a", "a"]}, id="twice the same"),
        pytest.param({"choices": ["a", ""]}, id="nothing"),
        pytest.param({"choices": ["two\nlines"]}, id="two lines"),
        pytest.param({"approvers": ["ann", " "]}, id="nobody"),
    ],
)
async def test_a_question_that_nobody_could_answer_is_not_asked(
    bench: Bench, instances: FakeInstances, question: dict[str, Any]
) -> None:
    config = {"ask": {"component": "approve", "title": "t", **question}}
    source = {"name": "w", "durable": True, "flow": ["input >> PIPE >> ask"], "config": config}
    run_id = (await trigger(bench, source, {}))["run_id"]
    await instances.run(bench.service, run_id)
    record = await bench.service.runs.find(run_id)
    assert (record["status"], record["error"]["code"]) == ("failed", "INVALID_INPUT")


@pytest.mark.parametrize(
    ("config", "said"),
    [
        pytest.param(
            {
                "a": {"component": "wait_for", "event": "go"},
                "b": {"component": "wait_for", "event": "go", "schema": {"type": "object"}},
            },
            "waits for the event `go` too, with another `schema`",
            id="two schemas",
        ),
        pytest.param(
            {
                "a": {"component": "tell", "text": "{{run.approve.b.bob}}"},
                "b": {"component": "approve", "title": "t", "approvers": ["ann"]},
            },
            "`bob` is no approver of `b`",
            id="another approver",
        ),
        pytest.param(
            {
                "a": {"component": "tell", "text": "{{run.approve.a.ann}}"},
                "b": {"component": "approve", "title": "t", "approvers": ["ann"]},
            },
            "`a` is no node that asks people",
            id="another node",
        ),
        pytest.param(
            {"a": {"component": "tell"}, "b": {"component": "wait_for", "event": "{{input.x}}"}},
            "must be a name that stands in the workflow",
            id="a name from outside",
        ),
    ],
)
async def test_a_wait_that_could_not_end_is_refused_at_push(bench: Bench, config: Any, said: str) -> None:
    source = {"name": "w", "durable": True, "flow": ["input >> PIPE >> a", "a >> PIPE >> b"], "config": config}
    compilation = await bench.service.validate(source)
    assert any(said in finding.message for finding in compilation.diagnostics), compilation.diagnostics


async def test_what_a_workflow_that_it_calls_has_done_is_shown(bench: Bench, instances: FakeInstances) -> None:
    inner = {**waiting_for(), "name": "inner", "flow": ["input >> PIPE >> m", "m >> PIPE >> n0"]}
    inner["config"] = {**inner["config"], "m": {"component": "tell", "text": "hi"}}
    await bench.service.push(inner, ADA)
    outer = {
        "name": "w",
        "durable": True,
        "flow": ["input >> CALLS_SUBFLOW >> inner"],
        "config": {"inner": {"input": {}}},
    }
    run_id = (await trigger(bench, outer, {}))["run_id"]
    async with running(bench, instances, run_id):
        shown = (await bench.service.runs.find(run_id))["trace"]
        assert [(it["node"], it["status"]) for it in shown] == [("inner.m", "success"), ("inner.n0", "waiting")]
        await send(bench, run_id, 1)


async def ask_about(bench: Bench, method: str, path: str, body: Any = None) -> dict[str, Any]:
    async with build_client(bench.service) as client:
        answer = await client.request(method, path, json=body)
    return {"status": answer.status_code, **answer.json()}


async def test_the_owner_decides_without_a_link_and_the_record_says_so(
    bench: Bench, instances: FakeInstances, calls: Calls
) -> None:
    run_id = (await trigger(bench, ASKING, {}))["run_id"]
    path = f"/runs/{run_id}/approvals"
    async with running(bench, instances, run_id):
        asked = await ask_about(bench, "GET", path)
        assert asked["data"]["approvals"] == [
            {
                "node": "ask",
                "title": "<Pay>?",
                "text": "a & b",
                "choices": ["approve", "reject"],
                "approvers": ["ann"],
            }
        ]
        refused = [
            await ask_about(bench, "POST", f"{path}/{node}", body)
            for node, body in (("other", {"choice": "approve"}), ("ask", {"choice": "maybe"}), ("ask", {}))
        ]
        assert [(each["status"], each["error"]["code"]) for each in refused] == [
            (409, "DECISION_NOT_ASKED"),
            (400, "INVALID_REQUEST"),
            (400, "INVALID_REQUEST"),
        ]
        assert refused[0]["error"]["details"] == {"nodes": ["ask"]}
        decided = await ask_about(bench, "POST", f"{path}/ask", {"choice": "reject", "comment": "Too dear."})
        assert (decided["status"], decided["data"]) == (202, {"node": "ask", "choice": "reject"})
        assert (await visit(bench, calls.inputs[0]["text"].split()[0])).status_code in (404, 410)
    data = (await bench.service.runs.find(run_id))["data"]
    assert {name: data[name] for name in ("choice", "approver", "comment", "decided_by")} == {
        "choice": "reject",
        "approver": "owner",
        "comment": "Too dear.",
        "decided_by": "owner",
    }
    assert (await ask_about(bench, "GET", path))["data"] == {"approvals": []}
    late = await ask_about(bench, "POST", f"{path}/ask", {"choice": "approve"})
    assert (late["status"], late["error"]["code"]) == (409, "DECISION_NOT_ASKED")
    unknown = await ask_about(bench, "GET", f"/runs/{'0' * 26}/approvals")
    assert (unknown["status"], unknown["error"]["code"]) == (404, "RUN_NOT_FOUND")


async def test_who_decided_by_a_link_is_told_from_the_owner(
    bench: Bench, instances: FakeInstances, calls: Calls
) -> None:
    asking = json.loads(json.dumps(ASKING).replace('default(\\"ann\\")', 'default(\\"owner\\")'))
    asking["config"]["tell"]["text"] = "{{run.approve.ask.owner}}"
    run_id = (await trigger(bench, asking, {}))["run_id"]
    async with running(bench, instances, run_id):
        assert (await visit(bench, calls.inputs[0]["text"], "approve")).status_code == 200
    data = (await bench.service.runs.find(run_id))["data"]
    assert (data["approver"], data["decided_by"]) == ("owner", "link")


async def test_in_a_loop_each_question_has_its_place(bench: Bench, instances: FakeInstances, calls: Calls) -> None:
    flow = ["input >> FOREACH x IN input.list >> tell", "tell >> PIPE >> ask"]
    source = {**ASKING, "flow": flow, "config": {**ASKING["config"], "input": {"foreach": {"concurrency": 2}}}}
    run_id = (await trigger(bench, source, {"list": [1, 2]}))["run_id"]
    async with running(bench, instances, run_id):
        asked = (await ask_about(bench, "GET", f"/runs/{run_id}/approvals"))["data"]["approvals"]
        assert [question["node"] for question in asked] == ["ask[0]", "ask[1]"]
        for node, choice in (("ask[0]", "approve"), ("ask[1]", "reject")):
            told = await ask_about(bench, "POST", f"/runs/{run_id}/approvals/{node}", {"choice": choice})
            assert told["status"] == 202, told
    assert [each["choice"] for each in (await bench.service.runs.find(run_id))["data"]] == ["approve", "reject"]
