"""Replays and retries over HTTP: what they begin with, what they take over, what is stored of them, what is refused."""

import asyncio
import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from arcrun.wasm.abi import Execution
from fakes.components import echo, exited
from fakes.executor import Bench, build_bench, build_client
from fakes.instances import FakeInstances
from fakes.tenants import build_hosted
from fakes.wire import read_error
from fakes.workflows import ADA

pytestmark = pytest.mark.anyio

WAIT = yaml.safe_load((Path(__file__).parents[3] / "components/wait/contract.yaml").read_text(encoding="utf-8"))
CANARY = "c4n4ry-of-the-caller"
FLOW = ["input >> PIPE >> a", "a >> PIPE >> b", "b >> PIPE >> c"]
CONFIG: dict[str, Any] = {
    "a": {"component": "tell", "text": "{{input.text}}"},
    "b": {"component": "shaky", "text": "{{a.data.text}}"},
    "c": {"component": "tell", "text": "{{b.data.text}}!"},
}
QUICK: dict[str, Any] = {"name": "w", "flow": FLOW, "config": CONFIG}
DURABLE = {**QUICK, "durable": True}
READER: dict[str, Any] = {
    "name": "reader",
    "flow": ["input >> PIPE >> a"],
    "config": {
        "a": {
            "component": "tell",
            "text": "{{request.headers.x-topic}} {{request.query.n}} {{request.received_at}} "
            "{{request.headers.authorization}}",
        }
    },
}


class Shaky:
    """A component that fails as long as `is_down`, and what it has been given."""

    def __init__(self) -> None:
        self.is_down = True
        self.inputs: list[Any] = []

    def __call__(self, stdin: str) -> Execution:
        self.inputs.append(json.loads(stdin))
        if self.is_down:
            return exited({"success": False, "error": {"code": "DOWN", "message": "It is down."}})
        return echo(stdin)


class Tell(Shaky):
    def __init__(self) -> None:
        super().__init__()
        self.is_down = False


@pytest.fixture
def shaky() -> Shaky:
    return Shaky()


@pytest.fixture
def tell() -> Tell:
    return Tell()


@pytest.fixture
def instances() -> FakeInstances:
    return FakeInstances()


@pytest.fixture
def bench(shaky: Shaky, tell: Tell, instances: FakeInstances) -> Bench:
    return build_bench({"tell": tell, "shaky": shaky, "wait": exited({})}, instances, {"wait": WAIT})


async def ask(bench: Bench, method: str, path: str, body: Any = None, **options: Any) -> httpx.Response:
    async with build_client(bench.service) as client:
        answer = await client.request(method, path, json=body, **options)
    await bench.background.finish()
    return answer


async def run(bench: Bench, source: Mapping[str, Any], body: Any, query: str = "") -> str:
    await bench.service.push(source, ADA)
    answer = await ask(bench, "POST", f"/webhooks/named/{source['name']}/trigger{query}", body)
    run_id: str = answer.json()["run_id"]
    return run_id


async def test_a_quick_run_is_replayed_at_once_with_its_own_input_unredacted(bench: Bench, shaky: Shaky) -> None:
    bench.store_credential("canary", CANARY)
    shaky.is_down = False
    source = json.loads(json.dumps(QUICK).replace("{{input.text}}", "{{input.text}} {{credential.canary}}"))
    origin = await run(bench, source, {"text": CANARY})
    answer = await ask(bench, "POST", f"/runs/{origin}/replay?trace=1", {})
    told = answer.json()
    assert (answer.status_code, told["success"], told["replay_of"]) == (200, True, origin)
    assert shaky.inputs[0] == shaky.inputs[1]
    assert CANARY not in bench.logs.stored
    record = (await ask(bench, "GET", f"/runs/{told['run_id']}")).json()["data"]
    assert (record["trigger"], record["replay_of"], record["status"]) == ("replay", origin, "success")
    [listed, _] = (await ask(bench, "GET", "/runs")).json()["data"]["runs"]
    assert (listed["run_id"], listed["replay_of"]) == (told["run_id"], origin)


async def test_a_retry_begins_with_what_has_failed_and_is_noted(bench: Bench, shaky: Shaky, tell: Tell) -> None:
    origin = await run(bench, QUICK, {"text": "hi"})
    shaky.is_down = False
    planned = (await ask(bench, "POST", f"/runs/{origin}/retry?dry_run=1", {})).json()["data"]
    assert planned == {
        "replay_of": origin,
        "workflow": "w",
        "version": 1,
        "accepted": False,
        "taken_over": ["a"],
        "runs": ["b", "c"],
    }
    told = (await ask(bench, "POST", f"/runs/{origin}/retry?trace=1", {})).json()
    assert (told["data"], [entry.get("taken_over") for entry in told["trace"]]) == ({"text": "hi!"}, [True, None, None])
    assert tell.inputs == [{"text": "hi"}, {"text": "hi!"}]
    record = (await ask(bench, "GET", f"/runs/{origin}")).json()["data"]
    assert (record["status"], record["retried_by"]) == ("failed", told["run_id"])
    again = await ask(bench, "POST", f"/runs/{origin}/retry", {})
    assert (again.status_code, read_error(again)["code"]) == (409, "RUN_RETRIED")
    assert read_error(again)["details"] == {"retried_by": told["run_id"]}
    forced = await ask(bench, "POST", f"/runs/{origin}/retry", {"force": True})
    assert (forced.status_code, forced.json()["replay_of"]) == (200, origin)


async def test_of_many_retries_at_once_one_begins(bench: Bench, shaky: Shaky) -> None:
    origin = await run(bench, QUICK, {"text": "hi"})
    shaky.is_down = False
    answers = await asyncio.gather(*(ask(bench, "POST", f"/runs/{origin}/retry", {}) for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [200, *[409] * 9]
    assert len(shaky.inputs) == 2


async def test_a_retry_that_could_not_begin_is_not_noted(bench: Bench, shaky: Shaky) -> None:
    source = {**QUICK, "limits": [{"per_minute": 1}]}
    origin = await run(bench, source, {"text": "hi"})
    refused = await ask(bench, "POST", f"/runs/{origin}/retry", {})
    assert (refused.status_code, read_error(refused)["code"]) == (429, "RUN_LIMIT_REACHED")
    assert "retried_by" not in (await ask(bench, "GET", f"/runs/{origin}")).json()["data"]
    bench.clock.advance(61_000)
    shaky.is_down = False
    first = (await ask(bench, "POST", f"/runs/{origin}/retry", {})).json()
    again = await ask(bench, "POST", f"/runs/{origin}/retry", {"force": True})
    record = (await ask(bench, "GET", f"/runs/{origin}")).json()["data"]
    assert (first["success"], again.status_code, record["retried_by"]) == (True, 429, first["run_id"])


async def test_a_retry_that_has_failed_is_retried_itself(bench: Bench, shaky: Shaky, tell: Tell) -> None:
    origin = await run(bench, QUICK, {"text": "hi"})
    second = (await ask(bench, "POST", f"/runs/{origin}/retry", {})).json()
    shaky.is_down = False
    third = (await ask(bench, "POST", f"/runs/{second['run_id']}/retry", {})).json()
    assert (second["success"], third["data"], third["replay_of"]) == (False, {"text": "hi!"}, second["run_id"])
    assert len(tell.inputs) == 2


async def test_another_version_another_input_and_another_beginning(bench: Bench, shaky: Shaky) -> None:
    shaky.is_down = False
    origin = await run(bench, QUICK, {"text": "hi"})
    newer = {**QUICK, "config": {**CONFIG, "c": {"component": "tell", "text": "{{b.data.text}}?"}}}
    await bench.service.push(newer, ADA)
    asked = [
        ({}, {"text": "hi!"}),
        ({"version": "current"}, {"text": "hi?"}),
        ({"version": 2, "input": {"text": "ho"}}, {"text": "ho?"}),
        ({"version": "current", "from": "c", "input": {"text": "ho"}}, {"text": "hi?"}),
    ]
    for body, data in asked:
        assert (await ask(bench, "POST", f"/runs/{origin}/replay", body)).json()["data"] == data
    assert len(shaky.inputs) == 4


async def test_a_durable_run_is_accepted_again_and_takes_over_what_its_start_has(
    bench: Bench, instances: FakeInstances, shaky: Shaky, tell: Tell
) -> None:
    origin = await run(bench, DURABLE, {"text": CANARY})
    await instances.run(bench.service, origin)
    shaky.is_down = False
    answer = await ask(bench, "POST", f"/runs/{origin}/retry", {})
    told = answer.json()
    assert (answer.status_code, told["replay_of"], told["data"]) == (
        202,
        origin,
        {"status": "running", "taken_over": ["a"]},
    )
    running = (await ask(bench, "GET", f"/runs/{told['run_id']}")).json()["data"]
    assert (running["status"], running["replay_of"]) == ("running", origin)
    starts = [sql.execute("SELECT start FROM starts") for sql in bench.logs.sql.values()]
    assert (sum(map(len, starts)), CANARY in json.dumps(starts)) == (1, False)
    isolate = await instances.run(bench.service, told["run_id"])
    record = (await ask(bench, "GET", f"/runs/{told['run_id']}")).json()["data"]
    assert (record["data"], record["replay_of"], record["trigger"]) == ({"text": f"{CANARY}!"}, origin, "replay")
    assert (isolate.asked, len(tell.inputs)) == (["from a"], 2)
    assert json.loads(instances.outputs[told["run_id"]]) == {"status": "success"}  # nobody waits for its answer


async def test_an_accepted_run_is_accepted_again(bench: Bench, instances: FakeInstances, shaky: Shaky) -> None:
    origin = await run(bench, QUICK, {"text": "hi"}, "?async=1")
    await instances.run(bench.service, origin)
    shaky.is_down = False
    answer = await ask(bench, "POST", f"/runs/{origin}/replay", {})
    await instances.run(bench.service, answer.json()["run_id"])
    record = (await ask(bench, "GET", f"/runs/{answer.json()['run_id']}")).json()["data"]
    assert (answer.status_code, record["data"], record["replay_of"]) == (202, {"text": "hi!"}, origin)


@pytest.mark.parametrize("query", ["", "&async=1"], ids=["quick", "accepted"])
async def test_what_templates_read_of_the_request_comes_back(
    bench: Bench, instances: FakeInstances, tell: Tell, query: str
) -> None:
    token = (await bench.service.push(READER, ADA)).stored.token
    headers = {"x-topic": "orders", "authorization": f"Bearer {CANARY}"}
    async with build_client(bench.service, headers=headers) as client:
        origin = (await client.post(f"/webhooks/{token}/trigger?n=7{query}", json={})).json()["run_id"]
    await bench.background.finish()
    if query:
        await instances.run(bench.service, origin)
    bench.clock.advance(5_000)
    run_id = origin
    for _ in range(2):  # the replay, and a replay of the replay
        run_id = (await ask(bench, "POST", f"/runs/{run_id}/replay", {})).json()["run_id"]
        if query:
            await instances.run(bench.service, run_id)
    assert tell.inputs == [tell.inputs[0]] * 3
    assert tell.inputs[0]["text"].startswith("orders 7 2")
    assert tell.inputs[0]["text"].endswith(f"Bearer {CANARY}")
    assert CANARY not in bench.logs.stored


async def test_runs_that_are_sealed_together_have_their_own_requests(bench: Bench, shaky: Shaky) -> None:
    shaky.is_down = False
    token = (await bench.service.push(READER, ADA)).stored.token
    other = (await bench.service.push(QUICK, ADA)).stored.token
    run_ids = {}
    for topic in ("orders", "", "mail"):
        headers = {"x-topic": topic, "authorization": "Bearer 1"} if topic else {}
        async with build_client(bench.service, headers=headers) as client:
            answer = await client.post(f"/webhooks/{token if topic else other}/trigger?n=7", json={"text": topic})
        run_ids[topic] = answer.json()["run_id"]
    await bench.background.finish()
    found = {topic: await bench.service.runs.find_beginning(run_id) for topic, run_id in run_ids.items()}
    assert {topic: value["text"] for topic, (value, _) in found.items()} == {topic: topic for topic in run_ids}
    requests = {topic: occasion.request for topic, (_, occasion) in found.items()}
    assert {topic: kept and kept.fields["headers"]["x-topic"] for topic, kept in requests.items()} == {
        "orders": "orders",
        "": None,
        "mail": "mail",
    }
    sealed = [bench.logs.look_up(run_id)["input"] for run_id in run_ids.values()]
    assert sum(len(base64.b64decode(each or "")) > 40 for each in sealed) == 1  # one has all three


async def test_a_durable_retry_goes_on_after_a_crash_with_what_it_has_taken_over(
    bench: Bench, instances: FakeInstances, shaky: Shaky, tell: Tell
) -> None:
    config = {**CONFIG, "d": {"component": "wait", "for": "2d"}, "e": {"component": "tell", "text": "{{a.data.text}}"}}
    source = {**DURABLE, "flow": [*FLOW, "c >> PIPE >> d", "d >> PIPE >> e"], "config": config}
    origin = await run(bench, source, {"text": "hi"})
    await instances.run(bench.service, origin)
    shaky.is_down = False
    retried = (await ask(bench, "POST", f"/runs/{origin}/retry", {})).json()["run_id"]
    waiting = asyncio.ensure_future(instances.run(bench.service, retried))
    await asyncio.sleep(60)
    waiting.cancel()
    await instances.run(bench.service, retried)
    record = await bench.service.runs.find(retried)
    assert (record["status"], record["data"]) == ("success", {"text": "hi"})
    assert ([each["text"] for each in tell.inputs], len(shaky.inputs)) == (["hi", "hi!", "hi"], 2)


async def test_of_a_workflow_that_reads_no_request_none_is_stored(bench: Bench, shaky: Shaky) -> None:
    shaky.is_down = False
    origin = await run(bench, QUICK, {"text": "hi"})
    value, occasion = await bench.service.runs.find_beginning(origin)
    assert (value, occasion.request, occasion.is_accepted) == ({"text": "hi"}, None, False)


async def test_an_older_run_without_its_request_is_not_replayed_where_that_is_read(bench: Bench, tell: Tell) -> None:
    origin = await run(bench, {**READER, "config": {"a": {"component": "tell"}}}, {})
    await bench.service.push(READER, ADA)
    refused = await ask(bench, "POST", f"/runs/{origin}/replay", {"version": "current"})
    assert (refused.status_code, read_error(refused)["code"]) == (409, "REPLAY_NOT_POSSIBLE")
    assert "reads the request" in read_error(refused)["message"]
    assert len(tell.inputs) == 1


async def test_a_run_without_a_stored_input_needs_one(bench: Bench, shaky: Shaky) -> None:
    shaky.is_down = False
    origin = await run(bench, QUICK, {"text": "hi"})
    for sql in bench.logs.sql.values():
        sql.execute("UPDATE runs SET input = NULL")
    refused = await ask(bench, "POST", f"/runs/{origin}/replay", {})
    assert (refused.status_code, read_error(refused)["code"]) == (409, "REPLAY_NOT_POSSIBLE")
    given = await ask(bench, "POST", f"/runs/{origin}/replay", {"input": {"text": "ho"}})
    assert given.json()["data"] == {"text": "ho!"}


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        pytest.param("replay", {"from": 7}, 400, "INVALID_REQUEST", id="from is no name"),
        pytest.param("replay", {"version": "newest"}, 400, "INVALID_REQUEST", id="an unknown version"),
        pytest.param("replay", {"version": True}, 400, "INVALID_REQUEST", id="no version"),
        pytest.param("replay", {"version": 9}, 404, "VERSION_NOT_FOUND", id="a version that is not there"),
        pytest.param("replay", {"from": "z"}, 404, "NODE_NOT_FOUND", id="an unknown node"),
        pytest.param("replay", {"from": "c"}, 409, "REPLAY_NOT_POSSIBLE", id="behind the failure"),
        pytest.param("replay", {"for": "c"}, 400, "UNKNOWN_KEY", id="an unknown key"),
        pytest.param("retry", {"force": "yes"}, 400, "INVALID_REQUEST", id="force is a word"),
    ],
)
async def test_what_is_refused(bench: Bench, path: str, body: Any, status: int, code: str, shaky: Shaky) -> None:
    origin = await run(bench, QUICK, {"text": "hi"})
    refused = await ask(bench, "POST", f"/runs/{origin}/{path}", body)
    assert (refused.status_code, read_error(refused)["code"]) == (status, code)
    assert len(shaky.inputs) == 1


async def test_a_run_that_has_succeeded_is_not_retried(bench: Bench, shaky: Shaky) -> None:
    shaky.is_down = False
    origin = await run(bench, QUICK, {"text": "hi"})
    refused = await ask(bench, "POST", f"/runs/{origin}/retry", {})
    assert (refused.status_code, "nothing to retry" in read_error(refused)["message"]) == (409, True)


async def test_a_run_that_has_not_ended_is_not_replayed(bench: Bench) -> None:
    origin = await run(bench, DURABLE, {"text": "hi"})
    for path in ("retry", "replay"):
        refused = await ask(bench, "POST", f"/runs/{origin}/{path}", {"from": "b"} if path == "replay" else {})
        assert (refused.status_code, "has not ended" in read_error(refused)["message"]) == (409, True)


async def test_a_version_that_was_deleted_is_missed(bench: Bench, shaky: Shaky) -> None:
    shaky.is_down = False
    origin = await run(bench, QUICK, {"text": "hi"})
    token = (await bench.service.workflows.find_by_name("w")).token
    await bench.service.delete(token, ADA)
    gone = await ask(bench, "POST", f"/runs/{origin}/replay", {})
    assert (gone.status_code, read_error(gone)["code"]) == (404, "WORKFLOW_NOT_FOUND")
    bench.clock.advance(60_000)
    await bench.service.push({**QUICK, "flow": FLOW[:2], "config": {name: CONFIG[name] for name in "ab"}}, ADA)
    refused = await ask(bench, "POST", f"/runs/{origin}/replay", {})
    assert (refused.status_code, read_error(refused)["code"]) == (409, "REPLAY_NOT_POSSIBLE")
    assert (await ask(bench, "POST", f"/runs/{origin}/replay", {"version": "current"})).json()["data"] == {"text": "hi"}


async def test_a_run_of_a_workflow_that_is_not_stored(bench: Bench, shaky: Shaky) -> None:
    answer = await ask(bench, "POST", "/execute", {"workflow": QUICK, "input": {"text": "hi"}})
    refused = await ask(bench, "POST", f"/runs/{answer.json()['run_id']}/retry", {})
    assert (refused.status_code, "is not stored" in read_error(refused)["message"]) == (409, True)


async def test_on_a_hosted_platform_a_replay_needs_an_input() -> None:
    hosted = await build_hosted({"tell": echo, "shaky": echo}, "a")
    key = hosted.keys["a"]
    await hosted.ask("POST", "/webhooks", key, {"workflow": QUICK})
    origin = (await hosted.ask("POST", "/webhooks/named/w/trigger", key, {"text": "hi"})).json()["run_id"]
    await hosted.background.finish()
    refused = await hosted.ask("POST", f"/runs/{origin}/replay", key, {})
    assert (refused.status_code, read_error(refused)["code"]) == (409, "REPLAY_NOT_POSSIBLE")
    told = (await hosted.ask("POST", f"/runs/{origin}/replay", key, {"from": "c", "input": {}})).json()
    assert (told["data"], told["replay_of"]) == ({"text": "hi!"}, origin)
    await hosted.background.finish()
    listed = (await hosted.ask("GET", "/runs", key)).json()["data"]["runs"]
    assert [run.get("replay_of") for run in listed if run["run_id"] == told["run_id"]] == [origin]
