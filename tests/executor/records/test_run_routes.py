"""Proves the routes that start runs and show their results."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from arcrun.engine.engine import Trigger
from arcrun.engine.trigger import TriggerKind
from arcrun.limits import MAX_CURSOR_CHARACTERS
from executor.access import OwnerAccess
from executor.app import build_app
from executor.records.earlier_runs import MAX_VERSION
from fakes.components import echo, trapped
from fakes.executor import API_KEY, Bench, build_bench, build_client
from fakes.wire import read_error
from fakes.workflows import ADA

pytestmark = pytest.mark.anyio

FLOW: dict[str, Any] = {"name": "tell", "flow": ["input >> PIPE >> echo"], "config": {"echo": {"take": "input"}}}
STARTED = "2026-09-21T14:13:20.000Z"
TRIGGERS = ["/webhooks/{token}/trigger", "/webhooks/named/tell/trigger"]


class Executor:
    """An executor with FLOW stored, and a client with its key."""

    def __init__(self) -> None:
        self.bench: Bench = build_bench({"echo": echo, "trap": trapped()})
        self.token = ""

    async def push(self, workflow: Any = FLOW) -> None:
        self.token = (await self.bench.service.push(workflow, ADA)).stored.token

    async def send(self, method: str, path: str, body: Any = None) -> httpx.Response:
        async with build_client(self.bench.service) as client:
            return await client.request(method, path.format(token=self.token), json=body)

    async def runs(self, query: str = "") -> Any:
        """The list of runs, after all pending writes."""
        await self.bench.background.finish()
        return (await self.send("GET", f"/runs{query}")).json()["data"]


@pytest.fixture
async def executor() -> Executor:
    made = Executor()
    await made.push()
    return made


LINES = {"x-arcrun-api-key": API_KEY, "accept": "application/x-ndjson"}


@pytest.mark.parametrize("path", [*TRIGGERS, "/execute"])
async def test_a_run_s_owner_may_have_its_id_before_its_answer(executor: Executor, path: str) -> None:
    body = {"workflow": FLOW, "input": {"text": "hi"}} if path == "/execute" else {"text": "hi"}
    async with build_client(executor.bench.service, headers=LINES) as client:
        answer = await client.post(f"{path.format(token=executor.token)}?trace=1", json=body)
    begun, ended = [json.loads(line) for line in answer.text.splitlines()]
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-ndjson")
    assert begun == {"run_id": ended["run_id"]}
    assert (ended["data"], [entry["node"] for entry in ended["trace"]]) == ({"text": "hi"}, ["echo"])
    [listed] = (await executor.runs())["runs"]
    assert listed["run_id"] == begun["run_id"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"workflow": {**FLOW, "config": {"echo": {"component": "trap"}}}}, "COMPONENT_TRAPPED"),
        ({"workflow": "name: ["}, "INVALID_WORKFLOW"),
    ],
)
async def test_a_failure_is_the_last_line(executor: Executor, body: Any, code: str) -> None:
    async with build_client(executor.bench.service, headers=LINES) as client:
        answer = await client.post("/execute", json=body)
    last = json.loads(answer.text.splitlines()[-1])
    assert (answer.status_code, last["success"], last["error"]["code"]) == (200, False, code)


async def test_what_cannot_begin_has_no_lines(executor: Executor) -> None:
    async with build_client(executor.bench.service, headers=LINES) as client:
        answer = await client.post("/webhooks/named/nobody/trigger", json={})
    assert (answer.status_code, read_error(answer)["code"]) == (404, "WORKFLOW_NOT_FOUND")


async def test_a_caller_with_only_the_url_has_no_lines(executor: Executor) -> None:
    async with build_client(executor.bench.service, headers={"accept": "application/x-ndjson"}) as client:
        answer = await client.post(f"/webhooks/{executor.token}/trigger", json={"text": "hi"})
    assert (answer.headers["content-type"], answer.json()["data"]) == ("application/json", {"text": "hi"})


async def test_empty_lines_keep_the_connection_of_a_long_run(
    executor: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("executor.run_handlers.KEEP_ALIVE_S", 0.001)
    release, run = asyncio.Event(), executor.bench.runner.run

    async def held(*call: Any) -> Any:
        await release.wait()
        return await run(*call)

    executor.bench.runner.run = held  # type: ignore[method-assign, assignment]
    lines: list[bytes] = []

    async def send(message: Any) -> None:
        lines.append(message.get("body", b""))
        if lines.count(b"\n") == 3:
            release.set()

    app = build_app(OwnerAccess(executor.bench.service, API_KEY))
    scope = {"type": "http", "method": "POST", "path": "/webhooks/named/tell/trigger", "query_string": b"",
             "headers": [(name.encode(), value.encode()) for name, value in LINES.items()]}  # fmt: skip
    bodies = [{"type": "http.request", "body": b"{}", "more_body": False}]
    await app(scope, lambda: asyncio.sleep(0, bodies.pop()), send)
    assert lines[0] == b""
    assert (json.loads(lines[1]).keys(), set(lines[2:-2]), json.loads(lines[-2])["success"]) == (
        {"run_id"},
        {b"\n"},
        True,
    )


@pytest.mark.parametrize(("path", "kind"), [*zip(TRIGGERS, ["webhook", "name"], strict=True), ("/execute", "execute")])
async def test_a_run_is_listed_and_shown(executor: Executor, path: str, kind: str) -> None:
    body = {"workflow": FLOW, "input": {"text": "hi"}} if kind == "execute" else {"text": "hi"}
    run = (await executor.send("POST", f"{path}?trace=1", body)).json()
    verdict = {
        "run_id": run["run_id"],
        "workflow": "tell",
        "version": 0 if kind == "execute" else 1,
        "trigger": kind,
        "status": "success",
        "started_at": STARTED,
        "duration_ms": 0,
    }
    assert await executor.runs() == {"runs": [verdict], "cursor": None}
    shown = (await executor.send("GET", f"/runs/{run['run_id']}")).json()
    [entry] = run["trace"]
    assert shown == {"success": True, "data": {**verdict, "data": {"text": "hi"}, "trace": [entry]}}


async def test_a_failed_run_is_listed_with_its_error(executor: Executor) -> None:
    await executor.push({**FLOW, "config": {"echo": {"component": "trap"}}})
    response = await executor.send("POST", TRIGGERS[0])
    assert response.status_code == 502
    [listed] = (await executor.runs())["runs"]
    assert (listed["status"], listed["error"], listed["node"]) == ("failed", "COMPONENT_TRAPPED", "echo")
    shown = (await executor.send("GET", f"/runs/{response.json()['run_id']}")).json()["data"]
    assert shown["error"] == response.json()["error"]


async def test_a_component_by_itself_is_no_run(executor: Executor) -> None:
    await executor.send("POST", "/execute", {"component": "echo"})
    assert (await executor.runs())["runs"] == []


async def test_the_record_never_delays_the_answer(executor: Executor) -> None:
    await executor.send("POST", TRIGGERS[0])
    assert (executor.bench.records.writes, executor.bench.clock.slept_ms) == ([], [])


@pytest.mark.parametrize("path", TRIGGERS)
@pytest.mark.parametrize("value", ["1", "true", "yes"])
async def test_an_async_trigger_answers_202_and_runs_later(executor: Executor, path: str, value: str) -> None:
    response = await executor.send("POST", f"{path}?async={value}", {"text": "hi"})
    body = response.json()
    assert (response.status_code, body) == (
        202,
        {"success": True, "run_id": body["run_id"], "data": {"status": "running"}},
    )
    await executor.bench.background.finish()
    shown = (await executor.send("GET", f"/runs/{body['run_id']}")).json()["data"]
    assert (shown["status"], shown["data"]) == ("success", {"text": "hi"})


async def test_a_run_under_way_is_shown_as_running(executor: Executor) -> None:
    executor.bench.background.start = lambda work: work.close()  # type: ignore[method-assign]
    async with build_client(executor.bench.service) as client:
        run_id, _ = await executor.bench.service.start(
            await executor.bench.service.workflows.find(executor.token), trigger_of_a_webhook(), is_owner=True
        )
        shown = (await client.get(f"/runs/{run_id}")).json()["data"]
    assert shown == {
        "run_id": run_id,
        "workflow": "tell",
        "version": 1,
        "trigger": "webhook",
        "status": "running",
        "started_at": STARTED,
        "input": {},
    }


def trigger_of_a_webhook() -> Trigger:
    return Trigger(TriggerKind.WEBHOOK, {})


@pytest.mark.parametrize("value", ["0", "false", ""])
async def test_a_trigger_that_is_not_async(executor: Executor, value: str) -> None:
    response = await executor.send("POST", f"{TRIGGERS[0]}?async={value}", {"text": "hi"})
    assert (response.status_code, response.json()["data"]) == (200, {"text": "hi"})


@pytest.mark.parametrize("timeout", ["900000", "60000", "000000060000"])
async def test_a_timeout_of_the_client(executor: Executor, timeout: str) -> None:
    response = await executor.send("POST", f"{TRIGGERS[0]}?timeout_ms={timeout}", {"text": "hi"})
    assert response.status_code == 200


@pytest.mark.parametrize("path", [*TRIGGERS, "/execute"])
@pytest.mark.parametrize(
    "timeout", ["0", "900001", "-1", "1.5", "1e3", "", "abc", "１", "0000000019999999", "9" * 5_000]
)
async def test_a_timeout_that_is_not_possible(executor: Executor, path: str, timeout: str) -> None:
    response = await executor.send("POST", f"{path}?timeout_ms={timeout}", {"workflow": FLOW})
    error = read_error(response)
    assert (response.status_code, error["code"], error["message"]) == (
        400,
        "INVALID_REQUEST",
        "`timeout_ms` must be an integer from 1 to 900000.",
    )
    assert executor.bench.runner.calls == []


async def test_runs_are_listed_newest_first_by_pages(executor: Executor) -> None:
    ids = []
    for _ in range(3):
        ids.append((await executor.send("POST", TRIGGERS[0])).json()["run_id"])
        await executor.bench.background.finish()
        executor.bench.clock.advance(1_000)
    first = await executor.runs("?limit=2")
    rest = await executor.runs(f"?limit=2&cursor={first['cursor']}")
    assert [run["run_id"] for run in first["runs"]] == ids[:0:-1]
    assert ([run["run_id"] for run in rest["runs"]], rest["cursor"]) == ([ids[0]], None)


async def test_runs_may_be_those_of_one_workflow(executor: Executor) -> None:
    await executor.send("POST", TRIGGERS[0])
    await executor.send("POST", "/execute", {"workflow": {**FLOW, "name": "other"}})
    assert [run["workflow"] for run in (await executor.runs("?workflow=other"))["runs"]] == ["other"]
    assert len((await executor.runs())["runs"]) == 2


async def test_runs_may_be_those_that_are_asked_for(executor: Executor) -> None:
    await executor.send("POST", TRIGGERS[0])
    await executor.send("POST", "/execute", {"workflow": {**FLOW, "name": "other"}, "input": {"fail": True}})
    every = (await executor.runs())["runs"]
    started = every[0]["started_at"]
    for query, count in {
        "status=success": len([run for run in every if run["status"] == "success"]),
        "status=lost": 0,
        "trigger=execute": 1,
        "version=0": 1,
        "version=9": 0,
        "q=OTHE": 1,
        f"since={started}": 2,
        "since=2026-09-21": 2,
        "until=2026-09-21": 0,
        f"until={started}": 0,
        "since=2026-09-21T16:13:20%2B02:00": 2,
        "workflow=other&trigger=execute": 1,
    }.items():
        assert len((await executor.runs(f"?{query}"))["runs"]) == count, query


@pytest.mark.parametrize(
    "query",
    [
        "status=bad",
        "version=x",
        "version=-1",
        f"version={MAX_VERSION + 1}",
        "version=99999999999999999999",
        "since=soon",
        "until=",
        "q=" + "x" * 129,
    ],
)
async def test_what_cannot_be_asked_is_refused(executor: Executor, query: str) -> None:
    answer = await executor.send("GET", f"/runs?{query}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "INVALID_REQUEST")


async def test_what_has_been_used_is_told(executor: Executor) -> None:
    await executor.send("POST", TRIGGERS[0])
    await executor.bench.background.finish()
    data = (await executor.send("GET", "/usage")).json()["data"]
    assert (data["plan"], [each["name"] for each in data["usage"]]) == (
        "paid",
        ["rows_written", "object_requests", "kv_writes", "stored_bytes"],
    )
    rows = sum(each["rows"] for each in data["objects"])  # including those of the tables' creation
    assert data["usage"][0] == {"name": "rows_written", "used": rows, "most": None, "is_estimate": True}
    assert sum(each["runs"] for each in data["objects"]) == 1


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ("0", "`limit` must be from 1 to 100."),
        ("101", "`limit` must be from 1 to 100."),
        ("00000000010000", "`limit` must be from 1 to 100."),
        ("9" * 5_000, "`limit` must be from 1 to 100."),
        ("-1", "`limit` must be an integer, 0 or more."),
        ("x", "`limit` must be an integer, 0 or more."),
        ("", "`limit` must be an integer, 0 or more."),
        ("²", "`limit` must be an integer, 0 or more."),
    ],
)
async def test_a_limit_that_is_not_possible(executor: Executor, limit: str, message: str) -> None:
    response = await executor.send("GET", f"/runs?limit={limit}")
    error = read_error(response)
    assert (response.status_code, error["code"], error["message"]) == (400, "INVALID_REQUEST", message)


@pytest.mark.parametrize("run_id", ["0" * 26, "nobody", "0" * 600, "%F0%9F%98%80"])
async def test_a_run_that_nobody_knows(executor: Executor, run_id: str) -> None:
    response = await executor.send("GET", f"/runs/{run_id}")
    assert (response.status_code, read_error(response)["code"]) == (404, "RUN_NOT_FOUND")


@pytest.mark.parametrize(
    "path",
    [
        "/runs?cursor=zzz",
        "/runs?cursor=01KCDEFGH",
        "/runs?cursor=kv.zzz",
        f"/runs?cursor=kv.{'x' * MAX_CURSOR_CHARACTERS}",
        f"/webhooks?cursor={'9' * 5_000}",
        f"/webhooks?cursor={'x' * (MAX_CURSOR_CHARACTERS + 1)}",
        "/audit?cursor=zzz",
        "/audit?cursor=-1",
    ],
)
async def test_a_cursor_that_no_list_gave(executor: Executor, path: str) -> None:
    response = await executor.send("GET", path)
    assert (response.status_code, read_error(response)["code"]) == (400, "INVALID_CURSOR")


async def test_the_input_of_a_run_is_shown_without_the_stored_secrets(executor: Executor) -> None:
    executor.bench.store_credential("any", "secret-0123456789")
    sent = {"text": "hi", "held": ["Bearer secret-0123456789", 1, None]}
    run_id = (await executor.send("POST", TRIGGERS[0], sent)).json()["run_id"]
    await executor.bench.background.finish()
    shown = await executor.send("GET", f"/runs/{run_id}/input")
    expected = {"success": True, "data": {"input": {"text": "hi", "held": ["Bearer [REDACTED]", 1, None]}}}
    assert (shown.status_code, shown.json()) == (200, expected)


async def test_an_input_that_is_not_stored_is_told_from_an_unknown_run(executor: Executor) -> None:
    run_id = (await executor.send("POST", TRIGGERS[0], {})).json()["run_id"]
    await executor.bench.background.finish()
    for sql in executor.bench.logs.sql.values():
        sql.execute("UPDATE runs SET input = NULL")  # as without an encryption key
    for asked, code in ((run_id, "INPUT_NOT_STORED"), ("0" * 26, "RUN_NOT_FOUND")):
        answer = await executor.send("GET", f"/runs/{asked}/input")
        assert (answer.status_code, read_error(answer)["code"]) == (404, code)


async def test_the_input_needs_the_key(executor: Executor) -> None:
    run_id = (await executor.send("POST", TRIGGERS[0], {})).json()["run_id"]
    await executor.bench.background.finish()
    async with build_client(executor.bench.service, headers={}) as client:
        assert (await client.get(f"/runs/{run_id}/input")).status_code == 401
