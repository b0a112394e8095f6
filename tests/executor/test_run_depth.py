"""Proves that the depth of runs that start each other by HTTP requests is counted and limited."""

import json
from typing import Any

import pytest

from arcrun.engine.budget import DEPTH_HEADER, BudgetedHttpClient, SubrequestBudget
from arcrun.limits import MAX_RUN_DEPTH
from arcrun.ports import HttpRequest
from fakes.components import exited
from fakes.executor import API_KEY, Bench, build_bench, build_client
from fakes.ports.http_client import FakeHttpClient, respond
from fakes.workflows import ADA

pytestmark = pytest.mark.anyio

WORKFLOW = {"name": "w", "flow": ["input >> PIPE >> ok"]}


async def post(bench: Bench, path: str, depth: str | None, body: Any) -> tuple[int, Any]:
    headers = {"x-arcrun-api-key": API_KEY} | ({} if depth is None else {DEPTH_HEADER: depth})
    async with build_client(bench.service, headers={}) as client:
        answer = await client.post(path, headers=headers, json=body)
    return answer.status_code, answer.json().get("error", {}).get("code")


@pytest.mark.parametrize(
    ("depth", "expected"),
    [
        (None, (200, None)),
        ("", (200, None)),
        ("many", (200, None)),
        ("-9", (200, None)),
        (str(MAX_RUN_DEPTH), (200, None)),
        (str(MAX_RUN_DEPTH + 1), (422, "RUN_TOO_DEEP")),
        ("9" * 5000, (422, "RUN_TOO_DEEP")),
        ("9, 1", (422, "RUN_TOO_DEEP")),
        ("1,9", (422, "RUN_TOO_DEEP")),
        ("many , 9,", (422, "RUN_TOO_DEEP")),
        ("8, 1, 1, 8", (200, None)),
    ],
)
async def test_what_stands_too_deep_does_not_run(depth: str | None, expected: tuple[int, str | None]) -> None:
    bench = build_bench({"ok": exited({"success": True, "data": {}})})
    token = (await bench.service.push(WORKFLOW, ADA)).stored.token
    paths: list[tuple[str, Any]] = [(f"/webhooks/{token}/trigger", {}), ("/webhooks/named/w/trigger", {})]
    paths += [("/execute", {"workflow": WORKFLOW}), ("/execute", {"component": "ok"})]
    for path, body in paths:
        assert await post(bench, path, depth, body) == expected, path


@pytest.mark.parametrize("given", [{}, {"Arcrun-Depth": "0"}, {DEPTH_HEADER: "-1", "ARCRUN-DEPTH": "0"}])
async def test_a_component_cannot_say_another_depth(given: dict[str, str]) -> None:
    http = FakeHttpClient(respond())
    budgeted = BudgetedHttpClient(http, SubrequestBudget(100, depth=3))
    await budgeted.send(HttpRequest("GET", "https://e.test/", {"x": "1", **given}))
    assert json.dumps(http.requests[0].headers) == json.dumps({"x": "1", DEPTH_HEADER: "4"})


async def test_of_several_headers_the_greatest_counts() -> None:
    bench = build_bench({"ok": exited({"success": True, "data": {}})})
    headers = [("x-arcrun-api-key", API_KEY), (DEPTH_HEADER, "1"), (DEPTH_HEADER, "9"), (DEPTH_HEADER, "2")]
    async with build_client(bench.service, headers={}) as client:
        answer = await client.post("/execute", headers=headers, json={"component": "ok"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "RUN_TOO_DEEP")
