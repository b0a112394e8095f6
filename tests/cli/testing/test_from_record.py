"""`acr logs RUN --as-test` writes a test of a record that passes where the record has all, and else says what lacks."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cli.conftest import RunAcr

from acr.config.platform_home import find_platform_home
from acr.errors import CliError
from acr.testing.from_record import SUBFLOW, RecordedRun, may_read_credentials, write_test
from acr.testing.model import ABSENT
from acr.testing.parse import parse_test_file
from acr.testing.ports import TestClock, TestComponents, TestCredentials, TestRandom, TestWorkflows, name_calls
from acr.testing.stores import TestStores
from acr.testing.suite import load_suite
from acr.workflows.components_at_hand import ComponentsAtHand
from arcrun.engine.context import RunPorts
from arcrun.engine.engine import Engine, Trigger
from arcrun.engine.record import NodeRecord, RunRecord
from arcrun.engine.trigger import TriggerKind
from arcrun.yaml_text import parse_yaml
from examples.bench import StubModel, StubServices, build_example_bench
from examples.cases import CASES, Case
from examples.test_example_workflows import read_source
from fakes.workflows import ADA

RUN = "01J9ZC3VT0M4XKQW8R2E5H7N6P"
AT_HAND = ComponentsAtHand(find_platform_home())
TRACED = {"component": "set", "status": "success", "attempts": 1, "start_ms": 0, "duration_ms": 0}
CALLED = {"node": "z", **TRACED, "output": {"data": 2}}
ERROR = {"code": "X", "message": "It failed.", "retriable": True, "next_actions": [], "details": {"node": "a", "n": 1}}
RECORD = {
    "id": RUN, "workflow": "one", "version": 3, "trigger": "webhook", "status": "success",
    "started_at": "2026-09-21T14:13:20.000Z", "duration_ms": 1, "data": {"a": 1},
}  # fmt: skip


NO_DATA = "# - So `expect` has no `data`: add it once the above is there.\n"


def write(
    *trace: dict[str, Any], file: str | None = "one.yaml", given: Any = None, stubs_all: bool = False, **record: Any
) -> tuple[dict[str, Any], list[str]]:
    """The test as a value, and its comments about what lacks."""
    entries = [{"node": "abc"[i], **TRACED, **entry} for i, entry in enumerate(trace)]
    kept = {**RECORD, "trace": entries, **record}
    run = RecordedRun(RUN, {key: value for key, value in kept.items() if value is not ABSENT}, given, "Not stored.")
    text = write_test(run, file, AT_HAND, ["other"], stubs_all=stubs_all)
    source = parse_yaml(text).value
    [test] = source.pop("tests")
    if NO_DATA in text:
        assert "data" not in test["expect"]
        text = text.replace(NO_DATA, "")
    comments = [line.removeprefix("# - ") for line in text.splitlines() if line.startswith("# - ")]
    return {**source, **test}, comments


def test_each_round_is_an_answer_of_its_own() -> None:
    rounds = [{**TRACED, "round": number, "output": {"data": number}} for number in (1, 2)]
    entry = {"component": "http_request", "attempts": 2, "output": {"data": 2}}
    found, lacks = write({**entry, "rounds": {"count": 2, "trace": rounds}})
    assert (found["stubs"], lacks) == ({"a": [{"data": 1}, {"data": 2}]}, [])
    found, lacks = write({**entry, "attempts": 3, "rounds": {"count": 3, "trace": rounds}})
    told = "`a` was called 3 times, and not all of its answers are recorded: add the others to its list."
    assert lacks == [told]


def test_it_has_the_input_the_time_and_the_end() -> None:
    found, lacks = write({"node": "a"}, {"node": "b", "status": "skipped"}, given={"name": "ada"})
    assert lacks == []
    assert found == {
        "workflow": "one.yaml",
        "now": "2026-09-21T14:13:20.000Z",
        "name": f"run {RUN}",
        "input": {"name": "ada"},
        "expect": {"data": {"a": 1}, "nodes": {"a": "success", "b": "skipped"}},
    }


@pytest.mark.parametrize(
    ("entry", "stubs"),
    [
        pytest.param({"output": {"success": True, "data": 1}}, {}, id="what computes here runs"),
        pytest.param(
            {"component": "http_request", "output": {"success": True, "data": 1}}, {"a": {"data": 1}}, id="the network"
        ),
        pytest.param({"component": "shout", "output": {"data": 1}}, {"a": {"data": 1}}, id="not at hand"),
        pytest.param({"component": "http_request", "status": "skipped"}, {}, id="skipped"),
        pytest.param(
            {"component": "http_request", "status": "failed", "error": ERROR},
            {"a": {"error": {"code": "X", "message": "It failed.", "retriable": True, "n": 1}}},
            id="an error",
        ),
        pytest.param(
            {"component": "workflow:other", "trace": [{**CALLED, "component": "telegram"}]},
            {"a.z": {"data": 2}},
            id="a called workflow at hand",
        ),
        pytest.param(
            {"component": "workflow:far", "output": {"data": 3}, "trace": [CALLED]},
            {"a": {"data": 3}},
            id="a called workflow that is not at hand",
        ),
        pytest.param({"taken_over": True, "output": {"data": 1}}, {"a": {"data": 1}}, id="taken over by a replay"),
    ],
)  # fmt: skip
def test_nodes_are_stubbed_with_what_is_recorded(entry: dict[str, Any], stubs: dict[str, Any]) -> None:
    found, lacks = write(entry)
    assert (found.get("stubs", {}), lacks) == (stubs, [])


def test_what_was_cancelled_in_a_run_that_went_well_has_no_answer() -> None:
    cancelled = {"component": "http_request", "status": "failed", "error": {**ERROR, "code": "CANCELLED"}}
    _, lacks = write(cancelled)
    assert lacks == ["What `a` would have answered: it was cancelled, for others were faster. Replace its stub."]
    _, lacks = write(cancelled, status="failed", data=ABSENT, error=ERROR)
    assert lacks == []


CALL = {"component": "http_request", "output": {"data": 1}}
FAILED = {"status": "failed", "data": ABSENT, "error": ERROR}
ONCE = {"iterations": {"success": 1, "failed": 0, "skipped": 0}}


def test_undos_have_stubs_of_their_own() -> None:
    inner = [{"node": "book", **TRACED, **CALL}]
    found, lacks = write(
        CALL,
        {"node": "ship", "component": "workflow:other", "trace": inner},
        **FAILED,
        undone="partial",
        undos=[
            {"node": "ship.book", **TRACED, **CALL, **ONCE, "output": {"data": 2}},
            {"node": "a", **TRACED, **CALL, **ONCE, "status": "failed", "error": {**ERROR, "code": "Y"}},
            {"node": "ship", **TRACED, **ONCE, "component": "workflow:other", "trace": inner},
        ],
    )
    error = {"code": "Y", "message": "It failed.", "retriable": True, "n": 1}
    assert found["stubs"] == {
        "a": {"data": 1}, "ship.book": {"data": 1},
        "ship.book.undo": {"data": 2}, "a.undo": {"error": error}, "ship.undo.book": {"data": 1},
    }  # fmt: skip
    assert (found["expect"]["undone"], lacks) == ("partial", [])
    statuses = found["expect"]["nodes"]
    assert (statuses["ship.book.undo"], statuses["a.undo"], statuses["ship.undo.book"]) == (
        "success", "failed", "success",
    )  # fmt: skip


def test_what_is_undone_in_a_workflow_that_is_stubbed_is_not_expected() -> None:
    undos = [{"node": "a.z", **TRACED, **CALL, **ONCE}]
    found, lacks = write({"component": "workflow:far", "output": {"data": 3}}, **FAILED, undone="complete", undos=undos)
    assert (found["stubs"], "undone" in found["expect"], "a.z.undo" in found["expect"]["nodes"]) == (
        {"a": {"data": 3}}, False, False,
    )  # fmt: skip
    assert lacks == ["`a` is stubbed, so that `a.z` is not undone: `undone` is not expected."]


def test_an_undo_that_had_no_time_is_told() -> None:
    cancelled = {**ERROR, "code": "CANCELLED"}
    undos = [{"node": "a", **TRACED, "component": "http_request", "status": "skipped", "error": cancelled}]
    found, lacks = write(CALL, **FAILED, undone="partial", undos=undos)
    assert (found["stubs"]["a.undo"]["error"]["code"], found["expect"]["nodes"]["a.undo"]) == ("CANCELLED", "failed")
    assert lacks == ["What `a.undo` would have answered: there was no time for it. Replace its stub."]


SHOP = """name: shop
flow: [input >> PIPE >> pay, pay >> SUBFLOW >> ship, ship >> PIPE >> tell]
config:
  pay:
    component: http_request
    url: https://example.com/pay
    method: POST
    undo: {workflow: refund, input: {id: "{{pay.data.body.id}}"}}
  ship: {input: 1}
  tell: {component: http_request, url: "https://example.com/tell"}
"""
SHIP = """name: ship
flow: [input >> PIPE >> book]
config:
  book:
    component: http_request
    url: https://example.com/book
    method: POST
    undo: {component: http_request, url: "https://example.com/cancel"}
"""
REFUND = "name: refund\nflow: [input >> PIPE >> back]\nconfig: {back: {component: http_request, url: https://example.com/b}}\n"


def test_an_undone_run_makes_a_test_that_passes(run_acr: RunAcr) -> None:
    """The run is that of a test with stubs, made into another test."""
    for name, text in (("shop", SHOP), ("ship", SHIP), ("refund", REFUND)):
        Path(f"{name}.yaml").write_text(text)
    down = {"error": {"code": "HTTP_STATUS", "message": "It is down.", "status": 503}}
    stubs = {"pay": {"data": {"body": {"id": 7}}}, "pay.undo.back": {"data": 1}, "tell": down}
    stubs |= {"ship.book": {"data": 2}, "ship.book.undo": {"data": 3}}
    test = {"name": "a", "stubs": stubs, "expect": {"undone": "complete"}}
    Path("first.test.yaml").write_text(json.dumps({"workflow": "shop.yaml", "tests": [test]}))
    record = asyncio.run(record_of(Path("first.test.yaml")))
    text = write_test(RecordedRun(RUN, dict(record.to_stored()), {}), "shop.yaml", AT_HAND, ["shop", "ship", "refund"])
    Path("made.test.yaml").write_text(text)
    assert ("# What the record lacks:" in text, "undone: complete" in text, "ship.book.undo" in text) == (
        False, True, True,
    )  # fmt: skip
    said = run_acr("test", "--json")
    assert said.code == 0, said.stdout


async def record_of(file: Path) -> RunRecord:
    """The record of the file's first test, whose nodes have their names again."""
    suite = load_suite(parse_test_file(file, file.read_text()), AT_HAND)
    test = suite.file.tests[0]
    clock, random = TestClock(test.now_ms), TestRandom(test.seed)
    components = TestComponents(AT_HAND, test, clock, random, TestStores(clock))
    plans = {**suite.called, suite.plan.name: suite.plan}
    ports = RunPorts(components, TestWorkflows(plans, components), TestCredentials({}), clock, random)
    record = await Engine(ports).run(name_calls(suite.plan, test.stubs), Trigger(TriggerKind.WEBHOOK, {}), RUN)
    return replace(record, trace=rename(record.trace), undos=rename(record.undos))


def rename(trace: tuple[NodeRecord, ...]) -> tuple[NodeRecord, ...]:
    return tuple(
        replace(
            entry,
            component=entry.component if entry.component.startswith(SUBFLOW) else entry.component.split(":")[0],
            subflow=entry.subflow and rename(entry.subflow),
        )
        for entry in trace
    )


def test_all_can_be_stubbed() -> None:
    found, _ = write({"output": {"data": 1}}, {"status": "skipped"}, stubs_all=True)
    assert found["stubs"] == {"a": {"data": 1}}


def test_a_credential_that_was_missing_is_missing() -> None:
    missing = {**ERROR, "code": "CREDENTIAL_MISSING", "details": {"key": "token", "node": "a"}}
    found, _ = write({"component": "http_request", "status": "failed", "error": missing}, data=ABSENT, error=missing)
    assert found["credentials"] == {"token": None}
    assert found["expect"]["error"] == {"code": "CREDENTIAL_MISSING", "node": "a"}


CUT = {"_truncated": True, "bytes": 9, "preview": "x"}


@pytest.mark.parametrize(
    ("given", "lacking"),
    [
        pytest.param({"given": ABSENT}, "The run's input: Not stored.", id="the input"),
        pytest.param({"file": None}, "No file here has the workflow `one`", id="the workflow"),
        pytest.param({"data": CUT}, "The answer was too large to be recorded", id="the answer"),
        pytest.param({"data": ABSENT, "error": {**ERROR, "code": "RUN_TIMEOUT"}}, "The run took too long", id="time"),
        pytest.param({"entry": {"output": CUT}}, "What `a` answered was too large", id="an output"),
        pytest.param({"entry": {"output": {"data": CUT}}}, "What `a` answered was too large", id="data"),
        pytest.param({"entry": {"error": CUT}}, "The error of `a` was too large", id="an error"),
        pytest.param(
            {"entry": {"output": {"data": 1}, "iterations": {"success": 2, "failed": 1, "skipped": 4}}},
            "`a` ran 3 times, in a loop",
            id="a loop's answers",
        ),
    ],
)  # fmt: skip
def test_what_lacks_is_a_comment(given: dict[str, Any], lacking: str) -> None:
    entry = {"component": "http_request", "output": {"data": 1}, **given.pop("entry", {})}
    _, lacks = write(entry, **given)
    assert [line.startswith(lacking) for line in lacks] == [True], lacks


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param({}, {"data": {"a": 1}}, id="all is there"),
        pytest.param({"iterations": {"success": 2}}, {"status": "success"}, id="a loop"),
        pytest.param({"output": CUT}, {"status": "success"}, id="a large answer"),
    ],
)
def test_where_an_answer_lacks_no_data_is_expected(given: dict[str, Any], expected: dict[str, Any]) -> None:
    """The run's data is made of answers that the test does not have: it could only fail."""
    found, _ = write({"component": "http_request", "output": {"data": 1}, **given})
    assert found["expect"] == {**expected, "nodes": {"a": "success"}}


PLAIN = "name: plain\nflow: [input >> PIPE >> a]\nconfig: {a: {component: set, values: {x: 1}}}\n"
CALLING = "name: calling\nflow: [input >> SUBFLOW >> {0}]\nconfig: {{{0}: {{input: 1}}}}\n"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("plain", False, id="none"),
        pytest.param("calls_plain", False, id="a called workflow has none"),
        pytest.param("in_template", True, id="in a template"),
        pytest.param("of_contract", True, id="of a component"),
        pytest.param("calls_in_template", True, id="of a called workflow"),
        pytest.param("elsewhere", True, id="a workflow that is not at hand"),
        pytest.param("calls_elsewhere", True, id="a called workflow that is not at hand"),
        pytest.param("foreign", True, id="a component that is not at hand"),
        pytest.param("broken", True, id="a workflow with errors"),
    ],
)
def test_the_head_says_to_look_where_credentials_may_be_read(name: str, expected: bool, tmp_path: Path) -> None:
    texts = {
        "plain": PLAIN,
        "in_template": PLAIN.replace("x: 1", "x: '{{credential.token}}'"),
        "of_contract": read_source("health_alarm"),
        "foreign": PLAIN.replace("component: set, values", "component: foreign, values"),
        "broken": PLAIN.replace("values", "value"),
        **{f"calls_{called}": CALLING.format(called) for called in ("plain", "in_template", "elsewhere")},
    }
    beside = {each: tmp_path / f"{each}.yaml" for each in texts}
    for each, path in beside.items():
        path.write_text(texts[each])
    assert may_read_credentials(name, beside, AT_HAND) is expected
    text = write_test(RecordedRun(RUN, {**RECORD, "trace": []}, {}, has_credentials=expected), "a.yaml", AT_HAND, [])
    assert ("\n# Look it over before you commit it" in text) is expected


def test_a_run_that_has_not_ended_makes_no_test() -> None:
    with pytest.raises(CliError) as refused:
        write_test(RecordedRun(RUN, {**RECORD, "status": "running"}), "one.yaml", AT_HAND, [])
    assert refused.value.code == "RUN_NOT_ENDED"


@pytest.mark.parametrize(
    "value", ["12:30", "no", "0123", "a: b # c", "{{x}}", "\u202e\u200b", "é\n\ttwo\r", "😀", "~", "", "1"]
)
def test_values_come_back_as_they_were(value: str) -> None:
    found, _ = write({"component": "http_request", "output": {"data": {value: [value]}}}, given=value)
    assert (found["input"], found["stubs"]) == (value, {"a": {"data": {value: [value]}}})


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({}, {"data": {"a": 1}, "nodes": {"a": "success"}, "response": {"status": 201}}),
        ({"component": "http_request", "output": CUT}, {"status": "success", "nodes": {"a": "success"}}),
    ],
)
def test_what_the_webhook_answered_is_expected(entry: dict[str, Any], expected: dict[str, Any]) -> None:
    found, _ = write(entry, response={"status": 201})
    assert found["expect"] == expected


def test_a_hostile_name_stays_in_its_comment() -> None:
    text = write_test(RecordedRun(RUN, {**RECORD, "workflow": "x\ntests: []\n#", "trace": []}), None, AT_HAND, [])
    assert text.splitlines()[0] == f"# Made of the run {RUN} of `x tests: [] #`, version 3: acr logs {RUN} --as-test"


# Their loops' nodes reach outside several times with different answers, of which a record has one.
# What is expected then has no data.
LOOPS = ("event_reminder", "open_issues", "overdue_invoices")


@pytest.mark.parametrize("case", [pytest.param(case, id=f"{case.example}: {case.title}") for case in CASES])
def test_a_run_of_each_example_makes_a_test_that_passes(case: Case, run_acr: RunAcr) -> None:
    """The run is the executor's, with its services at the network's border; the test is run without any."""
    record = asyncio.run(run_case(case))
    for name in (*case.needs, case.example):
        Path(f"{name}.yaml").write_text(read_source(name))
    run = RecordedRun(record.run_id, dict(record.to_stored()), case.given)
    text = write_test(run, f"{case.example}.yaml", AT_HAND, [*case.needs, case.example])
    Path("made.test.yaml").write_text(text)
    assert ("# What the record lacks:" in text) == (case.example in LOOPS)
    said = run_acr("test", "made.test.yaml", "--json")
    assert said.code == 0, said.stdout


async def run_case(case: Case) -> RunRecord:
    bench = build_example_bench(StubServices(case.exchanges), StubModel(case.reply))
    for name, secret in case.secrets.items():
        bench.store_credential(name, secret)
    for example in (*case.needs, case.example):
        pushed = await bench.service.push(read_source(example), ADA)
    return await bench.service.run(pushed.stored, Trigger(TriggerKind.WEBHOOK, case.given))
