"""The engine's settings in a node's config: defaults, bounds, and the findings beyond them."""

from typing import Any

import pytest

from arcrun.workflows.compile import require_plan
from arcrun.workflows.model import LoopPolicy, RetryPolicy
from arcrun.workflows.plan import Plan, PlannedNode, load_plan
from fakes.contracts import build_contract
from fakes.flows import compile_source, diagnose, flow_of

CREDENTIAL = {"key": "bot_token", "inject_as": "token", "description": "A token", "help_url": "https://e.test"}
CONTRACTS = {"a": build_contract(canonical_id="a", input_schema={"type": "object"}, credentials_required=[CREDENTIAL])}


def messages_in(**config: Any) -> list[str]:
    source = flow_of("input >> PIPE >> a", config={"a": config})
    found = diagnose(source, CONTRACTS)
    assert {d.code for d in found} <= {"INVALID_SETTING", "UNKNOWN_KEY"}
    return [d.message for d in found]


def node_with(**config: Any) -> PlannedNode:
    source = flow_of("input >> PIPE >> a", config={"a": config})
    [node] = require_plan(compile_source(source, CONTRACTS)).nodes
    return node


def test_the_defaults() -> None:
    node = node_with(x=1)
    assert (node.retry, node.timeout_ms, node.credentials, node.config) == (None, None, None, {"x": 1})


@pytest.mark.parametrize(
    ("retry", "expected"),
    [
        pytest.param({}, RetryPolicy(3, "exponential", 200, 30_000, 0.5), id="defaults"),
        pytest.param({"max_attempts": 1, "jitter": 0}, RetryPolicy(max_attempts=1, jitter=0), id="least"),
        pytest.param(
            {"max_attempts": 10, "backoff": "fixed", "initial_ms": 60_000, "max_ms": 60_000, "jitter": 1},
            RetryPolicy(10, "fixed", 60_000, 60_000, 1),
            id="most",
        ),
        pytest.param({"backoff": "linear", "initial_ms": 0}, RetryPolicy(backoff="linear", initial_ms=0), id="linear"),
        pytest.param({"jitter": 0.25}, RetryPolicy(jitter=0.25), id="fraction"),
        pytest.param({"on": [429, "5xx", "HTTP_TIMEOUT"]}, RetryPolicy(on=("429", "5xx", "HTTP_TIMEOUT")), id="on"),
        pytest.param({"on": ["*"]}, RetryPolicy(on=("*",)), id="on anything"),
        pytest.param({"on": []}, RetryPolicy(on=()), id="on nothing"),
    ],
)
def test_a_retry_policy(retry: dict[str, Any], expected: RetryPolicy) -> None:
    assert node_with(retry=retry).retry == expected


@pytest.mark.parametrize(
    ("retry", "message"),
    [
        ({"max_attempts": 0}, "`config.a.retry.max_attempts` must be an integer from 1 to 10"),
        ({"max_attempts": 11}, "`config.a.retry.max_attempts` must be an integer from 1 to 10"),
        ({"max_attempts": 1.5}, "`config.a.retry.max_attempts` must be an integer from 1 to 10"),
        ({"max_attempts": True}, "`config.a.retry.max_attempts` must be an integer from 1 to 10"),
        ({"max_attempts": None}, "`config.a.retry.max_attempts` must be an integer from 1 to 10"),
        ({"max_attempts": "{{input.n}}"}, "`config.a.retry.max_attempts` must be an integer from 1 to 10"),
        ({"backoff": "random"}, "`config.a.retry.backoff` must be one of exponential, linear, fixed"),
        ({"backoff": ["fixed"]}, "`config.a.retry.backoff` must be one of exponential, linear, fixed"),
        ({"initial_ms": -1}, "`config.a.retry.initial_ms` must be an integer from 0 to 60000"),
        ({"max_ms": 60_001}, "`config.a.retry.max_ms` must be an integer from 0 to 60000"),
        ({"jitter": 1.1}, "`config.a.retry.jitter` must be a number from 0 to 1"),
        ({"jitter": -0.1}, "`config.a.retry.jitter` must be a number from 0 to 1"),
        *[
            ({"on": on}, "`config.a.retry.on` must be a list of error codes and statuses")
            for on in ("429", None, {"a": 1}, [None], [["429"]], [0], [600], ["6xx"], ["timeout"], [4.29])
        ],
        ({"attempts": 3}, "unknown key `attempts` in `config.a.retry`"),
        (3, "`config.a.retry` must be a mapping with max_attempts, backoff, initial_ms, max_ms, jitter, on"),
        (None, "`config.a.retry` must be a mapping with max_attempts, backoff, initial_ms, max_ms, jitter, on"),
    ],
)
def test_a_retry_policy_that_is_not_possible(retry: Any, message: str) -> None:
    assert messages_in(retry=retry) == [message]


@pytest.mark.parametrize("timeout_ms", [1, 300_000])
def test_a_timeout(timeout_ms: int) -> None:
    assert node_with(timeout_ms=timeout_ms).timeout_ms == timeout_ms


@pytest.mark.parametrize("timeout_ms", [0, -1, 300_001, 2.5, "5000", None, True, [1]])
def test_a_timeout_that_is_not_possible(timeout_ms: Any) -> None:
    assert messages_in(timeout_ms=timeout_ms) == ["`config.a.timeout_ms` must be an integer from 1 to 300000"]


@pytest.mark.parametrize("cpu_ms", [1, 10_000])
def test_a_budget_of_computing_is_stored_with_the_plan(cpu_ms: int) -> None:
    node = node_with(cpu_ms=cpu_ms, x=1)
    assert (node.cpu_ms, node.config) == (cpu_ms, {"x": 1})
    source = flow_of("input >> PIPE >> a", config={"a": {"cpu_ms": cpu_ms}})
    plan = require_plan(compile_source(source, CONTRACTS))
    assert load_plan(plan.to_json()) == plan


def test_a_node_without_one_is_stored_as_ever() -> None:
    plan = require_plan(compile_source(flow_of("input >> PIPE >> a"), CONTRACTS))
    assert (plan.nodes[0].cpu_ms, "cpu_ms" in plan.to_json()["graph"]["nodes"][0]) == (None, False)


@pytest.mark.parametrize("cpu_ms", [0, -1, 10_001, 2.5, "500", None, True])
def test_a_budget_that_is_not_possible(cpu_ms: Any) -> None:
    assert messages_in(cpu_ms=cpu_ms) == ["`config.a.cpu_ms` must be an integer from 1 to 10000"]


def test_a_timeout_that_the_component_knows_is_its_own() -> None:
    schema = {"type": "object", "properties": {"timeout_ms": {"type": "integer"}}}
    contracts = {"a": build_contract(canonical_id="a", input_schema=schema)}
    source = flow_of("input >> PIPE >> a", config={"a": {"timeout_ms": 400_000}})
    [node] = require_plan(compile_source(source, contracts)).nodes
    assert (node.timeout_ms, node.config) == (None, {"timeout_ms": 400_000})


def test_credentials_map_the_contracts_keys() -> None:
    assert node_with(credentials={"bot_token": "my_bot"}).credentials == {"bot_token": "my_bot"}
    assert node_with(credentials={}).credentials is None


@pytest.mark.parametrize(
    "credentials", [None, "my_bot", ["bot_token"], {"bot_token": 7}, {"bot_token": None}, {7: "x"}]
)
def test_credentials_that_are_no_mapping_of_names(credentials: Any) -> None:
    assert messages_in(credentials=credentials) == [
        "`config.a.credentials` must be a mapping from the contract's keys to the names of your credentials"
    ]


def loop_plan(**foreach: Any) -> Plan:
    source = flow_of("input >> FOREACH x IN input.items >> a", config={"input": {"foreach": foreach}})
    return require_plan(compile_source(source))


@pytest.mark.parametrize(
    ("foreach", "expected"),
    [
        ({}, LoopPolicy(1, stops_on_error=True)),
        ({"concurrency": 64}, LoopPolicy(64)),
        ({"on_error": "stop"}, LoopPolicy(1, stops_on_error=True)),
        ({"on_error": "continue", "concurrency": 8}, LoopPolicy(8, stops_on_error=False)),
    ],
)
def test_a_loop_policy(foreach: dict[str, Any], expected: LoopPolicy) -> None:
    [loop] = loop_plan(**foreach).graph.loops
    assert loop.policy == expected


@pytest.mark.parametrize(
    ("foreach", "message"),
    [
        ({"concurrency": 0}, "`config.a.foreach.concurrency` must be an integer from 1 to 64"),
        ({"concurrency": 65}, "`config.a.foreach.concurrency` must be an integer from 1 to 64"),
        ({"on_error": "skip"}, "`config.a.foreach.on_error` must be one of stop, continue"),
        ({"parallel": 2}, "unknown key `parallel` in `config.a.foreach`"),
        (8, "`config.a.foreach` must be a mapping with concurrency, on_error, until, tolerate, batch"),
    ],
)
def test_a_loop_policy_that_is_not_possible(foreach: Any, message: str) -> None:
    source = flow_of("input >> PIPE >> a", "a >> FOREACH x IN a.data.items >> b", config={"a": {"foreach": foreach}})
    assert [d.message for d in diagnose(source)] == [message]


def test_a_loop_policy_without_a_loop() -> None:
    [found] = diagnose(flow_of("input >> PIPE >> a", config={"a": {"foreach": {}}}))
    assert (found.code, found.message) == ("INVALID_LOOP", "no FOREACH leaves `a`")
    assert found.hint == "Set it for the node that FOREACH leaves."


def test_a_sub_workflow_may_be_retried_and_timed() -> None:
    config = {"workflow": "other", "retry": {"max_attempts": 2}, "timeout_ms": 5, "input": {"x": "{{input.y}}"}}
    [node] = require_plan(compile_source(flow_of("input >> SUBFLOW >> s", config={"s": config}))).nodes
    assert (node.workflow, node.component, node.timeout_ms) == ("other", "workflow:other", 5)
    assert (node.retry, node.config) == (RetryPolicy(max_attempts=2), {"input": {"x": "{{input.y}}"}})


def test_a_key_that_is_near_a_setting_is_told() -> None:
    [found] = diagnose(flow_of("input >> PIPE >> a", config={"a": {"retry": {"max_atempts": 3}}}))
    assert found.hint == "Did you mean `max_attempts`?"
