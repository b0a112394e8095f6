"""Proves the time limits of runs with ?async=1, and what is stored of their input until they end."""

import json
from typing import Any

import pytest

from arcrun.engine.engine import Engine, Trigger
from arcrun.engine.record import RunRecord
from arcrun.errors import UpstreamError
from arcrun.limits import MAX_ACCEPTED_MS, MAX_ACCEPTED_UNDO_MS, MAX_SHOWN_VALUE_BYTES
from arcrun.workflows.plan import Plan
from executor.accepted_runs import RECORD_TIME_MS
from fakes.components import echo
from fakes.executor import Bench, build_bench, build_client, upload_component
from fakes.modules import build_module
from fakes.wire import read_error
from fakes.workflows import ADA

pytestmark = pytest.mark.anyio

SECRET = "canary/secret-1"
MOST_MS = MAX_ACCEPTED_MS - RECORD_TIME_MS
NEEDED = {"key": "canary", "inject_as": "token", "description": "A token", "help_url": "https://e.test"}


async def push(bench: Bench, name: str = "w", flow: str = "input >> PIPE >> echo", **parts: Any) -> str:
    return (await bench.service.push({"name": name, "flow": [flow], **parts}, ADA)).stored.token


async def accept(bench: Bench, token: str, query: str = "", body: Any = None) -> Any:
    async with build_client(bench.service) as client:
        return await client.post(f"/webhooks/{token}/trigger?async=1{query}", json=body or {})


@pytest.mark.parametrize(
    ("own_ms", "asked_ms", "limit_ms"),
    [
        pytest.param(None, None, MOST_MS, id="nobody asks: the default is shortened"),
        pytest.param(10_000, None, 10_000, id="the workflow asks for less"),
        pytest.param(None, 10_000, 10_000, id="the request asks for less"),
        pytest.param(60_000, 10_000, 10_000, id="the request asks for less than the workflow"),
        pytest.param(10_000, 60_000, 10_000, id="the workflow asks for less than the request"),
        pytest.param(30_000, None, MOST_MS, id="the workflow asks for all there is"),
        pytest.param(None, 30_000, MOST_MS, id="the request asks for all there is"),
    ],
)
async def test_how_long_an_accepted_run_may_take(own_ms: int | None, asked_ms: int | None, limit_ms: int) -> None:
    bench = build_bench({"echo": echo})
    own: dict[str, Any] = {"timeout_ms": own_ms} if own_ms else {}
    token = await push(bench, **own)
    bench.background.start = lambda work: work.close()  # type: ignore[method-assign]
    accepted = await accept(bench, token, f"&timeout_ms={asked_ms}" if asked_ms else "")
    assert accepted.status_code == 202
    stored = bench.logs.look_up(accepted.json()["run_id"])
    assert (stored["status"], (stored.get("deadline_ms") or 0) - bench.clock.now_ms()) == ("running", limit_ms)


@pytest.mark.parametrize(
    ("own_ms", "asked_ms", "said"),
    [
        pytest.param(30_001, None, "the timeout_ms of the workflow is 30001.", id="the workflow's"),
        pytest.param(300_000, None, "the timeout_ms of the workflow is 300000.", id="the default, written out"),
        pytest.param(None, 30_001, "the timeout_ms of the request is 30001.", id="the request's"),
        pytest.param(900_000, 60_000, "the timeout_ms of the request is 60000.", id="both"),
    ],
)
async def test_a_longer_one_is_refused(own_ms: int | None, asked_ms: int | None, said: str) -> None:
    bench = build_bench({"echo": echo})
    own: dict[str, Any] = {"timeout_ms": own_ms} if own_ms else {}
    token = await push(bench, **own)
    bench.clock.advance(60_000)  # so that the plan is read from KV
    answer = await accept(bench, token, f"&timeout_ms={asked_ms}" if asked_ms else "")
    error = read_error(answer)
    assert error["details"] == {"most_ms": MAX_ACCEPTED_MS}
    assert (answer.status_code, error["code"]) == (400, "ACCEPTED_RUN_TOO_LONG")
    assert error["message"].endswith(said)
    assert error["next_actions"][0] == "Set a shorter limit: ?async=1&timeout_ms=30000."
    assert (bench.logs.stored, bench.background.is_idle) == ("[]", True)


@pytest.mark.parametrize(
    ("own_ms", "query", "said"),
    [
        pytest.param(45_123, "", "then the platform ends it; this one may take longer.", id="the workflow's"),
        pytest.param(
            45_123,
            "&timeout_ms=60000",
            "then the platform ends it; this one may take longer.",
            id="both, its own is less",
        ),
        pytest.param(90_000, "&timeout_ms=60000", "the timeout_ms of the request is 60000.", id="the request's"),
    ],
)
async def test_a_caller_with_only_the_url_does_not_see_the_workflow_s_own_limit(
    own_ms: int, query: str, said: str
) -> None:
    bench = build_bench({"echo": echo})
    token = await push(bench, timeout_ms=own_ms)
    async with build_client(bench.service, headers={}) as client:
        answer = await client.post(f"/webhooks/{token}/trigger?async=1{query}", json={})
    assert (answer.status_code, read_error(answer)["message"].endswith(said)) == (400, True)
    assert str(own_ms) not in answer.text


@pytest.mark.parametrize(
    "body", [{"component": "echo"}, {"workflow": {"name": "w", "flow": ["input >> PIPE >> echo"]}}]
)
async def test_what_is_not_stored_is_not_accepted(body: dict[str, Any]) -> None:
    bench = build_bench({"echo": echo})
    async with build_client(bench.service) as client:
        answers = [await client.post(f"/execute?async={value}", json=body) for value in ("1", "true", "0")]
    assert [answer.status_code for answer in answers] == [400, 400, 200]
    assert "POST /execute does not accept ?async=1" in read_error(answers[0])["message"]


async def test_a_plan_that_was_stored_earlier_says_it_by_its_number() -> None:
    bench = build_bench({"echo": echo})
    codes = []
    for timeout_ms in (300_000, 60_000):
        token = await push(bench, timeout_ms=timeout_ms)
        hook = json.loads(await bench.kv.get(f"hook:{token}") or "")
        del hook["plan"]["sets_timeout"]
        bench.kv.upload(f"hook:{token}", json.dumps(hook))
        bench.service.workflows._cached.pop(token)  # as in another isolate
        codes.append((await accept(bench, token)).status_code)
    assert codes == [202, 400]


def bench_with_secrets() -> Bench:
    bench = build_bench({"echo": echo})
    upload_component(bench.bucket, "needs", build_module(), credentials_required=[NEEDED])
    for name in ("canary", "mapped"):
        bench.store_credential(name, SECRET)
    return bench


@pytest.mark.parametrize(
    "config",
    [
        pytest.param({"component": "needs"}, id="a credential of the contract"),
        pytest.param({"component": "needs", "credentials": {"canary": "mapped"}}, id="under another name"),
        pytest.param({"component": "echo", "text": "{{credential.canary}}"}, id="one that a template names"),
    ],
)
@pytest.mark.parametrize("is_called", [False, True], ids=["directly", "in a sub-workflow"])
async def test_a_secret_in_the_input_is_not_kept(config: Any, is_called: bool) -> None:
    bench = bench_with_secrets()
    token = await push(bench, flow="input >> PIPE >> step", config={"step": config})
    if is_called:
        token = await push(bench, "outer", "input >> SUBFLOW >> w")
    bench.background.start = lambda work: work.close()  # type: ignore[method-assign]
    accepted = await accept(bench, token, body={"text": f"my {SECRET}", "n": 1})
    found = await bench.service.runs.find(accepted.json()["run_id"])
    assert found["input"] == {"text": "my [REDACTED]", "n": 1}
    assert SECRET not in bench.logs.stored


async def test_a_large_input_is_cut_as_in_a_record() -> None:
    bench = build_bench({"echo": echo})
    token = await push(bench)
    bench.background.start = lambda work: work.close()  # type: ignore[method-assign]
    accepted = await accept(bench, token, body={"x": "x" * MAX_SHOWN_VALUE_BYTES})
    found = await bench.service.runs.find(accepted.json()["run_id"])
    assert (found["input"]["_truncated"], found["input"]["bytes"]) == (True, MAX_SHOWN_VALUE_BYTES + 9)


async def test_what_the_run_will_not_find_hides_nothing() -> None:
    bench = build_bench({"echo": echo, "gone": echo})
    await push(bench, "inner", "input >> PIPE >> gone")
    token = await push(bench, "w", config={"echo": {"text": "{{credential.nobody?}}"}})
    assert (await accept(bench, token)).status_code == 202
    await bench.background.finish()


async def test_a_secret_that_cannot_be_looked_up_refuses_the_run() -> None:
    bench = bench_with_secrets()
    token = await push(bench, flow="input >> PIPE >> step", config={"step": {"component": "needs"}})

    async def fail(key: str) -> str:
        raise UpstreamError("Workers KV failed: no answer.", code="STORAGE_FAILED")

    bench.credentials.get = fail  # type: ignore[method-assign]
    answer = await accept(bench, token)
    assert (answer.status_code, read_error(answer)["code"], bench.logs.stored) == (503, "STORAGE_FAILED", "[]")
    await bench.background.finish()
    assert bench.runner.calls == []


async def test_a_run_that_cannot_be_noted_is_not_begun() -> None:
    bench = build_bench({"echo": echo})
    token = await push(bench)

    bench.logs.is_down = True
    answer = await accept(bench, token)
    assert (answer.status_code, read_error(answer)["code"]) == (503, "OBJECT_UNAVAILABLE")
    assert (bench.background.is_idle, bench.runner.calls) == (True, [])


@pytest.mark.parametrize("is_called", [False, True])
async def test_undos_need_a_part_of_its_time(is_called: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also those of a workflow that it calls, or that one."""
    bench = build_bench({"echo": echo})
    config = {"echo": {"undo": {"component": "echo"}}, "second": {"component": "echo"}}
    undoing: dict[str, Any] = {"flow": ["input >> PIPE >> echo", "echo >> PIPE >> second"], "config": config}
    if is_called:
        deeper = {"flow": ["input >> CALLS_SUBFLOW >> deepest"]}
        for name, called in (("deepest", undoing), ("deeper", deeper)):
            await bench.service.push({"name": name, **called}, ADA)
        undoing = {"flow": ["input >> CALLS_SUBFLOW >> deeper"]}
    triggers: list[Trigger] = []
    run = Engine.run

    async def note(engine: Engine, plan: Plan, trigger: Trigger, run_id: str, **more: Any) -> RunRecord:
        triggers.append(trigger)
        return await run(engine, plan, trigger, run_id, **more)

    monkeypatch.setattr(Engine, "run", note)
    token = (await bench.service.push({"name": "undoing", **undoing}, ADA)).stored.token
    assert (await accept(bench, token, "")).status_code == 202
    await bench.background.finish()
    possible_ms = MAX_ACCEPTED_MS - MAX_ACCEPTED_UNDO_MS
    assert [(it.timeout_ms, it.undo_ms) for it in triggers] == [(possible_ms - RECORD_TIME_MS, MAX_ACCEPTED_UNDO_MS)]
    refused = read_error(await accept(bench, token, f"&timeout_ms={possible_ms + 1}"))
    assert (refused["code"], refused["details"]) == ("ACCEPTED_RUN_TOO_LONG", {"most_ms": possible_ms})
