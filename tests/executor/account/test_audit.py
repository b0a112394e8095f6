"""Proves the audit log over HTTP: each change writes a line with its key's id and address, and without secrets."""

from typing import Any

import pytest

from arcrun.accounts.api_keys import api_key_id_of, hash_api_key
from fakes.components import echo
from fakes.executor import API_KEY, Bench, build_bench, build_client
from fakes.wire import read_error

pytestmark = pytest.mark.anyio

FLOW = {"name": "tell", "flow": ["input >> PIPE >> echo"], "config": {"echo": {"text": "canary-text"}}}
ADDRESS = {"x-arcrun-api-key": API_KEY, "cf-connecting-ip": "2001:db8::7"}


async def ask(bench: Bench, method: str, path: str, body: Any = None, **headers: str) -> Any:
    async with build_client(bench.service, headers={**ADDRESS, **headers}) as client:
        return await client.request(method, path, json=body)


async def test_each_change_leaves_a_line() -> None:
    bench = build_bench({"echo": echo})
    token = (await ask(bench, "POST", "/webhooks", {"workflow": FLOW})).json()["data"]["token"]
    await ask(bench, "POST", "/webhooks", {"workflow": FLOW})  # changes nothing
    await ask(bench, "PUT", f"/webhooks/{token}", {"workflow": {**FLOW, "description": "new"}})
    await ask(bench, "POST", "/webhooks/named/tell/rollback", {"version": 1})
    bench.clock.advance(1_000)
    token = (await ask(bench, "POST", f"/webhooks/{token}/rotate")).json()["data"]["token"]
    await ask(bench, "POST", "/audit", {"action": "credential.put", "subjects": ["slack", "mail"]})
    zone = {"cf-connecting-ip": f"fe80::1%{'x' * 3_000}"}
    await ask(bench, "POST", "/webhooks", {"workflow": {**FLOW, "name": "other"}}, **zone)
    await ask(bench, "DELETE", f"/webhooks/{token}", **{"cf-connecting-ip": "not an address"})
    answer = await ask(bench, "GET", "/audit")
    lines = answer.json()["data"]["lines"]
    assert [(line["action"], line["subject"], line["detail"]) for line in reversed(lines)] == [
        ("workflow.push", "tell", "version 1"),
        ("workflow.push", "tell", "version 2"),
        ("workflow.rollback", "tell", "version 1"),
        ("workflow.rotate", "tell", None),
        ("credential.put", "slack", "by the command line"),
        ("credential.put", "mail", "by the command line"),
        ("workflow.push", "other", "version 1"),
        ("workflow.delete", "tell", None),
    ]
    assert {line["key_id"] for line in lines} == {api_key_id_of(hash_api_key(API_KEY))}
    assert [line["address"] for line in lines] == [None, "fe80::1", *["2001:db8::7"] * 6]
    assert [line["at"] for line in lines][-1] == "2026-09-21T14:13:20.000Z"
    assert [secret for secret in (token, API_KEY, "canary-text") if secret in answer.text] == []


async def test_a_refused_change_leaves_none() -> None:
    bench = build_bench({"echo": echo})
    refused = [
        await ask(bench, "POST", "/webhooks", {"workflow": {"name": "w", "flow": []}}),
        await ask(bench, "DELETE", f"/webhooks/{'0' * 32}"),
        await ask(bench, "POST", "/webhooks/named/nobody/rollback", {"version": 1}),
        await ask(bench, "POST", "/webhooks", {"workflow": FLOW}, **{"x-arcrun-api-key": "wrong"}),
    ]
    assert [answer.status_code for answer in refused] == [422, 404, 404, 401]
    assert (await ask(bench, "GET", "/audit")).json()["data"] == {"lines": [], "cursor": None}


async def test_the_log_has_pages() -> None:
    bench = build_bench({"echo": echo})
    for number in range(25):
        await ask(bench, "POST", "/audit", {"action": "credential.put", "subjects": [f"c{number}"]})
    found, cursor = [], ""
    while cursor is not None:
        data = (await ask(bench, "GET", f"/audit?limit=10{cursor and f'&cursor={cursor}'}")).json()["data"]
        found += [line["subject"] for line in data["lines"]]
        cursor = data["cursor"]
    assert found == [f"c{number}" for number in reversed(range(25))]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"action": "workflow.push", "subjects": ["w"]}, id="what only the executor notes"),
        pytest.param({"action": "credential.put"}, id="no subjects"),
        pytest.param({"action": "credential.put", "subjects": []}, id="none"),
        pytest.param({"action": "credential.put", "subjects": "slack"}, id="a text"),
        pytest.param({"action": "credential.put", "subjects": [5]}, id="a number"),
        pytest.param({"action": "credential.put", "subjects": ["x" * 129]}, id="too long"),
        pytest.param({"action": "credential.put", "subjects": ["x"] * 101}, id="too many"),
        pytest.param({"action": "credential.put", "subjects": ["x"], "at": "2020"}, id="a time"),
        pytest.param(["credential.put"], id="a list"),
    ],
)
async def test_a_note_that_is_none(body: Any) -> None:
    bench = build_bench({"echo": echo})
    answer = await ask(bench, "POST", "/audit", body)
    assert (answer.status_code, read_error(answer)["code"]) == (
        400,
        "UNKNOWN_KEY" if "at" in body else "INVALID_REQUEST",
    )
    assert (await ask(bench, "GET", "/audit")).json()["data"]["lines"] == []


@pytest.mark.parametrize("limit", ["0", "101", "x", "-1"])
async def test_a_limit_that_is_none(limit: str) -> None:
    bench = build_bench({"echo": echo})
    answer = await ask(bench, "GET", f"/audit?limit={limit}")
    assert (answer.status_code, read_error(answer)["code"]) == (400, "INVALID_REQUEST")
