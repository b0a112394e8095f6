"""Proves the rules of requests with a key: one run and one answer for all repetitions, whatever comes between."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from arcrun.limits import MAX_IDEMPOTENCY_KEY_CHARACTERS, MAX_KEPT_ANSWER_BYTES, MAX_RUNNING_WAIT_MS
from arcrun.run_log.filter import LOST_AFTER_MS
from arcrun.wasm.abi import Execution
from executor.starts.leases import SETTLING_MS
from fakes.components import echo, exited
from fakes.executor import Bench, build_bench, build_client
from fakes.tenants import build_hosted, registration_of
from fakes.wire import read_error
from fakes.workflows import ADA

pytestmark = pytest.mark.anyio

KEY = {"key": '{{request.headers["x-delivery"]}}'}
TIMEOUT_MS = 1_000
LEASE_MS = TIMEOUT_MS + SETTLING_MS
REPLAYED = "idempotent-replayed"


def workflow_of(idempotency: Any, **more: Any) -> dict[str, Any]:
    return {
        "name": "once",
        "timeout_ms": TIMEOUT_MS,
        "triggers": {"webhook": {"methods": ["GET", "POST"], "idempotency": idempotency}},
        "flow": ["input >> PIPE >> echo", "echo >> PIPE >> output"],
        "config": {"echo": {"text": "n={{input.n?}}"}},
        **more,
    }


class Hook:
    """A workflow's webhook. `outcome` replaces what its component answers; `runs` are its calls."""

    def __init__(self, idempotency: Any = KEY, **more: Any) -> None:
        self.outcome: Execution | None = None
        self.bench: Bench = build_bench({"echo": lambda stdin: self.outcome or echo(stdin)})
        self.flow = workflow_of(idempotency, **more)

    @property
    def runs(self) -> int:
        return len(self.bench.runner.calls)

    async def send(
        self, delivery: str | None = "d1", n: Any = 1, *, query: str = "", by_name: bool = False, **sent: Any
    ) -> httpx.Response:
        """A POST by the webhook's URL; with `by_name` by the workflow's name, with the API key."""
        stored = (await self.bench.service.push(self.flow, ADA)).stored
        headers = {**({} if delivery is None else {"x-delivery": delivery}), **sent.pop("headers", {})}
        target = f"named/{stored.name}" if by_name else stored.token
        async with build_client(self.bench.service, headers=None if by_name else {}) as client:
            sent = {"json": {"n": n}, **sent}
            method = sent.pop("method", "POST")
            return await client.request(method, f"/webhooks/{target}/trigger{query}", headers=headers, **sent)

    async def finish(self) -> None:
        await self.bench.background.finish()


def fail() -> Execution:
    return exited({"success": False, "error": {"code": "BAD", "message": "m"}})


async def test_a_repetition_gets_the_first_answer_and_runs_nothing() -> None:
    hook = Hook()
    first, again = await hook.send(), await hook.send()
    assert (first.status_code, first.json()["data"], REPLAYED in first.headers) == (200, {"text": "n=1"}, False)
    assert (again.status_code, again.content, again.headers[REPLAYED]) == (200, first.content, "true")
    assert {**again.headers} == {**first.headers, REPLAYED: "true"}
    assert hook.runs == 1
    other = await hook.send("d2")
    assert (other.json()["data"], hook.runs) == ({"text": "n=1"}, 2)
    assert other.json()["run_id"] != first.json()["run_id"]


async def test_the_record_is_stored_with_the_answer_and_before_it() -> None:
    hook = Hook()
    run_id = (await hook.send()).json()["run_id"]
    hook.bench.background.drop()
    record = await hook.bench.service.runs.find(run_id)
    assert (record["status"], record["data"]) == ("success", {"text": "n=1"})
    assert await hook.bench.service.find_input(run_id) == {"n": 1}


async def test_neither_keys_nor_answers_can_be_read_in_what_is_stored() -> None:
    hook = Hook(record="none")
    await hook.send("canary-key", "canary-answer")
    rows = [row for sql in hook.bench.logs.sql.values() for row in sql.execute("SELECT * FROM request_keys")]
    assert [(row["status"], len(row["key"]), len(row["fingerprint"])) for row in rows] == [("success", 64, 64)]
    assert "canary" not in json.dumps(rows)
    assert (await hook.send("canary-key", "canary-answer")).json()["data"] == {"text": "n=canary-answer"}
    assert hook.runs == 1


# What a second request differs in, and the code that it gets: "" for the first one's answer, None for a run of its own.
SECONDS: list[Any] = [
    pytest.param({}, "", id="nothing"),
    pytest.param({"n": 2}, "IDEMPOTENCY_KEY_REUSED", id="the body"),
    pytest.param({"json": {"n": 1, "m": 1}}, "IDEMPOTENCY_KEY_REUSED", id="a field"),
    pytest.param({"query": "/more"}, "IDEMPOTENCY_KEY_REUSED", id="the path"),
    pytest.param({"query": "?a=1"}, "IDEMPOTENCY_KEY_REUSED", id="the query"),
    pytest.param({"query": "?timeout_ms=900"}, "", id="how long its client waits"),
    pytest.param({"headers": {"x-signed-at": "2"}}, "", id="another header"),
    pytest.param({"delivery": "d2"}, None, id="the key"),
    pytest.param({"delivery": "d2", "n": 2}, None, id="the key and the body"),
]


@pytest.mark.parametrize(("second", "code"), SECONDS)
async def test_what_a_repetition_is(second: Mapping[str, Any], code: str | None) -> None:
    hook = Hook()
    first, answer = await hook.send(), await hook.send(**second)
    assert hook.runs == (2 if code is None else 1)
    if code:
        error = read_error(answer)
        assert (answer.status_code, error["code"]) == (409, code)
        assert error["details"]["run_id"] == first.json()["run_id"]
    else:
        assert (answer.status_code, REPLAYED in answer.headers) == (200, code == "")


UNKEYED: list[Any] = [
    pytest.param({}, 1, id="the same"),
    pytest.param({"headers": {"x-delivery": "d2"}}, 1, id="another header"),
    pytest.param({"n": 2}, 2, id="another body"),
    pytest.param({"content": b'{"n": 1} '}, 2, id="a blank more"),
    pytest.param({"query": "/more"}, 2, id="another path"),
    pytest.param({"query": "?n=2"}, 2, id="another query"),
    pytest.param({"query": "?trace=1&timeout_ms=900"}, 1, id="parameters of arcrun"),
    pytest.param({"method": "GET"}, 2, id="another method"),
]


@pytest.mark.parametrize("setting", [True, {}], ids=["true", "a mapping"])
@pytest.mark.parametrize(("second", "runs"), UNKEYED)
async def test_without_a_key_the_request_itself_is_the_key(setting: Any, second: Any, runs: int) -> None:
    hook = Hook(setting)
    body: Any = {"content": b'{"n": 1}', "json": None, "headers": {}}
    await hook.send(None, **body)
    again = await hook.send(None, **({**body, **second} if "n" not in second else second))
    assert (hook.runs, again.status_code) == (runs, 200)


async def test_two_workflows_have_keys_of_their_own() -> None:
    hook = Hook()
    await hook.send()
    hook.flow = {**hook.flow, "name": "other"}
    await hook.send()
    assert hook.runs == 2


async def test_a_new_version_knows_the_keys_of_the_one_before() -> None:
    hook = Hook()
    first = await hook.send()
    hook.flow = workflow_of(KEY, config={"echo": {"text": "new"}})
    assert (await hook.send()).content == first.content
    assert (await hook.send("d2")).json()["data"] == {"text": "new"}


KEYS: list[Any] = [
    pytest.param(KEY, None, "IDEMPOTENCY_KEY_MISSING", id="missing"),
    pytest.param(KEY, "k" * MAX_IDEMPOTENCY_KEY_CHARACTERS, "", id="as long as allowed"),
    pytest.param(KEY, "k" * (MAX_IDEMPOTENCY_KEY_CHARACTERS + 1), "IDEMPOTENCY_KEY_INVALID", id="too long"),
    pytest.param({"key": "{{input.n.id}}"}, None, "IDEMPOTENCY_KEY_MISSING", id="no such field"),
    pytest.param(KEY, "", "IDEMPOTENCY_KEY_MISSING", id="empty"),
    pytest.param({"key": "{{input.null}}"}, None, "IDEMPOTENCY_KEY_MISSING", id="null"),
    pytest.param({"key": "{{input.n}}"}, None, "", id="a number"),
    pytest.param({"key": "{{input}}"}, None, "", id="an object"),
    pytest.param({"key": "{{request.method}} {{request.path}} {{input.n}}"}, None, "", id="several"),
]


@pytest.mark.parametrize(("setting", "delivery", "code"), KEYS)
async def test_what_a_key_may_be(setting: Any, delivery: str | None, code: str) -> None:
    hook = Hook(setting)
    answers = [await hook.send(delivery), await hook.send(delivery)]
    if code:
        assert [(it.status_code, read_error(it)["code"]) for it in answers] == [(400, code)] * 2
        assert hook.runs == 0
    else:
        assert ([it.status_code for it in answers], hook.runs) == ([200, 200], 1)


async def test_a_request_without_an_optional_key_runs_each_time() -> None:
    hook = Hook({"key": '{{request.headers["x-delivery"]?}}'})
    for _ in range(2):
        answer = await hook.send(None)
        assert (answer.status_code, REPLAYED in answer.headers) == (200, False)
    assert hook.runs == 2
    assert [REPLAYED in (await hook.send()).headers for _ in range(2)] == [False, True]


@pytest.mark.parametrize(("retries", "runs"), [(None, 2), (True, 2), (False, 1)], ids=["default", "true", "false"])
async def test_after_a_failed_run(retries: bool | None, runs: int) -> None:
    hook = Hook({**KEY, **({} if retries is None else {"retry_failed": retries})})
    hook.outcome = fail()
    first = await hook.send()
    assert first.status_code == 500
    hook.outcome = None
    second = await hook.send()
    assert hook.runs == runs
    assert second.status_code == (200 if runs == 2 else 500)
    assert second.headers.get(REPLAYED) == (None if runs == 2 else "true")
    if runs == 2:
        assert (await hook.send()).content == second.content
    else:
        assert second.content == first.content
    assert read_error(await hook.send(n=2))["code"] == "IDEMPOTENCY_KEY_REUSED"


@pytest.mark.parametrize(("setting", "statuses"), [("conflict", [200, 409, 409]), ("wait", [200, 200, 200])])
async def test_while_the_first_runs(setting: str, statuses: list[int]) -> None:
    hook = Hook({**KEY, "on_running": setting})
    answers = await asyncio.gather(*(hook.send() for _ in range(3)))
    assert sorted(it.status_code for it in answers) == statuses
    assert hook.runs == 1
    [first] = [it for it in answers if it.status_code == 200 and REPLAYED not in it.headers]
    for answer in answers:
        if answer.status_code == 409:
            error = read_error(answer)
            assert (error["code"], error["retriable"], answer.headers["retry-after"]) == ("REQUEST_RUNNING", True, "1")
            assert error["details"]["run_id"] == first.json()["run_id"]
        else:
            assert answer.content == first.content


async def claim_and_die(hook: Hook, **sent: Any) -> None:
    """A request whose run begins, and ends with its Worker."""
    task = asyncio.create_task(hook.send(**sent))
    while not hook.runs:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_the_key_of_a_run_that_died_is_free_when_its_lease_ends() -> None:
    hook = Hook()
    await claim_and_die(hook)
    assert read_error(await hook.send())["code"] == "REQUEST_RUNNING"
    assert read_error(await hook.send(n=2))["code"] == "IDEMPOTENCY_KEY_REUSED"
    hook.bench.clock.advance(LEASE_MS)
    assert [(await hook.send()).status_code, hook.runs] == [200, 2]
    assert REPLAYED in (await hook.send()).headers


@pytest.mark.parametrize(("ran_ms", "retry_after"), [(0, "1"), (1_500, "2"), (10_000, "11"), (100_000, "30")])
async def test_retry_after_grows_with_the_run(ran_ms: float, retry_after: str) -> None:
    hook = Hook(timeout_ms=600_000)
    await claim_and_die(hook)
    hook.bench.background.drop()
    hook.bench.clock.advance(ran_ms)
    assert (await hook.send()).headers["retry-after"] == retry_after


async def test_who_waits_runs_it_when_the_lease_ends() -> None:
    hook = Hook({**KEY, "on_running": "wait"})
    await claim_and_die(hook)
    began_ms = hook.bench.clock.now_ms()
    answer = await hook.send()
    assert (answer.status_code, REPLAYED in answer.headers, hook.runs) == (200, False, 2)
    assert LEASE_MS <= hook.bench.clock.now_ms() - began_ms < LEASE_MS + 2_000


@pytest.mark.parametrize("timeout_ms", [None, 700])
async def test_waiting_ends(timeout_ms: int | None) -> None:
    hook = Hook({**KEY, "on_running": "wait"}, timeout_ms=600_000)
    await claim_and_die(hook)
    began_ms = hook.bench.clock.now_ms()
    answer = await hook.send(query="" if timeout_ms is None else f"?timeout_ms={timeout_ms}")
    assert read_error(answer)["code"] == "REQUEST_RUNNING"
    assert hook.bench.clock.now_ms() - began_ms <= (timeout_ms or MAX_RUNNING_WAIT_MS)


async def test_a_key_is_kept_for_its_time() -> None:
    """Though its run might have taken longer: the workflow has the timeout of 300 s."""
    hook = Hook({**KEY, "keep_s": 60})
    await hook.send()
    hook.bench.clock.advance(59_000)
    await hook.send()
    assert hook.runs == 1
    hook.bench.clock.advance(1_001)
    again = await hook.send(n=2)  # whatever it asks for
    assert (again.json()["data"], hook.runs) == ({"text": "n=2"}, 2)


async def test_a_large_answer_is_given_once() -> None:
    hook = Hook()
    hook.outcome = exited({"success": True, "data": {"text": "x" * MAX_KEPT_ANSWER_BYTES}})
    first, again = await hook.send(), await hook.send()
    assert (first.status_code, again.status_code, hook.runs) == (200, 409, 1)
    assert read_error(again)["code"] == "IDEMPOTENT_ANSWER_NOT_STORED"


RESPONSES: list[Any] = [
    pytest.param({"status": 201, "html": "<p>{{echo.data.text}}", "headers": {"x-a": "{{input.n}}"}}, 201, id="html"),
    pytest.param({"json": {"a": "{{echo.data.text}}"}}, 200, id="json"),
    pytest.param({"redirect": "/thanks", "headers": {"set-cookie": "a=1"}}, 303, id="redirect with a cookie"),
    pytest.param({"file": {"base64": "AP8K", "content_type": "image/x"}}, 200, id="bytes"),
    pytest.param({"status": 204}, 204, id="nothing"),
]


@pytest.mark.parametrize(("response", "status"), RESPONSES)
async def test_whatever_a_workflow_answers_is_answered_again(response: Any, status: int) -> None:
    hook = Hook(response=response)
    first, again = await hook.send(), await hook.send()
    assert (first.status_code, again.status_code, again.content, hook.runs) == (status, status, first.content, 1)
    assert [pair for pair in again.headers.multi_items() if pair[0] != REPLAYED] == first.headers.multi_items()


class TestAccepted:
    async def test_the_202_is_the_answer(self) -> None:
        hook = Hook()
        first, again = await hook.send(query="?async=1"), await hook.send(query="?async=1")
        assert (first.status_code, again.status_code, again.content) == (202, 202, first.content)
        run_id = first.json()["run_id"]
        await hook.finish()
        assert (await hook.send()).json()["run_id"] == run_id
        assert (hook.runs, (await hook.bench.service.runs.find(run_id))["status"]) == (1, "success")

    async def test_one_that_has_failed_is_tried_again(self) -> None:
        hook = Hook()
        hook.outcome = fail()
        first = await hook.send(query="?async=1")
        await hook.finish()
        hook.outcome = None
        second = await hook.send(query="?async=1")
        assert second.json()["run_id"] != first.json()["run_id"]
        await hook.finish()
        assert (await hook.send(query="?async=1")).content == second.content

    @pytest.mark.parametrize("retries", [True, False])
    async def test_one_that_is_lost(self, retries: bool) -> None:
        hook = Hook({**KEY, "retry_failed": retries})
        first = await hook.send(query="?async=1")
        hook.bench.background.drop()
        hook.bench.clock.advance(TIMEOUT_MS + LOST_AFTER_MS + 1)
        second = await hook.send(query="?async=1")
        assert (second.content == first.content) is not retries

    async def test_one_that_is_not_recorded_counts_as_done(self) -> None:
        hook = Hook(record="none")
        first = await hook.send(query="?async=1")
        await hook.finish()
        assert (await hook.send(query="?async=1")).content == first.content

    async def test_one_that_is_refused_has_no_key(self) -> None:
        hook = Hook(timeout_ms=600_000)
        for _ in range(2):
            assert read_error(await hook.send(query="?async=1"))["code"] == "ACCEPTED_RUN_TOO_LONG"
        assert (await hook.send()).status_code == 200


class TestHeader:
    """Idempotency-Key, of callers with the API key."""

    async def test_it_names_a_run_of_any_workflow(self) -> None:
        hook = Hook(False)
        sent: Any = {"headers": {"idempotency-key": "k1"}, "by_name": True}
        first, again = await hook.send(**sent), await hook.send(**sent)
        assert (again.content, again.headers[REPLAYED], hook.runs) == (first.content, "true", 1)
        assert read_error(await hook.send(n=2, **sent))["code"] == "IDEMPOTENCY_KEY_REUSED"

    async def test_by_the_webhook_too_with_the_same_key(self) -> None:
        hook = Hook(False)
        first = await hook.send(headers={"idempotency-key": "k1"}, by_name=True)
        again = await hook.send(headers={"idempotency-key": "k1", "x-arcrun-api-key": "test-key-1"})
        assert (again.content, hook.runs) == (first.content, 1)

    async def test_without_the_api_key_it_means_nothing(self) -> None:
        hook = Hook(False)
        for _ in range(2):
            assert REPLAYED not in (await hook.send(headers={"idempotency-key": "k1"})).headers
        assert hook.runs == 2

    async def test_it_comes_before_the_workflows_own(self) -> None:
        hook = Hook()
        key = {"x-arcrun-api-key": "test-key-1"}
        await hook.send(headers={"idempotency-key": "k1", **key})
        await hook.send("d2", headers={"idempotency-key": "k1", **key})
        assert hook.runs == 1

    async def test_an_owners_answer_is_not_a_callers(self) -> None:
        """The owner's has a trace, or the cause of a failure."""
        hook = Hook()
        await hook.send(query="?trace=1", headers={"x-arcrun-api-key": "test-key-1"})
        answer = await hook.send()
        assert ("trace" in answer.json(), hook.runs) == (False, 2)

    @pytest.mark.parametrize("key", ["", "k" * 256])
    async def test_it_has_a_length(self, key: str) -> None:
        hook = Hook(False)
        answer = await hook.send(headers={"idempotency-key": key}, by_name=True)
        assert (answer.status_code, read_error(answer)["code"]) == (400, "IDEMPOTENCY_KEY_INVALID")


class TestFaults:
    async def test_without_the_object_nothing_runs(self) -> None:
        hook = Hook()
        hook.bench.logs.is_down = True
        answer = await hook.send()
        assert (answer.status_code, read_error(answer)["code"], hook.runs) == (503, "OBJECT_UNAVAILABLE", 0)

    async def lose_the_settlement(self, hook: Hook) -> httpx.Response:
        def die(stdin: str) -> Execution:
            hook.bench.logs.is_down = True
            return echo(stdin)

        hook.bench.runner._script = {"echo": die}
        answer = await hook.send()
        hook.bench.logs.is_down = False
        return answer

    async def test_a_run_whose_answer_cannot_be_stored_is_answered(self) -> None:
        hook = Hook()
        answer = await self.lose_the_settlement(hook)
        assert answer.status_code == 200
        await hook.finish()
        assert (await hook.bench.service.runs.find(answer.json()["run_id"]))["status"] == "success"
        assert read_error(await hook.send())["code"] == "REQUEST_RUNNING"

    async def test_unless_its_record_must_come_first(self) -> None:
        hook = Hook(record="before_answer")
        answer = await self.lose_the_settlement(hook)
        assert read_error(answer)["code"] == "RECORD_NOT_STORED"
        assert read_error(await hook.send())["code"] == "REQUEST_RUNNING"

    async def test_without_an_encryption_key_no_answer_is_kept(self) -> None:
        hook = Hook()
        runs: Any = hook.bench.service.runs
        runs._inputs._is_off = True
        assert (await hook.send()).status_code == 200
        assert read_error(await hook.send())["code"] == "IDEMPOTENT_ANSWER_NOT_STORED"
        assert hook.runs == 1


async def test_who_uses_no_key_pays_no_call() -> None:
    hook = Hook(False)
    await hook.send()
    await hook.finish()
    asked = [operation for channel in hook.bench.logs.channels.values() for operation in channel.asked]
    assert {"claim", "settle", "release"} & set(asked) == set()


async def test_a_key_costs_two_calls() -> None:
    hook = Hook()
    await hook.send()
    await hook.send("d2")
    asked = [operation for channel in hook.bench.logs.channels.values() for operation in channel.asked]
    assert sorted(op for op in asked if op in ("claim", "settle", "add")) == ["claim"] * 2 + ["settle"] * 2


async def test_a_tenants_keys_lie_in_its_workspace_and_go_with_it() -> None:
    bench = await build_hosted({"echo": echo})
    token = (await bench.ask("POST", "/webhooks", bench.keys["a"], {"workflow": workflow_of(True)})).json()["data"]
    path = f"/webhooks/{token['token']}/trigger"
    first, again = [await bench.ask("POST", path, None, {"n": "canary"}) for _ in range(2)]
    assert (first.status_code, again.content, again.headers[REPLAYED]) == (200, first.content, "true")
    assert len(bench.runner.calls) == 1
    workspace = bench.workspace_of(registration_of("a").tenant_id)
    [row] = workspace.sql.execute("SELECT * FROM request_keys")
    assert row["status"] == "success"
    assert "canary" not in json.dumps(row)
    await workspace.close()
    assert workspace.sql.execute("SELECT * FROM request_keys") == []
