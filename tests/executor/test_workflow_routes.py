"""Proves the routes that check, store, show, change and delete workflows."""

import json
from typing import Any

import httpx
import pytest

from arcrun.wasm.abi import Execution
from fakes.components import echo, exited
from fakes.executor import Bench, build_bench, build_client
from fakes.wire import read_error

pytestmark = pytest.mark.anyio

TEXT = "name: tell\nflow:\n  - input >> PIPE >> echo\nconfig:\n  echo: {take: input}\n"
NEWER = TEXT.replace("take: input", "text: newer")
STARTED = "2026-09-21T14:13:20.000Z"


class Executor:
    """An executor with one component, echo, and a client with its key."""

    def __init__(self) -> None:
        self.bench: Bench = build_bench({"echo": echo})

    async def send(self, method: str, path: str, body: Any = None) -> httpx.Response:
        async with build_client(self.bench.service) as client:
            return await client.request(method, path, json=body)

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request that must succeed; returns the answer's data."""
        response = await self.send(method, path, body)
        assert response.status_code in (200, 201)
        assert (response.json().keys(), response.json()["success"]) == ({"success", "data"}, True)
        return response.json()["data"]

    async def push(self, workflow: Any = TEXT) -> Any:
        return await self.ask("POST", "/webhooks", {"workflow": workflow})

    async def answer_of(self, token: str) -> Any:
        return (await self.send("POST", f"/webhooks/{token}/trigger", {"text": "hi"})).json()["data"]


@pytest.mark.parametrize(
    ("workflow", "file", "expected"),
    [
        pytest.param(TEXT, None, {"valid": True, "diagnostics": []}, id="valid"),
        pytest.param(
            TEXT.replace("PIPE", "PIP"),
            "a.yaml",
            {
                "valid": False,
                "diagnostics": [
                    {
                        "code": "UNKNOWN_RELATION",
                        "message": "unknown relation 'PIP'",
                        "hint": "Did you mean PIPE?",
                        "severity": "error",
                        "file": "a.yaml",
                        "line": 3,
                        "column": 5,
                    }
                ],
            },
            id="error with its place",
        ),
        pytest.param(
            {"name": "tell", "flow": ["input >> PIPE >> echo"], "config": {"echo": {"text": "{{credential.bot}}"}}},
            None,
            {
                "valid": True,
                "diagnostics": [
                    {
                        "code": "MISSING_CREDENTIAL",
                        "message": "`echo` needs the credential `bot`, which is not stored",
                        "hint": "Add `bot` to credentials.yaml, then: acr creds push.",
                        "severity": "warning",
                        "file": None,
                        "line": None,
                        "column": None,
                    }
                ],
            },
            id="warning",
        ),
    ],
)
async def test_validate_answers_all_diagnostics_and_stores_nothing(
    workflow: Any, file: str | None, expected: Any
) -> None:
    executor = Executor()
    assert await executor.ask("POST", "/validate", {"workflow": workflow, "file": file}) == expected
    assert (executor.bench.kv.writes, executor.bench.runner.calls) == ([], [])


@pytest.mark.parametrize(
    ("method", "path", "body", "message"),
    [
        ("POST", "/validate", {}, "`workflow` must be YAML text or an object."),
        (
            "POST",
            "/validate",
            {"workflow": TEXT, "file": 7},
            "`file` must be a string: the file name that diagnostics show.",
        ),
        ("POST", "/webhooks/named/tell/rollback", {}, "`version` must be an integer, 1 or more."),
        ("POST", "/webhooks/named/tell/rollback", {"version": 0}, "`version` must be an integer, 1 or more."),
        ("POST", "/webhooks/named/tell/rollback", {"version": "1"}, "`version` must be an integer, 1 or more."),
        ("POST", "/webhooks/named/tell/rollback", {"version": True}, "`version` must be an integer, 1 or more."),
        ("PUT", "/webhooks/x", {"workflow": 7}, "`workflow` must be YAML text or an object."),
        ("PUT", "/webhooks/x", [], "The body must be a JSON object."),
    ],
)
async def test_a_request_that_is_not_valid(method: str, path: str, body: Any, message: str) -> None:
    response = await Executor().send(method, path, body)
    error = read_error(response)
    assert (response.status_code, error["code"], error["message"]) == (400, "INVALID_REQUEST", message)


async def test_a_push_without_a_change_answers_200_and_the_same_version() -> None:
    executor = Executor()
    first = await executor.push()
    response = await executor.send("POST", "/webhooks", {"workflow": TEXT})
    unchanged = {"changed": False, "diff": {"added": [], "removed": [], "changed": []}}
    assert (response.status_code, response.json()["data"]) == (200, {**first, **unchanged})


async def test_a_changed_push_answers_the_next_version() -> None:
    executor = Executor()
    first = await executor.push()
    executor.bench.clock.advance(1_000)
    second = await executor.push(NEWER)
    assert second == {
        **first,
        "version": 2,
        "updated_at": "2026-09-21T14:13:21.000Z",
        "changed": True,
        "diff": {"added": [], "removed": [], "changed": ["echo"]},
    }


async def test_a_push_of_the_same_meaning_replaces_the_text_alone() -> None:
    executor = Executor()
    first = await executor.push()
    executor.bench.clock.advance(1_000)
    commented = f"# what it is for\n{TEXT}"
    again = await executor.push(commented)
    same = {"changed": False, "rewritten": True, "diff": {"added": [], "removed": [], "changed": []}}
    assert again == {**first, **same}
    shown = await executor.ask("GET", "/webhooks/named/tell")
    assert (shown["workflow"], shown["versions"]) == (commented, [{"version": 1, "pushed_at": STARTED}])
    assert (await executor.push(commented))["rewritten"] is False
    details = [line["detail"] for line in (await executor.ask("GET", "/audit"))["lines"]]
    assert details == ["version 1, same meaning", "version 1"]


async def test_nobody_replaces_a_version_that_they_have_not_seen() -> None:
    executor = Executor()
    await executor.ask("POST", "/webhooks", {"workflow": TEXT, "expected_version": 0})
    for expected in (0, 2):
        refused = await executor.send("POST", "/webhooks", {"workflow": NEWER, "expected_version": expected})
        assert refused.status_code == 409
        error = read_error(refused)
        assert error["code"] == "WORKFLOW_CHANGED"
        assert error["details"] == {"workflow": "tell", "version": 1, "expected_version": expected}
    assert (await executor.ask("GET", "/webhooks/named/tell"))["workflow"] == TEXT
    pushed = await executor.ask("POST", "/webhooks", {"workflow": NEWER, "expected_version": 1})
    assert (pushed["version"], pushed["changed"]) == (2, True)


@pytest.mark.parametrize("expected", [-1, "1", 1.5, True])
async def test_a_version_is_an_integer(expected: Any) -> None:
    refused = await Executor().send("POST", "/webhooks", {"workflow": TEXT, "expected_version": expected})
    assert read_error(refused)["code"] == "INVALID_REQUEST"


async def test_a_workflow_is_replaced_from_another_file_by_force_alone() -> None:
    executor = Executor()
    pushed = await executor.ask("POST", "/webhooks", {"workflow": TEXT, "file": "flows/tell.yaml"})
    other = {"workflow": NEWER, "file": "other.yaml"}
    for method, path in (("POST", "/webhooks"), ("PUT", f"/webhooks/{pushed['token']}")):
        response = await executor.send(method, path, other)
        assert response.status_code == 409
        assert read_error(response) == {
            "code": "WORKFLOW_FROM_OTHER_FILE",
            "message": "`tell` was pushed from flows/tell.yaml; this push comes from other.yaml.",
            "retriable": False,
            "next_actions": [
                "Give the workflow another name.",
                'Or, if this file replaces the other one, push with "force": true.',
            ],
            "details": {"workflow": "tell", "file": "flows/tell.yaml", "pushed_from": "other.yaml"},
        }
    forced = await executor.ask("POST", "/webhooks", {**other, "force": True})
    assert (forced["version"], forced["changed"]) == (2, True)
    assert (await executor.ask("GET", "/webhooks/named/tell"))["file"] == "other.yaml"
    assert [entry["file"] for entry in (await executor.ask("GET", "/webhooks"))["workflows"]] == ["other.yaml"]


async def test_the_file_stays_with_pushes_that_do_not_tell_it_and_with_rollbacks() -> None:
    executor = Executor()
    await executor.push()
    files = []
    for method, path, body in (
        ("POST", "/webhooks", {"workflow": TEXT, "file": "tell.yaml"}),
        ("POST", "/webhooks", {"workflow": NEWER}),
        ("POST", "/webhooks/named/tell/rollback", {"version": 1}),
        ("POST", "/webhooks", {"workflow": TEXT, "file": "flows/tell.yaml"}),
        ("POST", "/webhooks", {"workflow": TEXT, "file": "a/other.yaml", "force": True}),
    ):
        await executor.ask(method, path, body)
        files.append((await executor.ask("GET", "/webhooks/named/tell"))["file"])
    assert files == ["tell.yaml", "tell.yaml", "tell.yaml", "flows/tell.yaml", "a/other.yaml"]


FILE_MESSAGE = "`file` must be a relative path of 1 to 512 characters."


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"file": ""}, FILE_MESSAGE),
        ({"file": 7}, FILE_MESSAGE),
        ({"file": "x" * 513}, FILE_MESSAGE),
        ({"file": "/root/tell.yaml"}, FILE_MESSAGE),
        ({"file": "~/tell.yaml"}, FILE_MESSAGE),
        ({"force": "yes"}, "`force` must be true or false."),
        ({"vars": [1]}, "`vars` cannot be used: it must map names to values."),
    ],
)
async def test_a_file_that_is_not_valid(more: Any, message: str) -> None:
    response = await Executor().send("POST", "/webhooks", {"workflow": TEXT, **more})
    assert (response.status_code, read_error(response)["message"]) == (400, message)


async def test_an_earlier_version_is_shown_as_it_was_pushed_even_if_it_can_no_longer_run() -> None:
    executor = Executor()
    await executor.push()
    await executor.push(NEWER)
    shown = await executor.ask("GET", "/webhooks/named/tell/versions/1")
    assert shown == {"name": "tell", "version": 1, "pushed_at": STARTED, "workflow": TEXT, "vars": {}}
    old = {"source": TEXT, "plan": {"format": 1}, "pushed_at": STARTED}
    executor.bench.kv.upload("version:tell:000001", json.dumps(old))
    assert await executor.ask("GET", "/webhooks/named/tell/versions/1") == shown
    for path, status, code in (
        ("tell/versions/3", 404, "VERSION_NOT_FOUND"),
        ("nobody/versions/1", 404, "WORKFLOW_NOT_FOUND"),
        ("tell/versions/one", 400, "INVALID_REQUEST"),
        ("tell/versions/0", 400, "INVALID_REQUEST"),
    ):
        response = await executor.send("GET", f"/webhooks/named/{path}")
        assert (response.status_code, read_error(response)["code"]) == (status, code)


async def test_workflows_are_listed_by_name() -> None:
    executor = Executor()
    tell = await executor.push()
    other = await executor.push(TEXT.replace("tell", "another"))
    await executor.push(NEWER)
    await executor.ask("POST", "/webhooks/named/tell/rollback", {"version": 1})
    listed = await executor.ask("GET", "/webhooks")
    keys = ("name", "token", "webhook_url")
    more = {"updated_at": STARTED, "format": 3, "calls": [], "file": None, "paused": None}
    assert listed == {
        "workflows": [
            {**{key: other[key] for key in keys}, "version": 1, "latest": 1, **more},
            {**{key: tell[key] for key in keys}, "version": 1, "latest": 2, **more},
        ],
        "cursor": None,
    }


async def test_a_workflow_that_others_call_is_deleted_with_a_word_of_it() -> None:
    executor = Executor()
    token = (await executor.push())["token"]
    for name in ("first", "second", "other"):
        called = "{workflow: tell}" if name != "other" else "{component: echo}"
        relation = "PIPE" if name == "other" else "SUBFLOW"
        await executor.push(f"name: {name}\nflow: [input >> {relation} >> n]\nconfig: {{n: {called}}}")
    listed = (await executor.ask("GET", "/webhooks"))["workflows"]
    assert {entry["name"]: entry["calls"] for entry in listed} == {
        "first": ["tell"],
        "other": [],
        "second": ["tell"],
        "tell": [],
    }
    assert (await executor.ask("DELETE", f"/webhooks/{token}"))["called_by"] == ["first", "second"]


async def test_a_workflow_that_calls_too_many_to_list_is_stored_all_the_same() -> None:
    executor = Executor()
    names = [f"a_workflow_with_a_long_name_{i}" for i in range(30)]
    for name in names:
        await executor.push(TEXT.replace("tell", name))
    lines = "".join(f"  - input >> SUBFLOW >> {name}\n" for name in names)
    await executor.push(f"name: all\nflow:\n{lines}")
    listed = (await executor.ask("GET", "/webhooks"))["workflows"]
    assert next(entry for entry in listed if entry["name"] == "all")["calls"] is None


@pytest.mark.parametrize("stored", [None, "", '{"source": "x", "plan": {"format": 1}, "pushed_at": "2026"}'])
async def test_a_workflow_that_cannot_be_run_is_shown_rotated_and_deleted(stored: str | None) -> None:
    executor = Executor()
    token = (await executor.push())["token"]
    executor.bench.kv.upload("version:tell:000001", stored or "")
    shown = await executor.ask("GET", "/webhooks/named/tell")
    assert (shown["token"], shown["workflow"]) == (token, "x" if stored else None)
    rotated = await executor.ask("POST", f"/webhooks/{token}/rotate")
    assert rotated["token"] != token
    assert (await executor.ask("DELETE", f"/webhooks/{rotated['token']}"))["deleted"] is True


async def test_a_workflow_is_shown_as_it_was_pushed() -> None:
    executor = Executor()
    await executor.push()
    executor.bench.clock.advance(1_000)
    pushed = await executor.push(NEWER)
    shown = await executor.ask("GET", f"/webhooks/{pushed['token']}")
    assert await executor.ask("GET", "/webhooks/named/tell") == shown
    assert shown == {
        "name": "tell",
        "version": 2,
        "token": pushed["token"],
        "webhook_url": f"https://executor.test/webhooks/{pushed['token']}/trigger",
        "updated_at": "2026-09-21T14:13:21.000Z",
        "latest": 2,
        "file": None,
        "calls": [],
        "paused": None,
        "called_by": [],
        "refused": None,
        "steps": None,
        "vars": {},
        "workflow": NEWER,
        "versions": [
            {"version": 1, "pushed_at": STARTED},
            {"version": 2, "pushed_at": "2026-09-21T14:13:21.000Z"},
        ],
    }


async def test_a_put_replaces_the_workflow_behind_a_token() -> None:
    executor = Executor()
    token = (await executor.push())["token"]
    replaced = await executor.ask("PUT", f"/webhooks/{token}", {"workflow": NEWER})
    assert (replaced["token"], replaced["version"], replaced["changed"]) == (token, 2, True)
    assert await executor.answer_of(token) == {"text": "newer"}


async def test_a_put_of_a_workflow_with_another_name_is_refused() -> None:
    executor = Executor()
    token = (await executor.push())["token"]
    response = await executor.send("PUT", f"/webhooks/{token}", {"workflow": TEXT.replace("tell", "other")})
    assert (response.status_code, read_error(response)["code"]) == (422, "NAME_MISMATCH")
    assert [entry["name"] for entry in (await executor.ask("GET", "/webhooks"))["workflows"]] == ["tell"]


async def test_a_put_of_a_workflow_that_is_not_valid_leaves_the_old_one() -> None:
    executor = Executor()
    token = (await executor.push())["token"]
    response = await executor.send("PUT", f"/webhooks/{token}", {"workflow": "name: ["})
    assert (response.status_code, read_error(response)["code"]) == (422, "INVALID_WORKFLOW")
    assert await executor.answer_of(token) == {"text": "hi"}


async def test_a_rollback_runs_the_old_version_again() -> None:
    executor = Executor()
    token = (await executor.push())["token"]
    await executor.push(NEWER)
    rolled = await executor.ask("POST", "/webhooks/named/tell/rollback", {"version": 1})
    assert (rolled["version"], rolled["token"], rolled["webhook_url"].endswith(f"/{token}/trigger")) == (1, token, True)
    assert await executor.answer_of(token) == {"text": "hi"}


async def test_a_rotated_token_leaves_the_old_url_dead() -> None:
    executor = Executor()
    token = (await executor.push())["token"]
    rotated = await executor.ask("POST", f"/webhooks/{token}/rotate")
    response = await executor.send("POST", f"/webhooks/{token}/trigger", {})
    assert (response.status_code, read_error(response)["code"]) == (404, "WEBHOOK_NOT_FOUND")
    assert rotated["webhook_url"] == f"https://executor.test/webhooks/{rotated['token']}/trigger"
    assert await executor.answer_of(rotated["token"]) == {"text": "hi"}


async def test_a_deleted_workflow_is_gone() -> None:
    executor = Executor()
    token = (await executor.push())["token"]
    assert await executor.ask("DELETE", f"/webhooks/{token}") == {"name": "tell", "deleted": True, "called_by": []}
    for method, path in (
        ("GET", f"/webhooks/{token}"),
        ("DELETE", f"/webhooks/{token}"),
        ("POST", f"/webhooks/{token}/trigger"),
        ("POST", "/webhooks/named/tell/trigger"),
    ):
        assert (await executor.send(method, path)).status_code == 404
    assert (await executor.ask("GET", "/webhooks"))["workflows"] == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/webhooks/{}", None),
        ("PUT", "/webhooks/{}", {"workflow": TEXT}),
        ("DELETE", "/webhooks/{}", None),
        ("POST", "/webhooks/{}/rotate", None),
    ],
)
@pytest.mark.parametrize("token", ["0" * 32, "0" * 600, "tell"])
async def test_a_token_that_nobody_has(method: str, path: str, body: Any, token: str) -> None:
    response = await Executor().send(method, path.format(token), body)
    error = read_error(response)
    assert (response.status_code, error["code"]) == (404, "WEBHOOK_NOT_FOUND")
    assert token not in response.text or token == "tell"


@pytest.mark.parametrize(
    ("name", "version", "code"),
    [("tell", 7, "VERSION_NOT_FOUND"), ("nobody", 1, "WORKFLOW_NOT_FOUND"), ("n" * 600, 1, "WORKFLOW_NOT_FOUND")],
)
async def test_a_rollback_to_nothing(name: str, version: int, code: str) -> None:
    executor = Executor()
    await executor.push()
    response = await executor.send("POST", f"/webhooks/named/{name}/rollback", {"version": version})
    assert (response.status_code, read_error(response)["code"]) == (404, code)


HOSTS = ["evil.test", "evil.test:8443", "127.0.0.1:1", "localhost", "x.test/y?z#", "[::1]", "executor.test.evil.test"]


@pytest.mark.parametrize("host", HOSTS)
async def test_the_host_header_changes_no_answer(host: str) -> None:
    bench = build_bench({"echo": echo})
    async with build_client(bench.service) as client:
        pushed = (await client.post("/webhooks", json={"workflow": TEXT})).json()["data"]
        for method, path, body in (
            ("POST", "/webhooks", {"workflow": TEXT}),
            ("GET", "/webhooks", None),
            ("GET", "/webhooks/", None),
            ("GET", f"/webhooks/{pushed['token']}", None),
            ("PUT", f"/webhooks/{pushed['token']}", {"workflow": TEXT}),
            ("POST", "/webhooks/named/tell/rollback", {"version": 1}),
            ("PATCH", "/webhooks", None),
            ("GET", "/nowhere", None),
        ):
            own, other = [
                await client.request(method, path, json=body, headers=headers) for headers in ({}, {"host": host})
            ]
            assert (other.status_code, other.text, other.headers) == (own.status_code, own.text, own.headers)


@pytest.mark.parametrize(
    ("public_url", "shown"),
    [
        pytest.param("https://hooks.example.com", "https://hooks.example.com/webhooks/", id="a domain"),
        pytest.param("http://127.0.0.1:8787/", "http://127.0.0.1:8787/webhooks/", id="with a slash at its end"),
        pytest.param(None, "/webhooks/", id="not configured: the path alone"),
    ],
)
async def test_a_webhook_s_url_is_below_the_configured_one(public_url: str | None, shown: str) -> None:
    async with build_client(build_bench({"echo": echo}).service, public_url=public_url) as client:
        pushed = (await client.post("/webhooks", json={"workflow": TEXT})).json()["data"]
        listed = (await client.get("/webhooks")).json()["data"]["workflows"]
    assert pushed["webhook_url"] == listed[0]["webhook_url"] == f"{shown}{pushed['token']}/trigger"


FIND = {"name": "find", "flow": ["input >> PIPE >> echo"], "config": {"echo": {"take": "input"}}}
ASK_FLOW = ["input >> PIPE >> ask"]
ASK_TOOLS = {"find": {"workflow": "find", "description": "Finds."}}
ASK = {"name": "ask", "flow": ASK_FLOW, "config": {"ask": {"component": "llm", "tools": ASK_TOOLS}}}


def find_nothing_wrong(_stdin: str) -> Execution:
    return exited({"success": True, "data": {"valid": True, "errors": []}})


async def test_a_tool_s_workflow_that_does_not_say_what_it_takes_is_found_before_any_run() -> None:
    executor = Executor()
    executor.bench = build_bench({"echo": echo, "llm": echo, "validate_json": find_nothing_wrong})
    await executor.push(FIND)
    checked = await executor.ask("POST", "/validate", {"workflow": ASK})
    assert [(it["code"], it["severity"]) for it in checked["diagnostics"]] == [("TOOL_WITHOUT_SCHEMA", "error")]
    refused = await executor.send("POST", "/webhooks", {"workflow": ASK})
    assert (refused.status_code, read_error(refused)["details"]["diagnostics"]) == (422, checked["diagnostics"])
    together = await executor.ask("POST", "/validate", {"workflow": ASK, "workflows": ["find"]})
    assert together == {"valid": True, "diagnostics": []}
    await executor.push({**FIND, "input_schema": {"type": "object", "properties": {"id": {"type": "integer"}}}})
    assert (await executor.send("POST", "/webhooks", {"workflow": ASK})).status_code == 201
