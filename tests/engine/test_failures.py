"""Failures: handling, retries with their waits, timeouts, cancellation, limits."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from arcrun.engine.budget import RunLimits
from arcrun.engine.engine import Trigger
from arcrun.engine.node_run import delay_before_next
from arcrun.engine.trigger import TriggerKind
from arcrun.errors import (
    ArcrunError,
    ComponentError,
    InputError,
    RateLimitedError,
    RunTimeoutError,
    SubrequestLimitError,
    UpstreamError,
)
from arcrun.workflows.model import RetryPolicy
from fakes.components import FUEL_A_CALL, Input
from fakes.contracts import constraints_source
from fakes.engine import RUN_ID, EngineBench, data, echo, failure, in_turn, statuses, taking
from fakes.ports.system import SeededRandom

pytestmark = pytest.mark.anyio

CHAIN = ["input >> PIPE >> a", "a >> PIPE >> b", "b >> PIPE >> c"]


async def raise_error(_given: Input) -> Mapping[str, Any]:
    raise ComponentError("It went wrong.", code="BAD", http_status=502)


@pytest.mark.parametrize(
    ("behaviour", "http_status"),
    [pytest.param(failure(), 422, id="returned"), pytest.param(raise_error, 502, id="raised")],
)
async def test_a_failure_fails_the_run_and_skips_what_follows(behaviour: Any, http_status: int) -> None:
    bench = EngineBench({"a": echo, "b": behaviour, "c": echo})
    record = await bench.run(CHAIN)
    assert statuses(record) == {"a": "success", "b": "failed", "c": "skipped"}
    assert ["fuel" in entry.to_json() for entry in (record.trace[0], record.trace[2])] == [True, False]
    assert record.error is not None
    assert (record.error.code, record.error.message, record.error.details) == ("BAD", "It went wrong.", {"node": "b"})
    assert record.error.http_status == http_status
    assert record.data is None


@pytest.mark.parametrize("behaviour", [failure(), raise_error], ids=["returned", "raised"])
async def test_a_failure_with_a_handler_is_no_failure_of_the_run(behaviour: Any) -> None:
    bench = EngineBench({"a": behaviour, "b": echo, "alarm": echo})
    flow = ["input >> PIPE >> a", "a >> PIPE >> b", "a >> FAIL >> alarm"]
    config = {"alarm": {"text": "failed: {{a.error.code}} {{a.error.message}}", "data": "{{a.data?}}"}}
    record = await bench.run(flow, config=config)
    assert record.error is None
    assert statuses(record) == {"a": "failed", "b": "skipped", "alarm": "success"}
    assert bench.inputs_of("alarm") == [{"text": "failed: BAD It went wrong.", "data": None}]


async def test_a_handler_that_fails_fails_the_run() -> None:
    bench = EngineBench({"a": failure(), "alarm": failure("WORSE")})
    record = await bench.run(["input >> PIPE >> a", "a >> FAIL >> alarm"])
    assert record.error is not None
    assert record.error.code == "WORSE"


async def test_a_handler_gets_what_its_config_says_and_no_more() -> None:
    bench = EngineBench({"a": failure(), "alarm": echo}, {"alarm": ["error"]})
    flow = ["input >> PIPE >> a", "a >> FAIL >> alarm"]
    await bench.run(flow)
    await bench.run(flow, config={"alarm": {"error": "{{a.error}}"}})
    assert [given.get("error", {}).get("code") for given in bench.inputs_of("alarm")] == [None, "BAD"]


@pytest.mark.parametrize(
    ("config", "code"),
    [
        pytest.param({"component": "a", "x": "{{input.missing}}"}, "UNRESOLVED_REFERENCE", id="template"),
        pytest.param({"component": "strict", "n": "{{input.text}}"}, "INVALID_INPUT", id="input"),
        pytest.param({"component": "secret"}, "CREDENTIAL_MISSING", id="credential"),
        pytest.param({"component": "a", "x": "{{credential.nobody}}"}, "CREDENTIAL_MISSING", id="credential in config"),
    ],
)
async def test_what_is_wrong_before_the_component_runs_can_be_handled_and_is_not_retried(
    config: dict[str, Any], code: str
) -> None:
    contracts = {
        "strict": {"input_schema": {"type": "object", "properties": {"n": {"type": "integer"}}}},
        "secret": {"credentials_required": [{"key": "k", "inject_as": "k", "description": "", "help_url": ""}]},
    }
    bench = EngineBench({"a": echo, "strict": echo, "secret": echo, "alarm": echo}, contracts=contracts)
    flow = ["input >> PIPE >> n", "n >> FAIL >> alarm"]
    nodes = {"n": {**config, "retry": {"max_attempts": 5}}, "alarm": {"text": "{{n.error.code}}"}}
    record = await bench.run(flow, {"text": "t"}, config=nodes)
    assert (bench.inputs_of("alarm"), record.error) == ([{"text": code}], None)
    assert record.trace[0].attempts == 0
    assert record.duration_ms == 0


async def test_an_input_that_does_not_fit_names_node_field_expected_and_got() -> None:
    schema = {"type": "object", "properties": {"to": {"type": "object", "properties": {"n": {"type": "integer"}}}}}
    bench = EngineBench({"a": echo}, contracts={"a": {"input_schema": schema}})
    record = await bench.run(["input >> PIPE >> a"], {"n": "seven"}, config={"a": {"to": {"n": "{{input.n}}"}}})
    assert record.error is not None
    assert record.error.message == '`to.n` of `a` must be integer, not string "seven".'
    assert record.error.details == {"field": "to.n", "expected": "integer", "got": 'string "seven"', "node": "a"}
    assert bench.inputs_of("a") == []


@pytest.mark.parametrize(
    ("retry", "waits_ms"),
    [
        pytest.param({"max_attempts": 4, "initial_ms": 100, "jitter": 0}, [100, 200, 400], id="exponential"),
        pytest.param({"max_attempts": 4, "backoff": "linear", "initial_ms": 100, "jitter": 0}, [100, 200, 300]),
        pytest.param({"max_attempts": 4, "backoff": "fixed", "initial_ms": 100, "jitter": 0}, [100, 100, 100]),
        pytest.param({"max_attempts": 5, "initial_ms": 100, "max_ms": 150, "jitter": 0}, [100, 150, 150, 150]),
        pytest.param({"max_attempts": 1}, [], id="one attempt"),
        pytest.param({"max_attempts": 3, "initial_ms": 0}, [0, 0], id="at once"),
    ],
)
async def test_waits_between_attempts(retry: dict[str, Any], waits_ms: list[float]) -> None:
    started_ms: list[float] = []

    async def fail(_given: Input) -> Mapping[str, Any]:
        started_ms.append(asyncio.get_running_loop().time() * 1000)
        return failure(retriable=True)

    record = await EngineBench({"a": fail}).run(["input >> PIPE >> a"], config={"a": {"retry": retry}})
    found = [round(after - before) for before, after in pairwise(started_ms)]
    assert found == waits_ms
    assert record.trace[0].attempts == len(waits_ms) + 1
    assert record.duration_ms == pytest.approx(sum(waits_ms))


async def test_a_retry_that_succeeds_is_a_success() -> None:
    bench = EngineBench({"a": in_turn(failure(retriable=True), failure(retriable=True), data(7))})
    record = await bench.run(["input >> PIPE >> a"], config={"a": {"retry": {"max_attempts": 3}}})
    assert (record.data, record.trace[0].attempts, record.trace[0].status) == (7, 3, "success")
    assert record.trace[0].fuel == 3 * FUEL_A_CALL


def test_jitter_takes_a_part_of_the_wait_that_the_random_port_draws() -> None:
    class Drawing:
        def __init__(self, drawn: bytes) -> None:
            self._drawn = drawn

        def token_bytes(self, count: int) -> bytes:
            return self._drawn * count

    error, policy = ComponentError("m", retriable=True), RetryPolicy(initial_ms=100, jitter=0.5)
    assert delay_before_next(policy, 1, error, Drawing(b"\x00")) == 100
    assert delay_before_next(policy, 1, error, Drawing(b"\xff")) == 50


def failure_of(**details: Any) -> ComponentError:
    return ComponentError("m", code="BAD", retriable=details.get("retriable", False), details=details)


@pytest.mark.parametrize(
    ("error", "delay_ms"),
    [
        pytest.param(failure_of(), None, id="one that will come again"),
        pytest.param(failure_of(retriable=True), 100, id="one that need not"),
        pytest.param(RunTimeoutError("m"), 100, id="a timeout"),
        pytest.param(UpstreamError("m"), 100, id="a store that is away"),
        pytest.param(RateLimitedError(2), 2000, id="one whose kind asks for time"),
        pytest.param(InputError("m"), None, id="an input"),
        pytest.param(failure_of(retriable=True, retry_after_s=2), 2000, id="one that asks for time"),
        pytest.param(failure_of(retriable=True, retry_after_s=0.01), 100, id="for less than the backoff"),
        pytest.param(failure_of(retriable=True, retry_after_s=3600), None, id="for too much"),
        pytest.param(failure_of(retriable=True, retry_after_s="soon"), 100, id="in words"),
        pytest.param(SubrequestLimitError("m"), None, id="the end of the run"),
    ],
)
def test_the_error_decides(error: ArcrunError, delay_ms: float | None) -> None:
    policy = RetryPolicy(initial_ms=100, jitter=0)
    assert delay_before_next(policy, 1, error, SeededRandom()) == delay_ms


@pytest.mark.parametrize(
    ("on", "error", "is_retried"),
    [
        pytest.param(("BAD",), failure_of(), True, id="a code widens"),
        pytest.param(("OTHER",), failure_of(retriable=True), False, id="another code narrows"),
        pytest.param((), failure_of(retriable=True), False, id="nothing narrows"),
        pytest.param(("404",), failure_of(status=404), True, id="a status widens"),
        pytest.param(("4xx",), failure_of(status=404), True, id="a class of statuses widens"),
        pytest.param(("429", "4xx"), failure_of(status=503, retriable=True), False, id="other statuses narrow"),
        pytest.param(("*",), failure_of(), True, id="anything"),
        pytest.param(("*",), InputError("m"), True, id="anything, an input too"),
        pytest.param(("*",), SubrequestLimitError("m"), False, id="anything but the end of the run"),
    ],
)
def test_the_policy_may_say_what_is_tried_again(on: tuple[str, ...], error: ArcrunError, is_retried: bool) -> None:
    policy = RetryPolicy(initial_ms=100, jitter=0, on=on)
    assert (delay_before_next(policy, 1, error, SeededRandom()) is not None) == is_retried


OUTSIDE = {"constraints": constraints_source(no_network_syscall=False), "allowed_hosts": ["*"]}


@pytest.mark.parametrize(
    ("error", "contract", "is_retried"),
    [
        pytest.param({}, {}, False, id="a pure component"),
        pytest.param({"retriable": True}, {}, True, id="a pure one that says so"),
        pytest.param({}, OUTSIDE, True, id="one that reaches outside"),
        pytest.param({}, {"capabilities": ["ai"]}, True, id="one that asks a model"),
        pytest.param({}, {"capabilities": ["blob"]}, True, id="one that writes files"),
        pytest.param({"retriable": False}, OUTSIDE, False, id="one outside that says no"),
        *[
            pytest.param({"status": status}, OUTSIDE, is_retried, id=f"status {status}")
            for status, is_retried in [
                (400, False),
                (401, False),
                (404, False),
                (408, True),
                (409, False),
                (425, True),
                (429, True),
                (500, True),
                (501, False),
                (505, False),
                (526, False),
                (503, True),
            ]
        ],
    ],
)
async def test_what_a_failure_says_of_itself(error: dict[str, Any], contract: dict[str, Any], is_retried: bool) -> None:
    bench = EngineBench({"a": failure(**error)}, contracts={"a": contract})
    record = await bench.run(["input >> PIPE >> a"], config={"a": {"retry": {"max_attempts": 2, "initial_ms": 0}}})
    assert record.error is not None
    assert (record.error.retriable, record.trace[0].attempts) == (is_retried, 2 if is_retried else 1)
    assert record.to_json()["error"]["retriable"] is is_retried


async def test_a_port_that_is_away_is_asked_again() -> None:
    """The credential store fails once, before the component has run."""
    bench = EngineBench({"a": echo}, secrets={"s": "secret-1"})
    reveal, answers = bench.reveal, [UpstreamError("The store is away.")]

    async def reveal_later(name: str) -> str:
        if answers:
            raise answers.pop()
        return await reveal(name)

    bench.reveal = reveal_later  # type: ignore[method-assign]
    config = {"a": {"x": "{{credential.s}}", "retry": {"max_attempts": 2, "initial_ms": 0}}}
    record = await bench.run(["input >> PIPE >> a"], config=config)
    assert (record.error, bench.inputs_of("a")) == (None, [{"x": "secret-1"}])


async def test_a_node_that_takes_too_long_fails() -> None:
    bench = EngineBench({"a": taking(50), "alarm": echo})
    flow = ["input >> PIPE >> a", "a >> FAIL >> alarm"]
    record = await bench.run(flow, config={"a": {"timeout_ms": 20}, "alarm": {"text": "{{a.error.code}}"}})
    assert bench.inputs_of("alarm") == [{"text": "NODE_TIMEOUT"}]
    assert (record.trace[0].duration_ms, record.error) == (20, None)


async def test_a_timeout_is_for_each_attempt() -> None:
    slow_then_fast = [taking(50), taking(10)]

    async def behave(given: Input) -> Mapping[str, Any]:
        output: Mapping[str, Any] = await slow_then_fast.pop(0)(given)
        return output

    config = {"a": {"timeout_ms": 20, "retry": {"max_attempts": 2, "initial_ms": 5, "jitter": 0}}}
    record = await EngineBench({"a": behave}).run(["input >> PIPE >> a"], config=config)
    assert (record.error, record.trace[0].attempts, record.duration_ms) == (None, 2, 35)
    assert record.trace[0].fuel == FUEL_A_CALL  # nobody knows what the attempt that was stopped used


async def test_a_timeout_that_the_component_knows_is_the_components() -> None:
    bench = EngineBench({"a": taking(50)}, {"a": ["timeout_ms"]})
    record = await bench.run(["input >> PIPE >> a"], config={"a": {"timeout_ms": 20}})
    assert (record.error, bench.inputs_of("a")) == (None, [{"timeout_ms": 20}])


IN_THE_FILE = "Raise timeout_ms in the workflow `"


@pytest.mark.parametrize(
    ("more", "after_ms", "limited_by", "action"),
    [
        pytest.param({"timeout_ms": 30}, 30, "workflow", IN_THE_FILE, id="the workflow's"),
        pytest.param({"client_timeout_ms": 30}, 30, "request", "?timeout_ms=300000", id="the client's"),
        pytest.param(
            {"timeout_ms": 40, "client_timeout_ms": 30}, 30, "request", "?timeout_ms=40", id="the client's is shorter"
        ),
        pytest.param(
            {"timeout_ms": 30, "client_timeout_ms": 40}, 30, "workflow", IN_THE_FILE, id="the workflow's is shorter"
        ),
    ],
)
async def test_a_run_that_takes_too_long_is_cancelled_with_what_would_help(
    more: dict[str, Any], after_ms: float, limited_by: str, action: str
) -> None:
    bench = EngineBench({"a": echo, "b": taking(1000), "c": echo})
    record = await bench.run(CHAIN, **more)
    assert record.error is not None
    assert (record.error.code, record.error.http_status, record.duration_ms) == ("RUN_TIMEOUT", 504, after_ms)
    assert (record.error.details["limit_ms"], record.error.details["limited_by"]) == (after_ms, limited_by)
    [shown] = record.error.next_actions
    assert action in shown
    assert statuses(record) == {"a": "success", "b": "failed", "c": "skipped"}
    assert record.trace[1].error is not None
    assert record.trace[1].error.code == "CANCELLED"


async def test_a_failure_cancels_what_runs_beside_it() -> None:
    ended: list[str] = []

    async def wait(_given: Input) -> Mapping[str, Any]:
        try:
            await asyncio.sleep(1000)
        finally:
            ended.append("slow")
        return data({})

    bench = EngineBench({"bad": taking(5, failure()), "slow": wait, "after": echo})
    record = await bench.run(["input >> PIPE >> bad", "input >> PIPE >> slow", "slow >> PIPE >> after"])
    assert record.error is not None
    assert (record.error.code, record.duration_ms, ended) == ("BAD", 5, ["slow"])
    assert statuses(record) == {"bad": "failed", "slow": "failed", "after": "skipped"}


async def test_a_handled_failure_cancels_nothing() -> None:
    bench = EngineBench({"bad": failure(), "slow": taking(10), "alarm": echo})
    record = await bench.run(["input >> PIPE >> bad", "input >> PIPE >> slow", "bad >> FAIL >> alarm"])
    assert statuses(record) == {"bad": "failed", "slow": "success", "alarm": "success"}


async def test_the_first_failure_is_that_of_the_run() -> None:
    bench = EngineBench({"late": taking(10, failure("LATE")), "first": taking(5, failure("FIRST"))})
    record = await bench.run(["input >> PIPE >> late", "input >> PIPE >> first"])
    assert record.error is not None
    assert record.error.code == "FIRST"


async def raise_fault(_given: Input) -> Mapping[str, Any]:
    raise ZeroDivisionError("-".join(("secret", "1")))


async def test_a_fault_of_arcrun_itself_is_a_failed_node_and_leaves_nothing_running(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ended: list[str] = []

    async def wait(_given: Input) -> Mapping[str, Any]:
        try:
            await asyncio.sleep(1000)
        finally:
            ended.append("b")
        return data({})

    record = await EngineBench({"a": raise_fault, "b": wait}).run(["input >> PIPE >> b", "input >> PIPE >> a"])
    assert ended == ["b"]
    assert record.error is not None
    assert (record.error.code, record.error.details) == ("INTERNAL", {"node": "a"})
    assert "secret-1" not in json.dumps(record.to_json())
    assert "The node a failed with an unexpected error: ZeroDivisionError" in caplog.text
    assert "secret-1" not in caplog.text


async def test_a_fault_can_be_handled_and_is_not_retried() -> None:
    bench = EngineBench({"a": raise_fault, "alarm": echo})
    config = {"a": {"retry": {"max_attempts": 3}}, "alarm": {"text": "{{a.error.code}}"}}
    record = await bench.run(["input >> PIPE >> a", "a >> FAIL >> alarm"], config=config)
    assert (record.error, record.trace[0].attempts, bench.inputs_of("alarm")) == (None, 1, [{"text": "INTERNAL"}])


@pytest.mark.parametrize(("concurrency", "took_ms"), [(1, 100), (3, 40), (16, 10)])
async def test_so_many_components_run_at_once(concurrency: int, took_ms: float) -> None:
    names = [f"n{i}" for i in range(10)]
    bench = EngineBench(dict.fromkeys(names, taking(10)))
    record = await bench.run([f"input >> PIPE >> {name}" for name in names], concurrency=concurrency)
    assert record.duration_ms == took_ms


async def test_a_run_stops_before_the_platforms_limit() -> None:
    """8 of 14 subrequests are reserved; each credential takes one."""
    secrets = {f"s{i}": f"secret-{i}" for i in range(9)}
    bench = EngineBench({"a": echo}, secrets=secrets, limits=RunLimits(14))
    config = {"a": {name: f"{{{{credential.{name}}}}}" for name in secrets}}
    record = await bench.run(["input >> PIPE >> a"], config=config)
    assert record.error is not None
    assert (record.error.code, record.error.details["limit"]) == ("SUBREQUEST_LIMIT", 14)
    assert len(record.error.next_actions) == 2


@pytest.mark.parametrize("on_error", ["stop", "continue"])
async def test_the_platforms_limit_ends_the_run_whoever_would_handle_it(on_error: str) -> None:
    secrets = {f"s{i}": f"secret-{i}" for i in range(9)}
    bench = EngineBench({"list": data({"items": [1, 2, 3]}), "a": echo, "alarm": echo}, secrets=secrets)
    bench.engine = replace(bench.engine, limits=RunLimits(14))
    flow = ["input >> PIPE >> list", "list >> FOREACH x IN list.data.items >> a", "a >> ON_FAIL >> alarm"]
    config = {
        "list": {"foreach": {"on_error": on_error}},
        "a": {**{name: f"{{{{credential.{name}}}}}" for name in secrets}, "retry": {"on": ["*"]}},
    }
    record = await bench.run(flow, config=config)
    assert record.error is not None
    assert (record.error.code, bench.inputs_of("alarm"), bench.inputs_of("a")) == ("SUBREQUEST_LIMIT", [], [])


async def test_nodes_that_want_the_same_secret_at_once_read_it_once() -> None:
    """8 of 10 subrequests are reserved, and the secret takes one."""
    bench = EngineBench({"a": echo}, secrets={"s": "secret-1"}, limits=RunLimits(10))
    nodes = [f"n{i}" for i in range(5)]
    config = {name: {"component": "a", "x": "{{credential.s}}"} for name in nodes}
    record = await bench.run([f"input >> PIPE >> {name}" for name in nodes], config=config)
    assert record.error is None
    assert bench.inputs_of("a") == [{"x": "secret-1"}] * 5


@pytest.mark.parametrize(
    ("flow", "code"),
    [
        pytest.param(["input >> PIPE >> n"], "COMPONENT_NOT_FOUND", id="component"),
        pytest.param(["input >> SUBFLOW >> n"], "WORKFLOW_NOT_FOUND", id="workflow"),
    ],
)
async def test_what_is_gone_since_the_push_fails_its_node_and_can_be_handled(flow: list[str], code: str) -> None:
    behaviours: dict[str, Any] = {"n": echo, "alarm": echo}
    workflows: dict[str, Any] = {"n": {"flow": ["input >> PIPE >> alarm"]}}
    bench = EngineBench(behaviours, workflows=workflows)
    config = {"alarm": {"text": "{{n.error.code}}"}}
    plan = bench.plan({"name": "w", "flow": [*flow, "n >> FAIL >> alarm"], "config": config})
    del behaviours["n"], workflows["n"]
    record = await bench.engine.run(plan, Trigger(TriggerKind.EXECUTE, {}), RUN_ID)
    assert (record.error, bench.inputs_of("alarm")) == (None, [{"text": code}])
    assert statuses(record) == {"n": "failed", "alarm": "success"}
