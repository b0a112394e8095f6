"""Proves what each caller of a workflow sees of its run, by route and key: a caller with only the webhook's URL sees no
internals, however the run ends.
"""

from typing import Any

import httpx
import pytest

from arcrun.errors import ComponentError
from arcrun.limits import MAX_ROW_BYTES
from fakes.components import echo, exited, trapped
from fakes.executor import API_KEY, Bench, build_bench, build_client
from fakes.wire import check_error
from fakes.workflows import ADA

pytestmark = pytest.mark.anyio

INSIDE = ["canary-config", "canary-input", "canary-middle", "canary-error", "canary-log", "canary_code", "inner_node"]
FAILURE = {"success": False, "error": {"code": "CANARY_CODE", "message": "canary-error", "canary_code": 1}}


def raise_fault(_stdin: str) -> Any:
    raise ComponentError("canary-error", code="CANARY_CODE", http_status=418)


SCRIPT: Any = {
    "echo": echo,
    "middle": exited({"success": True, "data": {"text": "canary-middle"}}, stderr="canary-log"),
    "fails": exited(FAILURE, stderr="canary-log"),
    "traps": trapped("canary-error"),
    "raises": raise_fault,
    "garbage": exited("canary-error, no JSON"),
}
OWNER = {"x-arcrun-api-key": API_KEY}
ANSWER_KEYS = {"success", "run_id", "data"}


async def store(bench: Bench, component: str = "echo") -> str:
    """Store a workflow whose steps contain canaries; its answer is the last step's."""
    bench.store_credential("secret", "canary-secret")
    flow = ["input >> PIPE >> inner_node", "inner_node >> PIPE >> middle", "middle >> PIPE >> last"]
    config = {
        "inner_node": {"component": "echo", "text": "canary-config {{input.text}}"},
        "last": {"component": component, "text": "said"},
    }
    pushed = await bench.service.push({"name": "w", "flow": [*flow, "last >> PIPE >> output"], "config": config}, ADA)
    return pushed.stored.token


async def call(bench: Bench, path: str, headers: dict[str, str], body: Any = None) -> httpx.Response:
    async with build_client(bench.service, headers={}) as client:
        return await client.post(path, headers=headers, json={"text": "canary-input"} if body is None else body)


def inside(response: httpx.Response) -> list[str]:
    seen = response.text.lower() + str(response.headers).lower()
    return [canary for canary in [*INSIDE, "canary-secret", "canary_code"] if canary.lower() in seen]


@pytest.mark.parametrize("query", ["", "?trace=1", "?trace=true&timeout_ms=1000"])
@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="nobody"),
        pytest.param({"x-arcrun-api-key": "wrong"}, id="a wrong key"),
        pytest.param({"authorization": "Bearer somebody-elses"}, id="a sender's own authorization"),
        pytest.param({"authorization": f"Basic {API_KEY}"}, id="the key as another scheme"),
        pytest.param({"x-arcrun-api-key": ""}, id="an empty key"),
    ],
)
@pytest.mark.parametrize("component", SCRIPT)
async def test_the_url_alone_shows_the_answer_and_nothing_else(
    component: str, headers: dict[str, str], query: str
) -> None:
    bench = build_bench(SCRIPT)
    token = await store(bench, component)
    answer = await call(bench, f"/webhooks/{token}/trigger{query}", headers)
    body = answer.json()
    if component in ("echo", "middle"):
        data = {"text": "said"} if component == "echo" else {"text": "canary-middle"}
        assert (answer.status_code, body) == (200, {"success": True, "run_id": body["run_id"], "data": data})
        assert inside(answer) == ([] if component == "echo" else ["canary-middle"])
        return
    error = check_error(body["error"])
    assert (answer.status_code, body.keys()) == (500, {"success", "run_id", "error"})
    assert (error["code"], error["message"], error["details"]) == ("WORKFLOW_FAILED", "The workflow failed.", {})
    assert inside(answer) == []


@pytest.mark.parametrize(
    ("path", "with_trace"),
    [
        pytest.param("/webhooks/{token}/trigger", False, id="webhook"),
        pytest.param("/webhooks/{token}/trigger?trace=1", True, id="webhook with trace"),
        pytest.param("/webhooks/{token}/trigger?trace=0", False, id="webhook without trace"),
        pytest.param("/webhooks/named/w/trigger", False, id="by name"),
        pytest.param("/webhooks/named/w/trigger?trace=1", True, id="by name with trace"),
    ],
)
@pytest.mark.parametrize("headers", [OWNER, {"authorization": f"Bearer {API_KEY}"}], ids=["key", "bearer"])
async def test_the_owner_sees_the_error_and_the_trace_on_request(
    path: str, headers: dict[str, str], with_trace: bool
) -> None:
    bench = build_bench(SCRIPT)
    token = await store(bench, "fails")
    answer = await call(bench, path.format(token=token), headers)
    body = answer.json()
    assert (answer.status_code, body["error"]["code"], body["error"]["message"]) == (422, "CANARY_CODE", "canary-error")
    assert body.keys() == {"success", "run_id", "error", "duration_ms"} | ({"trace"} if with_trace else set())
    if with_trace:
        assert [entry["node"] for entry in body["trace"]] == ["inner_node", "middle", "last"]
        assert body["trace"][0]["input"] == {"text": "canary-config canary-input"}


@pytest.mark.parametrize(("size", "is_cut"), [(20_000, False), (300_000, False), (3_000_000, True)])
async def test_an_answered_trace_is_cut_like_a_stored_one(size: int, is_cut: bool) -> None:
    bench = build_bench(SCRIPT)
    token = await store(bench)
    answer = await call(bench, f"/webhooks/{token}/trigger?trace=1", OWNER, {"text": "x" * size})
    await bench.background.finish()
    stored = await bench.service.runs.find(answer.json()["run_id"])
    assert answer.json()["trace"] == stored["trace"]
    assert ("_truncated" in answer.json()["trace"][0]["input"]) is is_cut
    assert bool(bench.bucket.keys) is (size > MAX_ROW_BYTES)


async def test_a_run_that_was_accepted_shows_nothing_either() -> None:
    bench = build_bench(SCRIPT)
    token = await store(bench, "fails")
    answer = await call(bench, f"/webhooks/{token}/trigger?async=1&trace=1", {})
    await bench.background.finish()
    assert (answer.status_code, answer.json().keys(), inside(answer)) == (202, ANSWER_KEYS, [])


@pytest.mark.parametrize("path", ["/runs", "/runs/{run}", "/webhooks", "/webhooks/{token}"])
@pytest.mark.parametrize("headers", [{}, {"x-arcrun-api-key": "wrong"}], ids=["nobody", "a wrong key"])
async def test_nobody_else_reads_what_is_kept(path: str, headers: dict[str, str]) -> None:
    bench = build_bench(SCRIPT)
    token = await store(bench, "fails")
    run = (await call(bench, f"/webhooks/{token}/trigger", {})).json()["run_id"]
    await bench.background.finish()
    async with build_client(bench.service, headers={}) as client:
        answer = await client.get(path.format(token=token, run=run), headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"], inside(answer)) == (401, "UNAUTHORIZED", [])
