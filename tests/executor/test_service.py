"""Proves what the executor does without HTTP: components get their input as JSON, workflows are checked against the
components that exist, and what was pushed is what a trigger runs.
"""

import json
from typing import Any

import pytest

from arcrun.contracts.model import Contract
from arcrun.engine.engine import Components
from arcrun.errors import ArcrunError, ComponentError, NotFoundError, WorkflowError
from fakes.components import echo, exited, trapped
from fakes.executor import Bench, build_bench, upload_component
from fakes.modules import build_module

pytestmark = pytest.mark.anyio

FLOW = {"name": "tell", "flow": ["input >> PIPE >> echo"]}


def stdins(bench: Bench) -> list[Any]:
    return [json.loads(stdin) for _, stdin in bench.runner.calls]


async def test_a_component_gets_its_input_on_stdin() -> None:
    bench = build_bench({"echo": echo})
    outcome = await bench.service.execute_component("echo", {"text": "é", "n": [1, None]})
    assert (outcome.envelope, outcome.error) == ({"success": True, "data": {"text": "é", "n": [1, None]}}, None)
    assert stdins(bench) == [{"text": "é", "n": [1, None]}]


async def test_a_component_that_fails_is_an_outcome() -> None:
    bench = build_bench({"echo": exited({"success": False, "error": {"code": "BAD", "message": "m"}})})
    outcome = await bench.service.execute_component("echo", {})
    assert outcome.envelope == {"success": False, "error": {"code": "BAD", "message": "m"}}
    assert outcome.error is not None
    assert outcome.error.code == "BAD"


async def test_a_component_of_the_bucket_runs_from_its_bytes() -> None:
    bench = build_bench({"echo": echo, "other": echo})
    upload_component(bench.bucket, "other@v2", build_module(), version="v2")
    await bench.service.execute_component("other@v2", {})
    [(component, _)] = bench.runner.calls
    assert component.id == "other"
    assert component.module is not None


async def test_a_component_that_is_missing_raises() -> None:
    with pytest.raises(ComponentError) as caught:
        await build_bench({}).service.execute_component("nope", {})
    assert caught.value.code == "COMPONENT_NOT_FOUND"


async def test_the_callers_contract_is_that_of_the_library() -> None:
    components: Components = build_bench({"echo": echo}).service.components
    contract = (await components.find("echo")).contract
    assert isinstance(contract, Contract)
    assert contract.canonical_id == "echo"


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(FLOW, id="object"),
        pytest.param("name: tell\nflow: ['input >> PIPE >> echo']", id="text"),
    ],
)
async def test_a_workflow_runs_on_its_input(source: Any) -> None:
    bench = build_bench({"echo": echo})
    record = await bench.service.execute_workflow(source, {"text": "hi", "other": 1})
    assert (record.workflow, record.data, record.error) == ("tell", {"text": "hi"}, None)
    assert stdins(bench) == [{"text": "hi"}]


async def test_executing_stores_nothing() -> None:
    bench = build_bench({"echo": echo})
    await bench.service.execute_workflow(FLOW, {})
    assert bench.kv.keys == []


async def test_a_trap_fails_the_run() -> None:
    record = await build_bench({"echo": trapped()}).service.execute_workflow(FLOW, {})
    assert record.error is not None
    assert (record.error.code, record.error.http_status) == ("COMPONENT_TRAPPED", 502)
    assert record.error.details == {"node": "echo"}


@pytest.mark.parametrize("method", ["execute_workflow", "push"])
async def test_unknown_components_are_reported_before_anything_runs(method: str) -> None:
    bench = build_bench({"echo": echo})
    source = {
        "name": "tell",
        "flow": ["input >> PIPE >> echo", "echo >> PIPE >> a", "echo >> PIPE >> b"],
        "config": {"a": {"component": "nope"}, "b": {"component": "echo@v9"}},
    }
    with pytest.raises(WorkflowError) as caught:
        await (bench.service.push(source) if method == "push" else bench.service.execute_workflow(source, {}))
    found = [(d["code"], d["message"]) for d in caught.value.details["diagnostics"]]
    assert found == [
        ("UNKNOWN_COMPONENT", "the node `a` names the component `nope`, which does not exist"),
        ("UNKNOWN_COMPONENT", "the node `b` names the component `echo@v9`, which does not exist"),
    ]
    assert (bench.runner.calls, bench.kv.keys) == ([], [])


async def test_a_component_that_cannot_be_loaded_fails_its_node_not_the_push() -> None:
    bench = build_bench({})
    upload_component(bench.bucket, "echo", b"no module")
    record = await bench.service.execute_workflow(FLOW, {})
    assert record.error is not None
    assert (record.error.code, record.error.details) == ("INVALID_MODULE", {"node": "echo"})


@pytest.mark.parametrize("by_name", [False, True])
async def test_what_was_pushed_is_what_a_trigger_runs(by_name: bool) -> None:
    bench = build_bench({"echo": echo})
    webhook = await bench.service.push({**FLOW, "config": {"echo": {"text": "for {{input.name}}"}}})
    if by_name:
        record = await bench.service.trigger_by_name("tell", {"name": "Ada"})
    else:
        record = await bench.service.trigger(webhook.token, {"name": "Ada"})
    assert record.data == {"text": "for Ada"}


async def test_a_push_replaces_what_runs() -> None:
    bench = build_bench({"echo": echo})
    first = await bench.service.push({**FLOW, "config": {"echo": {"text": "old"}}})
    second = await bench.service.push({**FLOW, "config": {"echo": {"text": "new"}}})
    assert first.token == second.token
    assert (await bench.service.trigger(first.token, {})).data == {"text": "new"}


async def test_a_trigger_reads_its_record_at_most_and_asks_no_bucket() -> None:
    bench = build_bench({"echo": echo})
    webhook = await bench.service.push(FLOW)
    bench.kv.reads.clear()
    bench.clock.advance(60_000)
    await bench.service.trigger(webhook.token, {})
    await bench.service.trigger(webhook.token, {})
    assert (bench.kv.reads, bench.bucket.reads) == ([f"hook:{webhook.token}"], [])


@pytest.mark.parametrize(
    ("source", "error_type"),
    [
        pytest.param("name: [", WorkflowError, id="broken YAML"),
        pytest.param({"name": "w"}, WorkflowError, id="no flow"),
        pytest.param({**FLOW, "config": {"echo": {"text": "{{}}"}}}, WorkflowError, id="invalid template"),
    ],
)
async def test_a_bad_workflow_is_not_pushed(source: Any, error_type: type[ArcrunError]) -> None:
    bench = build_bench({"echo": echo})
    with pytest.raises(error_type):
        await bench.service.push(source)
    assert bench.kv.writes == []


async def test_unknown_webhooks_raise() -> None:
    service = build_bench({}).service
    with pytest.raises(NotFoundError, match="no such webhook"):
        await service.trigger("0" * 32, {})
    with pytest.raises(NotFoundError, match="no workflow `tell`"):
        await service.trigger_by_name("tell", {})


async def test_time_and_randomness_come_from_the_ports() -> None:
    first, second = build_bench({"echo": echo}), build_bench({"echo": echo})
    one, two = await first.service.execute_workflow(FLOW, {}), await second.service.execute_workflow(FLOW, {})
    assert one.to_json() == two.to_json()
