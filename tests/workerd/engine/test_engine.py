"""Proves the engine on real workerd: large graphs, loops, sub-workflows, failures, cancellation, and records."""

import time
from typing import Any

import httpx
import pytest

from fixtures.modules import build_contract, build_module
from workerd.local_platform import LocalPlatform

pytestmark = pytest.mark.workerd

UPPER = {"component": "string_ops", "operation": "upper"}


def execute(platform: LocalPlatform, workflow: dict[str, Any], input_value: Any = None) -> dict[str, Any]:
    with platform.executor as client:
        body = {"workflow": {"name": "w", **workflow}, "input": input_value or {}}
        answer: dict[str, Any] = client.post("/execute?trace=1", json=body).json()
    return answer


def statuses(answer: dict[str, Any]) -> dict[str, str]:
    return {entry["node"]: entry["status"] for entry in answer["trace"]}


def push(platform: LocalPlatform, name: str, **workflow: Any) -> dict[str, Any]:
    with platform.executor as client:
        response = client.post("/webhooks", json={"workflow": {"name": name, **workflow}})
        data: dict[str, Any] = response.raise_for_status().json()["data"]
    return data


def eventually(platform: LocalPlatform, run_id: str) -> dict[str, Any]:
    """The stored record of a run, which is written shortly after the answer."""
    deadline = time.monotonic() + 10
    with platform.executor as client:
        while time.monotonic() < deadline:
            response = client.get(f"/runs/{run_id}")
            if response.status_code == 200 and response.json()["data"]["status"] != "running":
                record: dict[str, Any] = response.json()["data"]
                return record
    raise AssertionError(f"no record of {run_id}")


def test_a_graph_of_50_nodes(platform: LocalPlatform) -> None:
    """One node, 48 parallel nodes, one join."""
    middle = [f"m{i}" for i in range(48)]
    flow = ["input >> PIPE >> first", *(f"first >> PIPE >> {name}" for name in middle)]
    flow += [f"{name} >> PIPE >> last" for name in middle]
    config = {"first": {**UPPER, "input": "a"}, "last": {**UPPER, "input": "{{m0.data.result}}{{m47.data.result}}"}}
    config |= {name: {**UPPER, "input": f"{{{{first.data.result}}}}{name}"} for name in middle}
    answer = execute(platform, {"flow": flow, "config": config})
    assert answer["data"] == {"result": "AM0AM47"}
    assert len(answer["trace"]) == 50
    assert set(statuses(answer).values()) == {"success"}


def test_a_loop_over_200_items_8_at_once(platform: LocalPlatform) -> None:
    workflow = {
        "flow": ["input >> FOREACH n IN input.numbers >> double", "input >> CONTINUE >> count"],
        "config": {
            "input": {"foreach": {"concurrency": 8}},
            "double": {"component": "number_ops", "operation": "multiply", "input": "{{n}}", "value": 2},
            "count": {"component": "array_ops", "operation": "pluck", "input": "{{n.results}}", "key": "result"},
        },
    }
    answer = execute(platform, workflow, {"numbers": list(range(200))})
    assert answer["data"] == {"result": [2 * n for n in range(200)]}
    assert answer["trace"][0]["iterations"] == {"success": 200, "failed": 0, "skipped": 0}


def test_a_loop_waits_for_several_at_once(platform: LocalPlatform) -> None:
    flow = ["input >> FOREACH ms IN input.waits >> wait"]
    config = {"input": {"foreach": {"concurrency": 10}}, "wait": {"ms": "{{ms}}"}}
    started = time.monotonic()
    answer = execute(platform, {"flow": flow, "config": config}, {"waits": [200] * 10})
    assert len(answer["data"]) == 10
    assert 0.2 <= time.monotonic() - started < 1.0


def test_three_levels_of_workflows(platform: LocalPlatform) -> None:
    push(platform, "level_3", flow=["input >> PIPE >> up"], config={"up": {**UPPER, "input": "{{input.text}}"}})
    push(platform, "level_2", flow=["input >> SUBFLOW >> level_3"])
    answer = execute(platform, {"flow": ["input >> SUBFLOW >> level_2"]}, {"text": "deep"})
    assert answer["data"] == {"result": "DEEP"}
    assert answer["trace"][0]["trace"][0]["trace"][0]["node"] == "up"


def test_the_seventh_node_traps_and_is_handled(platform: LocalPlatform) -> None:
    trapping = build_module('(memory (export "memory") 1) (func (export "_start") unreachable)')
    platform.put_component(trapping, build_contract("trap_seven"))
    names = [f"n{i}" for i in range(1, 7)]
    flow = [f"{a} >> PIPE >> {b}" for a, b in zip(["input", *names], [*names, "seven"], strict=True)]
    flow += ["seven >> ON_FAIL >> alarm", "seven >> PIPE >> never"]
    config: dict[str, Any] = {name: {**UPPER, "input": "x"} for name in (*names, "never")}
    config |= {"seven": {"component": "trap_seven"}, "alarm": {**UPPER, "input": "{{seven.error.code}}"}}
    answer = execute(platform, {"flow": flow, "config": config})
    assert (answer["success"], answer["data"]) == (True, {"result": "COMPONENT_TRAPPED"})
    assert (statuses(answer)["seven"], statuses(answer)["never"]) == ("failed", "skipped")


def test_a_failure_cancels_a_component_that_waits(platform: LocalPlatform) -> None:
    flow = ["input >> PIPE >> slow", "input >> PIPE >> bad"]
    bad = {"component": "number_ops", "operation": "floor", "input": "{{input.n}}"}
    config = {"slow": {"component": "wait", "ms": 20_000}, "bad": bad}
    started = time.monotonic()
    answer = execute(platform, {"flow": flow, "config": config}, {"n": "no number"})
    assert time.monotonic() - started < 5
    assert {e["node"]: e["error"]["code"] for e in answer["trace"]} == {"slow": "CANCELLED", "bad": "INVALID_INPUT"}
    assert execute(platform, {"flow": ["input >> PIPE >> up"], "config": {"up": {**UPPER, "input": "a"}}})["success"]


@pytest.mark.parametrize(
    ("config", "query", "code"),
    [
        pytest.param({"timeout_ms": 100}, "", "NODE_TIMEOUT", id="of the node"),
        pytest.param({}, "?timeout_ms=100", "RUN_TIMEOUT", id="of the client"),
    ],
)
def test_a_wait_ends_at_its_timeout(platform: LocalPlatform, config: dict[str, Any], query: str, code: str) -> None:
    hook = push(platform, "slow", flow=["input >> PIPE >> wait"], config={"wait": {"ms": 20_000, **config}})
    started = time.monotonic()
    with platform.executor as client:
        answer = client.post(f"/webhooks/{hook['token']}/trigger{query}", json={})
    assert time.monotonic() - started < 5
    assert (answer.status_code, answer.json()["error"]["code"]) == (504, code)


def test_what_is_kept_of_a_run(platform: LocalPlatform) -> None:
    hook = push(platform, "kept", flow=["input >> PIPE >> up"], config={"up": {**UPPER, "input": "{{input.text}}"}})
    answer = httpx.post(hook["webhook_url"], json={"text": "hello"}, timeout=30).json()
    record = eventually(platform, answer["run_id"])
    entry = record["trace"][0]
    assert (record["workflow"], record["version"], record["trigger"], record["status"]) == (
        "kept",
        1,
        "webhook",
        "success",
    )
    assert (entry["input"], entry["output"]["data"], len(entry["sha256"])) == (
        {"operation": "upper", "input": "hello"},
        {"result": "HELLO"},
        64,
    )
    with platform.executor as client:
        listed = client.get("/runs", params={"workflow": "kept"}).json()["data"]["runs"]
    assert [verdict["run_id"] for verdict in listed] == [answer["run_id"]]


def test_an_asynchronous_run_answers_at_once_and_leaves_its_record(platform: LocalPlatform) -> None:
    hook = push(platform, "later", flow=["input >> PIPE >> wait"], config={"wait": {"ms": 300}})
    started = time.monotonic()
    accepted = httpx.post(hook["webhook_url"] + "?async=1", json={}, timeout=30)
    assert time.monotonic() - started < 0.3
    assert (accepted.status_code, accepted.json()["data"]) == (202, {"status": "running"})
    with platform.executor as client:
        running = client.get(f"/runs/{accepted.json()['run_id']}").json()["data"]
    assert (running["status"], running["workflow"]) == ("running", "later")
    record = eventually(platform, accepted.json()["run_id"])
    assert (record["status"], record["data"]) == ("success", {"waited_ms": 300})


def test_validation_says_the_same_as_a_push(platform: LocalPlatform) -> None:
    text = "name: x\nflow:\n  - input >> ON_SUCESS >> a\n"
    with platform.executor as client:
        validated = client.post("/validate", json={"workflow": text, "file": "x.yaml"}).json()["data"]
        pushed = client.post("/webhooks", json={"workflow": text})
    [found] = validated["diagnostics"]
    assert (validated["valid"], found["code"], found["file"], found["line"], found["column"]) == (
        False,
        "UNKNOWN_RELATION",
        "x.yaml",
        3,
        5,
    )
    assert pushed.status_code == 422
    assert pushed.json()["error"]["details"]["diagnostics"] == [{**found, "file": None}]


def test_a_workflow_has_versions_and_can_go_back(platform: LocalPlatform) -> None:
    flow = ["input >> PIPE >> up"]
    first = push(platform, "versions", flow=flow, config={"up": {**UPPER, "input": "one"}})
    again = push(platform, "versions", flow=flow, config={"up": {**UPPER, "input": "one"}})
    second = push(platform, "versions", flow=flow, config={"up": {**UPPER, "input": "two"}})
    assert [(p["version"], p["changed"]) for p in (first, again, second)] == [(1, True), (1, False), (2, True)]
    assert second["diff"] == {"added": [], "removed": [], "changed": ["up"]}
    assert first["token"] == second["token"]
    with platform.executor as client:
        assert client.post("/webhooks/named/versions/rollback", json={"version": 1}).status_code == 200
        assert client.post(f"/webhooks/{first['token']}/trigger", json={}).json()["data"] == {"result": "ONE"}
        rotated = client.post(f"/webhooks/{first['token']}/rotate").json()["data"]
        assert client.post(f"/webhooks/{first['token']}/trigger", json={}).status_code == 404
        assert client.post(f"/webhooks/{rotated['token']}/trigger", json={}).status_code == 200
        assert client.delete(f"/webhooks/{rotated['token']}").status_code == 200
        assert client.post(f"/webhooks/{rotated['token']}/trigger", json={}).status_code == 404
        assert client.post("/webhooks/named/versions/trigger", json={}).status_code == 404


def test_a_webhook_that_calls_itself_ends(platform: LocalPlatform) -> None:
    """Eight runs may lead to a run: the tenth is not started."""
    again = {"component": "http_request", "method": "POST", "url": "{{input.url}}", "body_json": "{{input}}"}
    hook = push(platform, "ouroboros", flow=["input >> PIPE >> again"], config={"again": again})
    answer = httpx.post(hook["webhook_url"], json={"url": hook["webhook_url"]}, timeout=60).json()
    assert answer["error"]["code"] == "WORKFLOW_FAILED"
    deadline = time.monotonic() + 10
    with platform.executor as client:
        runs: list[dict[str, Any]] = []
        while len(runs) < 9 and time.monotonic() < deadline:  # records are written separately, in any order
            runs = client.get("/runs", params={"workflow": "ouroboros"}).json()["data"]["runs"]
    records = [eventually(platform, run["run_id"]) for run in runs]
    assert [record["error"]["details"]["status"] for record in records] == [422, *[500] * 8]
