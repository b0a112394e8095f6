"""Plans stored by an earlier arcrun in format 2 still run as intended: fields that a config lacks are taken from
earlier nodes. But no optional field is taken from the trigger, because callers must not set it.

The plans are data of that version: tests/fixtures/plans_of_format_2.json.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from arcrun.engine.engine import Trigger
from arcrun.engine.record import RunRecord
from arcrun.engine.trigger import TriggerKind
from arcrun.workflows.plan import PLAN_FORMAT, load_plan
from fakes.components import Input
from fakes.engine import RUN_ID, EngineBench, data, echo, failure

pytestmark = pytest.mark.anyio

STORED = json.loads((Path(__file__).parents[1] / "fixtures" / "plans_of_format_2.json").read_text())
SCHEMA = {
    "type": "object",
    "properties": {"needed": {}, "extra": {}},
    "required": ["needed"],
    "additionalProperties": True,
}


async def run(plan: str, behaviours: Mapping[str, Any], sent: Any) -> tuple[RunRecord, EngineBench]:
    contracts = {name: {"input_schema": SCHEMA} for name in behaviours}
    called = {"flow": ["input >> PIPE >> sub"], "config": {"sub": {"needed": "{{input}}"}}}
    bench = EngineBench(behaviours, contracts=contracts, workflows={"called": called})
    record = await bench.engine.run(load_plan(STORED[plan]), Trigger(TriggerKind.EXECUTE, sent), RUN_ID)
    assert record.error is None
    return record, bench


async def test_required_fields_come_from_what_ran_before_and_then_from_the_trigger() -> None:
    sent = {"needed": "of the trigger", "note": "n"}
    _, bench = await run("implicit inputs", {"first": data({"needed": "of the step"}), "second": echo}, sent)
    assert bench.inputs_of("first") == [{"note": "n", "needed": "of the trigger"}]
    assert bench.inputs_of("second") == [{"needed": "of the step"}]


async def test_optional_fields_come_from_what_ran_before_and_never_from_the_trigger() -> None:
    sent = {"needed": 1, "extra": "evil"}
    _, bench = await run("implicit inputs", {"first": data({"extra": "of the step"}), "second": echo}, sent)
    assert bench.inputs_of("first") == [{"note": None, "needed": 1}]
    assert bench.inputs_of("second") == [{"needed": 1, "extra": "of the step"}]


async def test_the_element_of_a_trigger_sets_no_optional_field() -> None:
    sent = {"items": [{"extra": "evil"}]}
    _, bench = await run("a loop over the trigger", {"each": echo, "second": echo}, sent)
    assert bench.inputs_of("each") == [{"needed": {"extra": "evil"}}]


async def test_the_results_of_a_loop_over_the_trigger() -> None:
    sent = {"items": [1, 2], "results": "of the payload"}
    _, bench = await run("a loop over the trigger", {"each": echo, "second": echo}, sent)
    assert bench.inputs_of("second") == [{"needed": [{"needed": 1}, {"needed": 2}], "failed": []}]


@pytest.mark.parametrize(
    "answered", [[1, 2], {"items": [1, 2]}, {"n": 1, "results": [1, 2]}], ids=["whole", "items", "results"]
)
async def test_a_list_without_a_name(answered: Any) -> None:
    _, bench = await run("a list without a name", {"first": data(answered), "each": echo, "second": echo}, {})
    assert [given["needed"] for given in bench.inputs_of("each")] == [1, 2]
    assert bench.inputs_of("second")[0]["needed"] == bench.inputs_of("each")


async def test_a_sub_workflow_gets_what_came() -> None:
    _, bench = await run("a sub-workflow", {"first": data({"k": 1}), "sub": echo}, {})
    assert bench.inputs_of("sub") == [{"needed": {"k": 1}}]


async def test_retries_and_handlers() -> None:
    calls: list[Input] = []

    async def fail(given: Input) -> Mapping[str, Any]:
        calls.append(given)
        return failure(retriable=True)

    record, bench = await run("retries and a handler", {"first": fail, "second": echo}, {})
    assert (len(calls), bench.inputs_of("second")[0]["needed"]) == (2, "BAD")
    assert record.data == bench.inputs_of("second")[0]


async def test_braces_that_nothing_closes_and_those_in_keys_stand_for_themselves() -> None:
    """As in format 2."""
    plan = json.loads(json.dumps(STORED["implicit inputs"]))
    plan["graph"]["nodes"][0]["config"] = {
        "needed": "a {{input.n}} {{ b {{ c",
        "extra": {"{{input.n}}": ["{{", "}}"]},
    }
    bench = EngineBench({"first": echo, "second": echo}, contracts={"first": {"input_schema": SCHEMA}})
    await bench.engine.run(load_plan(plan), Trigger(TriggerKind.EXECUTE, {"n": 7}), RUN_ID)
    assert bench.inputs_of("first") == [{"needed": "a 7 {{ b {{ c", "extra": {"{{input.n}}": ["{{", "}}"]}}]


@pytest.mark.parametrize("plan", sorted(STORED))
async def test_a_plan_that_is_stored_again_stays_of_its_format(plan: str) -> None:
    """A rollback stores an old plan again: it must behave as before."""
    loaded = load_plan(STORED[plan])
    again = loaded.to_json()
    assert (again["format"], PLAN_FORMAT) == (2, 3)
    assert load_plan(json.loads(json.dumps(again))) == loaded
    assert [node.fills_fields for node in load_plan(again).nodes] == [True for _ in loaded.nodes]
