"""Proves the executor's operations without HTTP: components get their input as JSON, workflows are checked against the
components that exist, and a trigger runs what was pushed.
"""

import json
from typing import Any

import pytest

from arcrun.contracts.model import Contract
from arcrun.engine.context import Components
from arcrun.engine.engine import Trigger
from arcrun.engine.trigger import TriggerKind
from arcrun.errors import ComponentError, NotFoundError, WorkflowError
from fakes.components import echo, exited, trapped
from fakes.executor import Bench, build_bench, upload_component
from fakes.modules import build_module
from fakes.workflows import ADA

pytestmark = pytest.mark.anyio

FLOW: dict[str, Any] = {"name": "tell", "flow": ["input >> PIPE >> echo"], "config": {"echo": {"take": "input"}}}
ECHO = {"component": "echo"}


def execute(input_value: Any = None) -> Trigger:
    return Trigger(TriggerKind.EXECUTE, {} if input_value is None else input_value)


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
        pytest.param("name: tell\nflow: ['input >> PIPE >> echo']\nconfig: {echo: {take: input}}", id="text"),
    ],
)
async def test_a_workflow_runs_on_its_input(source: Any) -> None:
    bench = build_bench({"echo": echo})
    record = await bench.service.execute_workflow(source, execute({"text": "hi", "other": 1}))
    assert (record.workflow, record.data, record.error) == ("tell", {"text": "hi"}, None)
    assert stdins(bench) == [{"text": "hi"}]


async def test_executing_stores_no_workflow_but_a_record() -> None:
    bench = build_bench({"echo": echo})
    record = await bench.service.execute_workflow(FLOW, execute())
    await bench.background.finish()
    assert bench.kv.keys == []
    stored = await bench.service.runs.find(record.run_id)
    assert (stored["workflow"], stored["version"], stored["trigger"]) == ("tell", 0, "execute")


async def test_a_trap_fails_the_run() -> None:
    record = await build_bench({"echo": trapped()}).service.execute_workflow(FLOW, execute())
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
        await (
            bench.service.push(source, ADA) if method == "push" else bench.service.execute_workflow(source, execute())
        )
    found = [(d["code"], d["message"]) for d in caught.value.details["diagnostics"]]
    assert found == [
        ("UNKNOWN_COMPONENT", "the node `a` names the component `nope`, which does not exist"),
        ("UNKNOWN_COMPONENT", "the node `b` names the component `echo@v9`, which does not exist"),
    ]
    assert (bench.runner.calls, bench.kv.keys) == ([], [])


async def test_a_component_that_cannot_be_loaded_is_reported_too() -> None:
    bench = build_bench({})
    upload_component(bench.bucket, "echo", b"no module")
    with pytest.raises(WorkflowError) as caught:
        await bench.service.execute_workflow(FLOW, execute())
    assert [d["code"] for d in caught.value.details["diagnostics"]] == ["INVALID_MODULE"]


@pytest.mark.parametrize("by_name", [False, True])
async def test_what_was_pushed_is_what_a_trigger_runs(by_name: bool) -> None:
    bench = build_bench({"echo": echo})
    push = await bench.service.push({**FLOW, "config": {"echo": {"text": "for {{input.name}}"}}}, ADA)
    find = bench.service.workflows.find_by_name("tell") if by_name else bench.service.workflows.find(push.stored.token)
    record = await bench.service.run(await find, Trigger(TriggerKind.WEBHOOK, {"name": "Ada"}))
    assert (record.data, record.workflow, record.version) == ({"text": "for Ada"}, "tell", 1)


async def test_a_push_replaces_what_runs() -> None:
    bench = build_bench({"echo": echo})
    first = await bench.service.push({**FLOW, "config": {"echo": {"text": "old"}}}, ADA)
    second = await bench.service.push({**FLOW, "config": {"echo": {"text": "new"}}}, ADA)
    assert first.stored.token == second.stored.token
    found = await bench.service.workflows.find(first.stored.token)
    assert (await bench.service.run(found, execute())).data == {"text": "new"}


async def test_a_push_says_what_is_new() -> None:
    bench = build_bench({"echo": echo})
    pushes = [
        await bench.service.push(source, ADA)
        for source in (
            FLOW,
            FLOW,
            {**FLOW, "flow": [*FLOW["flow"], "echo >> PIPE >> b"], "config": {**FLOW["config"], "b": ECHO}},
        )
    ]
    assert [(push.changed, push.stored.version) for push in pushes] == [(True, 1), (False, 1), (True, 2)]
    assert [push.diff.to_json() for push in pushes] == [
        {"added": ["echo"], "removed": [], "changed": []},
        {"added": [], "removed": [], "changed": []},
        {"added": ["b"], "removed": [], "changed": []},
    ]


async def test_a_push_that_rolls_back_by_hand_is_a_change() -> None:
    bench = build_bench({"echo": echo})
    await bench.service.push(FLOW, ADA)
    await bench.service.push({**FLOW, "description": "d"}, ADA)
    push = await bench.service.push(FLOW, ADA)
    assert (push.changed, push.stored.version) == (True, 3)


async def test_a_push_over_a_plan_of_another_arcrun_repairs_it() -> None:
    bench = build_bench({"echo": echo})
    token = (await bench.service.push(FLOW, ADA)).stored.token
    for key in (f"hook:{token}", "version:tell:000001"):
        stored = json.loads(await bench.kv.get(key) or "")
        bench.kv.upload(key, json.dumps({**stored, "plan": {"format": 1}}))
    bench.clock.advance(60_000)
    push = await bench.service.push(FLOW, ADA, token)
    assert (push.changed, push.stored.token) == (True, token)
    assert (await bench.service.run(await bench.service.workflows.find(token), execute())).error is None


async def test_a_trigger_asks_for_its_head_at_most() -> None:
    bench = build_bench({"echo": echo})
    token = (await bench.service.push(FLOW, ADA)).stored.token
    bench.kv.reads.clear()
    bench.workspace.channel.asked.clear()
    bench.clock.advance(60_000)
    for _ in range(2):
        await bench.service.run(await bench.service.workflows.find(token), execute())
    assert (bench.kv.reads, bench.bucket.reads, bench.workspace.channel.asked) == ([], [], ["look"])


async def test_a_run_may_call_a_stored_workflow() -> None:
    bench = build_bench({"echo": echo})
    await bench.service.push(FLOW, ADA)
    outer = {"name": "outer", "flow": ["input >> SUBFLOW >> tell"]}
    await bench.service.push(outer, ADA)
    found = await bench.service.workflows.find_by_name("outer")
    assert (await bench.service.run(found, execute({"text": "deep"}))).data == {"text": "deep"}


async def test_what_was_accepted_runs_after_the_answer() -> None:
    bench = build_bench({"echo": echo})
    stored = (await bench.service.push(FLOW, ADA)).stored
    run_id, _ = await bench.service.start(stored, execute({"text": "hi"}), is_owner=True)
    assert bench.runner.calls == []
    assert bench.logs.look_up(run_id)["status"] == "running"
    await bench.background.finish()
    found = await bench.service.runs.find(run_id)
    assert (found["status"], found["data"]) == ("success", {"text": "hi"})


@pytest.mark.parametrize(
    ("source", "codes"),
    [
        pytest.param("name: [", ["INVALID_YAML"], id="broken YAML"),
        pytest.param({"name": "w"}, ["INVALID_WORKFLOW"], id="no flow"),
        pytest.param({**FLOW, "config": {"echo": {"text": "{{}}"}}}, ["INVALID_TEMPLATE"], id="invalid template"),
        pytest.param({**FLOW, "config": {"echo": {"text": "{{zzz}}"}}}, ["UNRESOLVED_REFERENCE"], id="reference"),
        pytest.param({**FLOW, "config": {"echo": {"text": 7}}}, ["INVALID_INPUT"], id="input"),
        pytest.param({"name": "w", "flow": ["input >> SUBFLOW >> x"]}, ["UNKNOWN_WORKFLOW"], id="sub-workflow"),
    ],
)
async def test_a_bad_workflow_is_not_pushed(source: Any, codes: list[str]) -> None:
    bench = build_bench({"echo": echo})
    with pytest.raises(WorkflowError) as caught:
        await bench.service.push(source, ADA)
    assert [d["code"] for d in caught.value.details["diagnostics"]] == codes
    assert bench.kv.writes == []
    assert [d.code for d in (await bench.service.validate(source)).diagnostics] == codes


@pytest.mark.parametrize(("stored", "codes"), [(["bot"], []), ([], ["MISSING_CREDENTIAL"])])
async def test_a_missing_credential_is_told_at_push_and_does_not_refuse_it(stored: list[str], codes: list[str]) -> None:
    bench = build_bench({"echo": echo})
    for name in stored:
        bench.store_credential(name, "secret")
    push = await bench.service.push({**FLOW, "config": {"echo": {"text": "{{credential.bot}}"}}}, ADA)
    assert [d.code for d in push.compilation.diagnostics] == codes


@pytest.mark.parametrize(("name", "code"), [("telm", "Did you mean `tell`?"), ("zzz", "Push that workflow first.")])
async def test_a_misspelt_sub_workflow_gets_the_nearest_name(name: str, code: str) -> None:
    bench = build_bench({"echo": echo})
    await bench.service.push(FLOW, ADA)
    compilation = await bench.service.validate({"name": "w", "flow": [f"input >> SUBFLOW >> {name}"]})
    assert [d.hint for d in compilation.diagnostics] == [code]


async def test_unknown_webhooks_raise() -> None:
    service = build_bench({}).service
    with pytest.raises(NotFoundError, match="no such webhook"):
        await service.workflows.find("0" * 32)
    with pytest.raises(NotFoundError, match="no workflow `tell`"):
        await service.workflows.find_by_name("tell")


async def test_time_and_randomness_come_from_the_ports() -> None:
    first, second = build_bench({"echo": echo}), build_bench({"echo": echo})
    one, two = (
        await first.service.execute_workflow(FLOW, execute()),
        await second.service.execute_workflow(FLOW, execute()),
    )
    assert one.to_json() == two.to_json()
