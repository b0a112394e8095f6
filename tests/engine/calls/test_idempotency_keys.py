"""`idempotency_key: auto`: the same key for each attempt of a call, another for each call, as a header or a field."""

from typing import Any
from uuid import UUID

import pytest

from arcrun.engine.engine import Trigger
from arcrun.engine.trigger import TriggerKind
from arcrun.workflows.compile import require_plan
from arcrun.workflows.plan import LASTING_FORMAT, load_plan
from fakes.builtins import read_contract_sources
from fakes.contracts import build_contract
from fakes.engine import RUN_ID, EngineBench, data, echo, failure, in_turn
from fakes.flows import compile_source, diagnose, flow_of

pytestmark = pytest.mark.anyio

HTTP = read_contract_sources()["http_request"]
SEND = {"component": "http_request", "url": "https://shop.test/charge", "idempotency_key": "auto"}
CHARGE = {
    "input_schema": {
        "type": "object",
        "required": ["amount", "idempotency_key"],
        "properties": {"amount": {"type": "integer"}, "idempotency_key": {"type": "string"}},
    },
}


def build(behaviour: Any = echo, **more: Any) -> EngineBench:
    behaviours = {"http_request": behaviour, "charge": behaviour, **more.pop("behaviours", {})}
    return EngineBench(behaviours, contracts={"http_request": HTTP, "charge": CHARGE}, **more)


def keys_of(bench: EngineBench) -> list[str]:
    return [given["headers"]["Idempotency-Key"] for given in bench.inputs_of("http_request")]


async def test_the_key_is_a_header_beside_the_others_and_in_the_record() -> None:
    bench = build()
    record = await bench.run(["input >> PIPE >> a"], config={"a": {**SEND, "headers": {"x-shop": "7"}}})
    [sent] = bench.inputs_of("http_request")
    assert sent["headers"] == {"x-shop": "7", "Idempotency-Key": keys_of(bench)[0]}
    assert UUID(keys_of(bench)[0]).version == 8
    assert record.trace[0].input == sent


async def test_a_component_with_the_field_gets_it_there() -> None:
    bench = build()
    config = {"a": {"component": "charge", "amount": 5, "idempotency_key": "auto"}}
    await bench.run(["input >> PIPE >> a"], config=config)
    [sent] = bench.inputs_of("charge")
    assert (sent["amount"], UUID(sent["idempotency_key"]).version) == (5, 8)


async def test_a_key_of_the_authors_own_goes_into_the_field_as_it_is() -> None:
    bench = build()
    config = {"a": {"component": "charge", "amount": 5, "idempotency_key": "{{input.order}}"}}
    await bench.run(["input >> PIPE >> a"], {"order": "o-1"}, config=config)
    assert bench.inputs_of("charge") == [{"amount": 5, "idempotency_key": "o-1"}]


async def test_each_attempt_has_the_same_and_each_call_another() -> None:
    bench = build(in_turn(failure(retriable=True), failure(retriable=True), data({})))
    retry = {"max_attempts": 3, "initial_ms": 0}
    await bench.run(["input >> PIPE >> a", "a >> PIPE >> b"], config={"a": {**SEND, "retry": retry}, "b": SEND})
    first, second, third, other = keys_of(bench)
    assert first == second == third != other


async def test_each_element_and_each_round_has_its_own() -> None:
    bench = build()
    repeat = {"until": "b.rounds == `3`", "max": 3}
    flow = ["input >> FOREACH n IN input.list >> a", "input >> PIPE >> b"]
    await bench.run(flow, {"list": [1, 2]}, config={"a": SEND, "b": {**SEND, "repeat": repeat}})
    assert (len(keys_of(bench)), len(set(keys_of(bench)))) == (5, 5)


async def test_a_called_workflow_has_others_for_each_of_its_calls_but_not_for_its_attempts() -> None:
    inner = {"flow": ["input >> PIPE >> a", "a >> PIPE >> bad"], "config": {"a": SEND}}
    config = {
        "one": {"workflow": "inner", "input": {}, "retry": {"max_attempts": 2, "initial_ms": 0}},
        "two": {"workflow": "inner", "input": {}},
    }
    flow = ["input >> CALLS_SUBFLOW >> one", "one >> ON_FAIL >> middle", "middle >> CALLS_SUBFLOW >> two"]
    bench = build(workflows={"inner": inner}, behaviours={"bad": failure(retriable=True), "middle": data({})})
    await bench.run(flow, config=config)
    first, second, other = keys_of(bench)
    assert first == second != other


async def test_an_undo_has_its_own() -> None:
    bench = build(behaviours={"bad": failure()})
    config = {"a": {**SEND, "undo": {**SEND, "method": "DELETE"}}}
    await bench.run(["input >> PIPE >> a", "a >> PIPE >> bad"], config=config)
    done, undone = keys_of(bench)
    assert done != undone


async def test_secrets_in_headers_do_not_take_it_away() -> None:
    bench = build(secrets={"token": "secret-of-the-shop-1"})
    config = {"a": {**SEND, "headers": {"authorization": "Bearer {{credential.token}}"}}}
    record = await bench.run(["input >> PIPE >> a"], config=config)
    [sent] = bench.inputs_of("http_request")
    assert sent["headers"] == {"authorization": "Bearer secret-of-the-shop-1", "Idempotency-Key": keys_of(bench)[0]}
    assert "secret-of-the-shop-1" not in str(record.render_trace())


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        pytest.param({"IDEMPOTENCY-KEY": "own"}, {"IDEMPOTENCY-KEY": "own"}, id="a key that is taken stays"),
        pytest.param(None, None, id="none are given"),
    ],
)
async def test_headers_that_are_data(headers: Any, expected: Any) -> None:
    bench = build()
    await bench.run(["input >> PIPE >> a"], {"h": headers}, config={"a": {**SEND, "headers": "{{input.h?}}"}})
    [sent] = bench.inputs_of("http_request")
    assert sent["headers"] == (expected or {"Idempotency-Key": keys_of(bench)[0]})


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        pytest.param(
            {"component": "plain", "idempotency_key": "auto"},
            "`plain` of `a` sends no key: it has no `headers` and no `idempotency_key`",
            id="nowhere to send it",
        ),
        pytest.param(
            {**SEND, "headers": {"idempotency-key": "x"}},
            "`a` has an `Idempotency-Key` in its headers, and `idempotency_key`",
            id="twice",
        ),
        pytest.param(
            {**SEND, "idempotency_key": "mine"}, "`config.a.idempotency_key` must be one of auto", id="a word"
        ),
    ],
)
async def test_what_a_push_refuses(entry: dict[str, Any], told: str) -> None:
    plain = build_contract(canonical_id="plain", input_schema={"type": "object", "properties": {"x": {}}})
    contracts = {"http_request": build_contract(**HTTP), "plain": plain}
    [found] = diagnose(flow_of("input >> PIPE >> a", config={"a": entry}), contracts)
    assert (found.code, found.message) == ("INVALID_SETTING", told)


async def test_such_a_plan_has_a_format_of_its_own() -> None:
    source = flow_of("input >> PIPE >> a", config={"a": SEND})
    plan = require_plan(compile_source(source, {"http_request": build_contract(**HTTP)}))
    assert (plan.to_json()["format"], load_plan(plan.to_json())) == (LASTING_FORMAT, plan)


async def test_the_same_run_has_the_same_keys_again_and_another_run_others() -> None:
    plan_keys = []
    for run_id in (RUN_ID, RUN_ID, RUN_ID[:-1] + "B"):
        bench = build()
        plan = bench.plan({"name": "w", "flow": ["input >> PIPE >> a"], "config": {"a": SEND}})
        await bench.engine.run(plan, Trigger(TriggerKind.EXECUTE, {}), run_id)
        plan_keys += keys_of(bench)
    assert plan_keys[0] == plan_keys[1] != plan_keys[2]
