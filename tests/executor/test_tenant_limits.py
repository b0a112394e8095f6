"""Proves that a tenant at its limit gets an error with Retry-After, and that other tenants are not affected."""

import asyncio
from typing import Any

import pytest

from arcrun.accounts.limits import (
    LIMIT_VARIABLES,
    MIN_COUNTED_BYTES,
    Isolate,
    StartLimits,
    StorageLimits,
    TenantLimits,
    TenantQuota,
    read_limits,
)
from arcrun.accounts.request_rate import COUNTED_EACH
from arcrun.errors import NotConfiguredError, RateLimitedError
from arcrun.limits import MIB
from fakes.cloudflare_rest.api import Fault
from fakes.components import echo
from fakes.executor import Script
from fakes.ports.system import FixedClock
from fakes.tenants import HostedBench, build_hosted, registration_of
from fakes.wire import read_error

pytestmark = pytest.mark.anyio

SCRIPT: Script = {"echo": echo}
FLOW: dict[str, Any] = {"name": "tell", "flow": ["input >> PIPE >> echo"], "config": {"echo": {"take": "input"}}}


async def push(bench: HostedBench, letter: str, flow: Any = FLOW) -> str:
    answer = await bench.ask("POST", "/webhooks", bench.keys[letter], {"workflow": flow})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["data"]["token"])


def hold_calls(bench: HostedBench) -> asyncio.Event:
    """Hold every call of a component until the event is set."""
    let_go, run = asyncio.Event(), bench.runner.run

    async def held(*call: Any) -> Any:
        await let_go.wait()
        return await run(*call)

    bench.runner.run = held  # type: ignore[method-assign, assignment]
    return let_go


async def test_requests_count_for_each_tenant() -> None:
    bench = await build_hosted(SCRIPT, limits=TenantLimits(requests_a_minute=60, burst_requests=3))
    answers = [await bench.ask("GET", "/webhooks", bench.keys["a"]) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert (read_error(answers[3])["code"], answers[3].headers["retry-after"]) == ("RATE_LIMITED", "1")
    assert (await bench.ask("GET", "/webhooks", bench.keys["b"])).status_code == 200
    bench.clock.advance(1_000)
    answers = [await bench.ask("GET", "/webhooks", bench.keys["a"]) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429]


async def test_the_wait_is_what_one_more_takes() -> None:
    bench = await build_hosted(SCRIPT, limits=TenantLimits(requests_a_minute=2, burst_requests=1))
    answers = [await bench.ask("GET", "/webhooks", bench.keys["a"]) for _ in range(2)]
    assert answers[1].headers["retry-after"] == "30"


async def test_what_all_isolates_of_a_location_have_let_in_counts_too() -> None:
    """One request in ten is counted: with a limit of 2, requests after the thirtieth are refused."""
    bench = await build_hosted(SCRIPT, location_requests=2)
    for _ in range(3):
        bench.access = bench.start_isolate()
        answers = [await bench.ask("POST", "/execute", bench.keys["a"], {}) for _ in range(COUNTED_EACH)]
        await bench.background.finish()
        assert {answer.status_code for answer in answers} == {400}
    refused = await bench.ask("POST", "/execute", bench.keys["a"], {})
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "60")
    assert (await bench.ask("POST", "/execute", bench.keys["b"], {})).status_code == 400
    bench.clock.advance(60_000)
    assert (await bench.ask("POST", "/execute", bench.keys["a"], {})).status_code == 400


async def test_what_an_isolate_refuses_is_not_counted() -> None:
    bench = await build_hosted(SCRIPT, limits=TenantLimits(burst_requests=COUNTED_EACH))
    answers = [await bench.ask("POST", "/execute", bench.keys["a"], {}) for _ in range(3 * COUNTED_EACH)]
    await bench.background.finish()
    assert [answer.status_code for answer in answers].count(400) == COUNTED_EACH
    assert bench.requests.taken == [f"tenant:{registration_of('a').tenant_id}"]


async def test_triggers_count_for_the_workflows_tenant() -> None:
    bench = await build_hosted(SCRIPT, limits=TenantLimits(requests_a_minute=1, burst_requests=2))
    token = await push(bench, "a")
    answers = [await bench.ask("POST", f"/webhooks/{token}/trigger", None) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429]


async def test_guesses_count_for_their_address() -> None:
    bench = await build_hosted(SCRIPT, limits=TenantLimits(burst_requests=2))
    guesses = [await bench.ask("GET", "/runs", f"guess-{i}") for i in range(2)]
    guesses.append(await bench.ask("POST", "/webhooks/guess/trigger", None))
    assert [answer.status_code for answer in guesses] == [401, 401, 429]
    elsewhere = await bench.ask("GET", "/runs", "guess", address="192.0.2.99")
    assert elsewhere.status_code == 401
    assert (await bench.ask("GET", "/webhooks", bench.keys["a"])).status_code == 200


async def test_runs_at_once_are_bounded_for_each_tenant() -> None:
    bench = await build_hosted(SCRIPT, limits=TenantLimits(concurrent_runs=2))
    tokens = {letter: await push(bench, letter) for letter in ("a", "b")}
    paths = [f"/webhooks/{tokens[letter]}/trigger" for letter in "aaaaab"]
    let_go = hold_calls(bench)
    tasks = [asyncio.ensure_future(bench.ask("POST", path, None)) for path in paths]
    finished: set[asyncio.Future[Any]] = set()
    while len(finished) < 3:  # the other three are held
        finished |= (await asyncio.wait({*tasks} - finished, return_when=asyncio.FIRST_COMPLETED))[0]
    refused = next(iter(finished)).result()
    assert {task.result().status_code for task in finished} == {429}
    let_go.set()
    answers = await asyncio.gather(*tasks)
    assert [answer.status_code for answer in answers] == [200, 200, 429, 429, 429, 200]
    assert (read_error(refused)["code"], refused.headers["retry-after"]) == ("TOO_MANY_RUNS", "1")
    assert (await bench.ask("POST", paths[0], None)).status_code == 200


async def test_an_accepted_run_keeps_its_place_until_it_ends() -> None:
    bench = await build_hosted(SCRIPT, limits=TenantLimits(concurrent_runs=1), instances=None)
    token = await push(bench, "a")
    let_go = hold_calls(bench)
    accepted = await bench.ask("POST", f"/webhooks/{token}/trigger?async=1", None)
    refused = await bench.ask("POST", f"/webhooks/{token}/trigger", None)
    let_go.set()
    await bench.background.finish()
    after = await bench.ask("POST", f"/webhooks/{token}/trigger", None)
    assert [answer.status_code for answer in (accepted, refused, after)] == [202, 429, 200]


async def test_a_run_that_could_not_be_announced_takes_no_place() -> None:
    bench = await build_hosted(SCRIPT, limits=TenantLimits(concurrent_runs=1), instances=None)
    token = await push(bench, "a")
    bench.cloudflare.faults = [Fault.SERVER_ERROR] * 5
    refused = await bench.ask("POST", f"/webhooks/{token}/trigger?async=1", None)
    assert (refused.status_code, read_error(refused)["code"]) == (503, "UPSTREAM_UNAVAILABLE")
    assert (await bench.ask("POST", f"/webhooks/{token}/trigger", None)).status_code == 200


async def test_a_request_that_the_platform_ends_gives_its_place_back_in_the_end() -> None:
    clock = FixedClock()
    quota = Isolate(TenantLimits(concurrent_runs=1, run_duration_ms=1_000), clock).quota_of("a")
    cut_off = quota.running()
    cut_off.__enter__()  # and never exit it
    with pytest.raises(RateLimitedError), quota.running():
        pass
    clock.advance(1_000)
    with quota.running():
        pass
    cut_off.__exit__(None, None, None)


async def test_a_run_has_no_more_time_than_the_tenant() -> None:
    bench = await build_hosted(SCRIPT, limits=TenantLimits(run_duration_ms=30))
    service = bench.access._services.of(await bench.register("c"))
    assert [service.quota.clamp_duration(given) for given in (None, 10, 40)] == [30, 10, 30]

    async def never(*_: Any) -> None:
        await asyncio.Event().wait()

    bench.runner.run = never  # type: ignore[method-assign, assignment]
    token = await push(bench, "a", {**FLOW, "timeout_ms": 60_000})
    triggered = await bench.ask("POST", f"/webhooks/{token}/trigger", bench.keys["a"])
    executed = await bench.ask("POST", "/execute", bench.keys["a"], {"component": "echo"})
    codes = [(answer.status_code, answer.json()["error"]["code"]) for answer in (triggered, executed)]
    assert codes == [(504, "RUN_TIMEOUT"), (504, "RUN_TIMEOUT")]
    assert triggered.json()["error"]["details"]["limited_by"] == "account"


async def test_a_node_computes_no_longer_than_a_tenant_may_let_it() -> None:
    """A workflow that was stored while the limit was higher is refused when it runs."""
    bench = await build_hosted(SCRIPT, limits=TenantLimits(node_cpu_ms=300))
    flow = [{**FLOW, "config": {"echo": {"component": "echo", "cpu_ms": cpu_ms}}} for cpu_ms in (301, 200)]
    key, said = bench.keys["a"], ("CPU_MS_LIMIT", {"cpu_ms": 301, "limit_ms": 300})
    refused = await bench.ask("POST", "/webhooks", key, {"workflow": flow[0]})
    error = refused.json()["error"]
    assert (refused.status_code, error["code"], error["details"]) == (422, *said)
    executed = await bench.ask("POST", "/execute", key, {"workflow": flow[0], "input": {}})
    assert executed.json()["error"]["code"] == "CPU_MS_LIMIT"
    assert (await bench.ask("POST", "/webhooks", key, {"workflow": flow[1]})).status_code == 201


async def test_a_tenant_is_told_the_plan() -> None:
    bench = await build_hosted(SCRIPT)
    answer = await bench.ask("GET", "/plan", bench.keys["a"])
    told = answer.json()["data"]
    account = told.pop("account")
    assert told == {"plan": "paid", "cpu_ms": None, "subrequests": 10_000, "has_sandbox": True}
    assert account == TenantLimits(burst_requests=1_000).to_json()
    assert (account["concurrent_runs"], account["stored_bytes"], account["schedules"]) == (20, 50 * MIB, 100)


async def test_a_tenant_is_told_what_it_takes_of_its_limits() -> None:
    bench = await build_hosted(SCRIPT, "a", "b")

    async def measure(letter: str) -> dict[str, tuple[int, int]]:
        answer = await bench.ask("GET", "/usage", bench.keys[letter])
        return {each["name"]: (each["used"], each["most"]) for each in answer.json()["data"]["usage"]}

    limits = TenantLimits()
    nothing = {
        "version_bytes": (0, limits.storage.stored_bytes),
        "schedules": (0, limits.starts.schedules),
        "store_bytes": (0, limits.store_bytes),
    }
    assert await measure("a") == nothing
    await push(bench, "a", {**FLOW, "triggers": {"schedule": [{"every": "1h"}, {"every": "2h"}]}})
    await bench.ask("PUT", "/stores/shared/totals/entry?key=a", bench.keys["a"], {"value": "x" * 1_000})
    taken = await measure("a")
    assert taken["version_bytes"][0] >= MIN_COUNTED_BYTES
    assert taken["schedules"][0] == 2
    assert taken["store_bytes"][0] > 1_000
    assert await measure("b") == nothing


async def enter(quota: TenantQuota, let_go: asyncio.Event, entered: list[str]) -> None:
    async with quota.node():
        entered.append(quota.tenant_id)
        await let_go.wait()


async def test_a_tenant_that_takes_every_place_leaves_some_to_whoever_comes() -> None:
    isolate = Isolate(TenantLimits(isolate_nodes=12), FixedClock())
    let_go, entered = asyncio.Event(), list[str]()
    tasks = [asyncio.ensure_future(enter(isolate.quota_of("a"), let_go, entered)) for _ in range(50)]
    await asyncio.sleep(0)
    assert entered == ["a"] * 6
    tasks += [asyncio.ensure_future(enter(isolate.quota_of("b"), let_go, entered)) for _ in range(4)]
    await asyncio.sleep(0)
    assert entered == ["a"] * 6 + ["b"] * 4
    let_go.set()
    await asyncio.gather(*tasks)
    assert (entered.count("a"), isolate.nodes.count("a"), isolate.nodes.count_others("c")) == (50, 0, 0)


async def test_a_workflow_is_as_large_as_is_allowed() -> None:
    limits = TenantLimits(storage=StorageLimits(workflow_bytes=2_000))
    bench = await build_hosted(SCRIPT, limits=limits)
    body = {"workflow": {**FLOW, "config": {"echo": {"text": "x" * 2_000}}}}
    answer = await bench.ask("POST", "/webhooks", bench.keys["a"], body)
    assert (answer.status_code, read_error(answer)["code"]) == (413, "WORKFLOW_TOO_LARGE")
    assert bench.kv_of("a").keys == []


@pytest.mark.parametrize("path", ["/webhooks", "/validate", "/execute"])
@pytest.mark.parametrize(
    "source", [pytest.param("name: w\n" * 20, id="text"), pytest.param({"n": "x" * 100}, id="object")]
)
async def test_a_workflow_is_not_read_that_would_take_too_long(path: str, source: Any) -> None:
    bench = await build_hosted(SCRIPT, limits=TenantLimits(source_characters=100))
    answer = await bench.ask("POST", path, bench.keys["a"], {"workflow": source})
    assert (answer.status_code, read_error(answer)["code"]) == (413, "WORKFLOW_TOO_LARGE")


async def test_the_versions_of_all_workflows_are_bounded() -> None:
    limits = TenantLimits(storage=StorageLimits(stored_bytes=3 * MIN_COUNTED_BYTES))
    bench = await build_hosted(SCRIPT, limits=limits)
    tokens = [await push(bench, "a", {**FLOW, "name": f"w{i}"}) for i in range(3)]
    body = {"workflow": {**FLOW, "name": "w3"}}
    refused = await bench.ask("POST", "/webhooks", bench.keys["a"], body)
    assert (refused.status_code, read_error(refused)["code"]) == (413, "STORAGE_LIMIT")
    assert (await bench.ask("POST", "/webhooks", bench.keys["b"], body)).status_code == 201
    assert (await bench.ask("DELETE", f"/webhooks/{tokens[0]}", bench.keys["a"])).status_code == 200
    assert (await bench.ask("POST", "/webhooks", bench.keys["a"], body)).status_code == 201


async def test_a_text_of_the_same_meaning_takes_the_room_of_the_one_that_it_replaces() -> None:
    bench = await build_hosted(SCRIPT, limits=TenantLimits(storage=StorageLimits(stored_bytes=MIN_COUNTED_BYTES)))
    text = "name: tell\nflow: [input >> PIPE >> echo]\n"
    await push(bench, "a", text)
    answer = await bench.ask("POST", "/webhooks", bench.keys["a"], {"workflow": f"# why\n{text}"})
    assert (answer.status_code, answer.json()["data"]["rewritten"]) == (200, True)
    shown = (await bench.ask("GET", "/webhooks/named/tell", bench.keys["a"])).json()["data"]
    assert (shown["workflow"], shown["version"]) == (f"# why\n{text}", 1)
    far = {"workflow": f"# {'x' * MIN_COUNTED_BYTES}\n{text}"}
    refused = await bench.ask("POST", "/webhooks", bench.keys["a"], far)
    assert (refused.status_code, read_error(refused)["code"]) == (413, "STORAGE_LIMIT")


READING = [
    ("GET", "/webhooks/{token}", None),
    ("POST", "/webhooks", {"workflow": FLOW}),
    ("PUT", "/webhooks/{token}", {"workflow": FLOW}),
    ("DELETE", "/webhooks/{token}", None),
    ("POST", "/webhooks/{token}/rotate", None),
    ("POST", "/webhooks/{token}/trigger", None),
    ("GET", "/webhooks/named/tell", None),
    ("GET", "/webhooks/named/tell/versions/1", None),
    ("POST", "/webhooks/named/tell/trigger", None),
    ("POST", "/webhooks/named/tell/rollback", {"version": 1}),
    ("POST", "/validate", {"workflow": FLOW}),
    ("GET", "/runs", None),
    ("GET", f"/runs/{'0' * 26}", None),
]


@pytest.mark.parametrize(("method", "path", "body"), READING)
async def test_storage_that_does_not_answer_is_named_on_every_route(method: str, path: str, body: Any) -> None:
    bench = await build_hosted(SCRIPT)
    token = await push(bench, "a")
    bench.access = bench.start_isolate()  # with empty caches
    bench.cloudflare.faults = [Fault.SERVER_ERROR] * 5
    answer = await bench.ask(method, path.format(token=token), bench.keys["a"], body)
    assert (answer.status_code, read_error(answer)["code"]) == (503, "UPSTREAM_UNAVAILABLE")
    assert int(answer.headers["retry-after"]) >= 1
    bench.cloudflare.faults.clear()
    bench.cloudflare.tokens.clear()  # as if it had been revoked
    answer = await bench.ask(method, path.format(token=token), bench.keys["a"], body)
    assert (answer.status_code, read_error(answer)["code"]) == (424, "TENANT_TOKEN_REFUSED")


async def test_a_run_whose_record_cannot_be_written_still_answers(caplog: pytest.LogCaptureFixture) -> None:
    bench = await build_hosted(SCRIPT)
    token = await push(bench, "a")
    bench.cloudflare.tokens.pop(registration_of("a").token)
    answer = await bench.ask("POST", f"/webhooks/{token}/trigger", None, {"text": "t"})
    assert (answer.status_code, answer.json()["data"]) == (200, {"text": "t"})
    await bench.background.finish()
    [logged] = caplog.messages
    assert "Records of runs could not be written, 1 so far: Cloudflare refuses the API token" in logged


async def test_a_credential_that_cannot_be_read_fails_its_node() -> None:
    bench = await build_hosted(SCRIPT)
    bench.store_credential("a", "secret", "s")
    token = await push(bench, "a", {**FLOW, "config": {"echo": {"text": "{{credential.secret}}"}}})
    bench.cloudflare.faults = [Fault.SERVER_ERROR] * 5
    answer = await bench.ask("POST", f"/webhooks/{token}/trigger", bench.keys["a"])
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["details"]["node"]) == (503, "UPSTREAM_UNAVAILABLE", "echo")


def test_variables_override_the_limits() -> None:
    default, given = TenantLimits(), {name: str(i) for i, name in enumerate(LIMIT_VARIABLES, 1)}
    assert read_limits({}) == default
    assert read_limits(dict.fromkeys(LIMIT_VARIABLES)) == default
    starts = StartLimits(11, 12, 13, 14)
    assert read_limits(given) == TenantLimits(1, 2, 3, 4, 5, 6, 7, StorageLimits(8, 9), 10, starts, 15, 16)


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "many", "²", "9" * 20])
def test_a_limit_that_is_no_number(text: str) -> None:
    with pytest.raises(NotConfiguredError, match="TENANT_CONCURRENT_RUNS"):
        read_limits({"TENANT_CONCURRENT_RUNS": text})
