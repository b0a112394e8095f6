"""Proves the console's pure functions: it reads of a text what the compiler reads, and what it edits stays valid."""

import subprocess
import sys
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from console.console_functions import ROOT, call, call_all

from acr.config.platform_home import find_platform_home
from acr.workflows.components_at_hand import ComponentsAtHand
from acr.workflows.offline_check import check_offline
from arcrun.engine.run_id import time_of
from arcrun.workflows.parse import parse_workflow

EXAMPLES = {
    path.stem: path.read_text()
    for path in sorted((ROOT / "examples/workflows").glob("*.yaml"))
    if ".test" not in path.name
}
EXAMPLES |= {
    f"page {path.stem}": path.read_text()
    for path in sorted((ROOT / "examples/of_components").glob("*.yaml"))
    if ".test" not in path.name
}
COMPONENTS = ComponentsAtHand(find_platform_home())
GREET = EXAMPLES["greet"]


@cache
def codes_of(text: str) -> list[str]:
    return [f"{finding.code} {finding.message}" for finding in check(text) if finding.severity.value == "error"]


def check(text: str) -> Any:
    return check_offline(text, "w.yaml", COMPONENTS).compilation.diagnostics


def nodes_of(text: str) -> list[Any]:
    """The first, the middle and the last."""
    parsed = parse_workflow(text).workflow
    assert parsed is not None
    nodes = [*parsed.nodes.values()]
    return list({node.name: node for node in (nodes[0], nodes[len(nodes) // 2], nodes[-1])}.values())


def lines_of(text: str) -> set[str]:
    return set(text.splitlines())


def test_its_graph_is_the_compilers() -> None:
    flows = call_all([("flow", [text]) for text in EXAMPLES.values()])
    for (name, text), flow in zip(EXAMPLES.items(), flows, strict=True):
        parsed = parse_workflow(text).workflow
        assert parsed is not None
        assert flow["name"] == parsed.name
        edges = [(edge.source, edge.target) for edge in parsed.edges]
        assert [(edge[0], edge[2]) for edge in flow["edges"]] == edges, name
        kinds = {
            "ON_SUCCESS": "success",
            "ON_FAIL": "failure",
            "FOREACH": "loop",
            "CONTINUE": "after",
            "CALLS_SUBFLOW": "call",
        }
        assert [edge[3] for edge in flow["edges"]] == [
            kinds.get(edge.relation, "condition") for edge in parsed.edges
        ], name
        components = {node.name: flow["nodes"][node.name] for node in parsed.nodes.values()}
        assert components == {
            name: f"workflow:{node.workflow}" if node.workflow else node.component
            for name, node in parsed.nodes.items()
        }, name


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a: [",
        "flow: 7",
        "flow:\n  - x\n",
        "- 1",
        "config: {a: }",
        "\x00",
        'flow: ["a >> b"]',
        "name: [a]\nflow:\n - {a: b}",
    ],
)
def test_half_a_text_has_a_graph_too(text: str) -> None:
    assert call("flow", text)["edges"] == []


def test_every_node_has_a_place() -> None:
    layouts = call_all([("layout", [text, direction]) for text in EXAMPLES.values() for direction in ("LR", "TB")])
    for layout in layouts:
        for box in layout["boxes"]:
            assert box["x"] - box["width"] / 2 >= 0
            assert box["x"] + box["width"] / 2 <= layout["width"] + 1


def test_a_renamed_step_is_renamed_wherever_it_is_named() -> None:
    asked = [(name, node.name) for name, text in EXAMPLES.items() for node in nodes_of(text)]
    texts = call_all([("rename", [EXAMPLES[name], node, f"{node}_renamed"]) for name, node in asked])
    for (name, node), text in zip(asked, texts, strict=True):
        parsed = parse_workflow(text).workflow
        assert parsed is not None, (name, node)
        names = {each.name for each in parsed.nodes.values()}
        assert node not in names, (name, node)
        before, after = codes_of(EXAMPLES[name]), codes_of(text)
        assert [code.replace(f"{node}_renamed", node) for code in after] == before, (name, node, after)
        assert len(text.splitlines()) == len(EXAMPLES[name].splitlines())


def test_a_renamed_step_leaves_fields_of_that_name_alone() -> None:
    text = GREET.replace("{{input.name}}", '{{input.tidy}} {{input["tidy"]}}')
    renamed = call("rename", text, "tidy", "clean")
    assert '{{input.tidy}} {{input["tidy"]}}' in renamed
    assert "{{clean.data.result}}" in renamed


def test_a_removed_step_takes_its_lines_along_and_nothing_else() -> None:
    asked = [(name, node.name) for name, text in EXAMPLES.items() for node in nodes_of(text)]
    texts = call_all([("removeNode", [EXAMPLES[name], node]) for name, node in asked])
    for (name, node), text in zip(asked, texts, strict=True):
        flow = call("flow", text) if "flow:" in text else {"edges": [], "nodes": {}}
        assert not [edge for edge in flow["edges"] if node in (edge[0], edge[2])], (name, node)
        assert lines_of(text) <= lines_of(EXAMPLES[name]), (name, node, lines_of(text) - lines_of(EXAMPLES[name]))


def test_steps_of_every_component_can_be_added() -> None:
    contracts = {
        path.parent.name: call_contract(path) for path in sorted((ROOT / "components").glob("*/contract.yaml"))
    }
    texts = call_all([("add", [GREET, "more", name, contract, "letter"]) for name, contract in contracts.items()])
    for name, text in zip(contracts, texts, strict=True):
        assert lines_of(GREET) < lines_of(text), name
        parsed = parse_workflow(text)
        assert parsed.workflow is not None, (name, text)
        assert ("letter", "more") in [(edge.source, edge.target) for edge in parsed.workflow.edges]
        wrong = [code for code in codes_of(text) if not code.startswith(("MISSING", "INVALID_INPUT", "NEEDS_DURABLE"))]
        assert wrong == [], (name, wrong)


def call_contract(path: Path) -> Any:
    from arcrun.yaml_text import parse_yaml

    return parse_yaml(path.read_text()).value


EMPTY = "name: a\n"
FLOW_STYLE = 'name: a\nflow: ["input >> ON_SUCCESS >> b"]\nconfig: {b: {component: set, values: {x: 1}}} # why\n'
LISTED = "name: a\nnodes:\n  - {id: b, component: set, values: {x: 1}}\nedges:\n  - {from: input, to: b} # first\n"


@pytest.mark.parametrize("text", [GREET, FLOW_STYLE, LISTED], ids=["block", "flow", "listed"])
def test_lines_are_added_changed_and_removed(text: str) -> None:
    node = "tidy" if text is GREET else "b"
    connected = call("connect", text, node, "output", "ON_FAIL")
    parsed = parse_workflow(connected).workflow
    assert parsed is not None, connected
    assert (node, "ON_FAIL", "output") in [(edge.source, edge.relation, edge.target) for edge in parsed.edges]
    assert call("connect", connected, node, "output", "ON_FAIL") == connected
    at = [(edge.source, edge.target) for edge in parsed.edges].index((node, "output"))
    changed = call("relation", connected, at, f"IF({node}.data.x == 'y')")
    edge = parse_workflow(changed).workflow.edges[at]  # type: ignore[union-attr]
    assert (edge.relation, edge.argument) == ("IF", f"{node}.data.x == 'y'")
    assert call("removeEdge", connected, at) == text


@pytest.mark.parametrize("text", [EMPTY, "", "name: a\nflow:\nconfig:\n"])
def test_a_first_step(text: str) -> None:
    added = call(
        "add",
        text,
        "hi",
        "set",
        {"input_schema": {"required": ["values"]}, "config_example": {"values": {"a": 1}}},
        "input",
    )
    parsed = parse_workflow(added if "name" in added else f"name: a\n{added}").workflow
    assert parsed is not None, added
    assert [*parsed.nodes] == ["hi"]


VALUES: list[Any] = [
    "x",
    "",
    "yes",
    "12:30",
    "a: b",
    "{{tidy.data.result}}",
    'say "hi"',
    "# no",
    " edge ",
    7,
    0.5,
    True,
    [1, "a"],
    {"a": {"b": [1]}},
    "two\nlines",
    "two\nlines\n",
    "密碼",
    "- x",
    "null",
]


@pytest.mark.parametrize("node", ["tidy", "letter"])
def test_a_field_is_set_and_nothing_else(node: str) -> None:
    for field in ("input", "search", "more"):
        texts = call_all([("setField", [GREET, node, field, value]) for value in VALUES])
        entries = call_all([("readEntry", [text, node]) for text in texts])
        for value, text, entry in zip(VALUES, texts, entries, strict=True):
            if isinstance(value, dict | list | int | float | bool) or value != "":
                assert entry[field] == value, (field, value, text)
            parsed = parse_workflow(text)
            assert parsed.workflow is not None, (value, text)
            assert len(lines_of(GREET) - lines_of(text)) <= 1, (field, value, text)
        removed = call("setField", GREET, node, field)
        assert field not in call("readEntry", removed, node)


def test_a_fix_is_what_the_finding_asks_for() -> None:
    wrong = GREET.replace("badge >> ON_SUCCESS", "badge >> ON_SUCESS", 1).replace(
        "component: string_ops, operation: trim", "component: string_ops, operation: trim"
    )
    wrong = wrong.replace("search: NAME", "serch: NAME")
    for _ in range(6):
        findings = [each.to_json() for each in check(wrong) if each.code.startswith("UNKNOWN")]
        fixes = [fix for finding in findings for fix in call("fix", wrong, finding)]
        if not fixes:
            break
        wrong = fixes[0]
    assert (codes_of(wrong), wrong) == ([], GREET)


def test_a_missing_field_is_added() -> None:
    wrong = GREET.replace(', input: "{{input.name}}"', "")
    [finding] = [finding.to_json() for finding in check(wrong) if finding.code == "MISSING_INPUT"]
    fixed = call("fix", wrong, finding)[0]
    assert codes_of(fixed) == [], fixed


UNKNOWN = {
    "code": "UNKNOWN_COMPONENT",
    "message": "the node `tidy` names the component `string_op`, which does not exist",
    "hint": "Did you mean `string_ops`?",
    "severity": "error",
    "line": 12,
    "column": 10,
}
MISREFERRED = {
    "code": "UNRESOLVED_REFERENCE",
    "message": "{{tydi.data.result}} refers to nothing",
    "hint": "Did you mean `input.tydi`?",
    "severity": "error",
    "line": 13,
    "column": 52,
}


def test_a_fix_changes_the_word_that_the_message_quotes() -> None:
    wrong = GREET.replace("component: string_ops, operation: trim", "component: string_op, operation: trim")
    assert call("fix", wrong, UNKNOWN) == [GREET]
    wrong = GREET.replace("{{tidy.data.result}}", "{{tydi.data.result}}")
    assert call("fix", wrong, MISREFERRED) == [GREET.replace("{{tidy.data.result}}", "{{input.tydi.data.result}}")]
    assert call("fix", GREET, {**UNKNOWN, "hint": None}) == []
    assert call("fix", GREET, {**UNKNOWN, "line": 1}) == []


def test_the_place_of_a_finding_is_a_word() -> None:
    assert call("place", GREET, UNKNOWN) == "component"
    for line, column in ((0, 0), (1, 1), (999, 999), (None, None)):
        assert isinstance(call("place", GREET, {**UNKNOWN, "line": line, "column": column}), str)


KNOWN = {
    "contracts": [
        {
            "canonical_id": "string_ops",
            "display_name": "Text",
            "description": "",
            "category": "data",
            "version": "v1",
            "input_schema": {"properties": {"operation": {"enum": ["trim", "upper"]}, "input": {"type": "string"}}},
            "output_schema": {"properties": {"result": {"type": "string"}}},
        }
    ],
    "credentials": ["crm"],
    "workflows": ["other"],
}


@pytest.mark.parametrize(
    ("found", "replacement", "expected"),
    [
        ('"{{input.name}}"', '"{{ti¦"', "tidy"),
        ('"{{tidy.data.result}}"', '"{{tidy.¦"', "data"),
        ('"{{tidy.data.result}}"', '"{{tidy.data.¦"', "result"),
        ('"{{tidy.data.result}}"', '"{{credential.¦"', "crm"),
        ('"{{tidy.data.result}}"', '"{{request.¦"', "headers"),
        ('"{{tidy.data.result}}"', '"{{tidy.data.result | ¦"', "default"),
        ("component: string_ops, operation: trim", "component: ¦", "string_ops"),
        ("operation: trim", "operation: ¦", "trim"),
        ("operation: trim", "op¦", "operation"),
        ('"input >> ON_SUCCESS >> tidy"', '"input >> ¦"', "ON_FAIL"),
        ('"input >> ON_SUCCESS >> tidy"', '"input >> ON_SUCCESS >> ¦"', "letter"),
        ("search: NAME", "¦", "input"),
        ("description: Tidy", "¦", "triggers"),
    ],
)
def test_completion(found: str, replacement: str, expected: str) -> None:
    assert expected in call("complete", GREET.replace(found, replacement, 1), KNOWN)


def test_a_name_that_is_free() -> None:
    assert call("freeName", GREET, "string_ops") == "string_ops"
    assert call("freeName", GREET, "tidy") == "tidy_2"


def test_a_new_workflow_is_valid() -> None:
    assert codes_of(call("emptyWorkflow", "mine")) == []
    renamed = call("renameWorkflow", GREET, "mine")
    assert parse_workflow(renamed).workflow.name == "mine"  # type: ignore[union-attr]
    assert len(lines_of(renamed) - lines_of(GREET)) == 1


def test_a_difference_is_what_has_changed() -> None:
    lines = call("diff", "a\nb\nc\nd", "a\nx\nc\nd\ne")
    assert [(line["kind"], line["text"]) for line in lines] == [
        *(("same", "a"), ("removed", "b"), ("added", "x"), ("same", "c"), ("same", "d"), ("added", "e")),
    ]
    assert {line["kind"] for line in call("diff", GREET, GREET)} == {"same"}


def test_statistics_of_runs() -> None:
    runs = [{"status": "success", "duration_ms": ms} for ms in range(1, 20)] + [
        {"status": "failed", "duration_ms": 500},
        {"status": "running"},
    ]
    assert call("statistics", runs) == {"rate": 0.05, "p95": 19}
    assert call("statistics", [{"status": "running"}]) == {}


@pytest.mark.parametrize(
    ("every_ms", "quiet_s", "expected_s"),
    [(3_000, 0, 3), (3_000, 120, 3), (3_000, 240, 6), (3_000, 36_000, 60), (15_000, 36_000, 60), (90_000, 36_000, 90)],
)
def test_what_nobody_touches_asks_less_often(every_ms: int, quiet_s: int, expected_s: int) -> None:
    assert call("pause", every_ms, quiet_s * 1000) == expected_s * 1000


@pytest.mark.parametrize(
    ("date", "expected_ms"),
    [
        ("Sat, 28 Nov 2026 06:00:00 GMT", 0),
        ("Sat, 28 Nov 2026 06:00:29 GMT", 0),
        ("Sat, 28 Nov 2026 09:00:00 GMT", 10_800_000),
        ("Sat, 28 Nov 2026 05:00:00 GMT", -3_600_000),
        ("soon", 0),
        (None, 0),
    ],
)
def test_a_clock_that_is_wrong_here_changes_nothing(date: str | None, expected_ms: int) -> None:
    here_ms = datetime(2026, 11, 28, 6, tzinfo=UTC).timestamp() * 1000
    assert call("ahead", date, here_ms) == expected_ms


T0, T1, T2 = "01M8GC07CW00G80EFX0MHY96AR", "01M8GC27CW00G80EFX0MHY96AR", "01M8GC47CW00G80EFX0MHY96AR"  # 65.536 s apart


def test_only_runs_that_may_be_new_are_asked_for() -> None:
    runs = {"greet": [{"run_id": T2, "status": "success"}, {"run_id": T0, "status": "success"}]}
    begun_ms = datetime.fromisoformat(call("since", runs)).timestamp() * 1000
    assert begun_ms == time_of(T2) - 90_000
    runs["greet"][1]["status"] = "running"
    assert datetime.fromisoformat(call("since", runs)).timestamp() * 1000 == time_of(T0)
    assert call("since", {}) is None


def test_runs_that_have_gone_on_take_the_place_of_what_they_were() -> None:
    known = {"greet": [{"run_id": T1, "status": "running"}, {"run_id": T0, "status": "success"}], "other": []}
    found = {
        "greet": [{"run_id": T2, "status": "failed"}, {"run_id": T1, "status": "success"}],
        "new": [{"run_id": T2}],
    }
    assert call("mergeRuns", known, found) == {
        "greet": [
            {"run_id": T2, "status": "failed"},
            {"run_id": T1, "status": "success"},
            {"run_id": T0, "status": "success"},
        ],
        "other": [],
        "new": [{"run_id": T2}],
    }


@pytest.mark.parametrize("name", ["constructor", "toString", "__proto__"])
def test_runs_are_kept_by_any_name(name: str) -> None:
    first, second = {"run_id": T1}, {"run_id": T2}
    assert call("mergeRuns", {}, {name: [first]}) == {name: [first]}
    assert call("mergeRuns", {name: [first]}, {name: [second]}) == {name: [second, first]}


def test_the_path_of_a_part() -> None:
    assert call("path", "a.data", "b") == "a.data.b"
    assert call("path", "a.data", 0) == "a.data[0]"
    assert call("path", "a.data", 'odd "name') == 'a.data["odd \\"name"]'


def test_a_run_becomes_a_test(tmp_path: Path) -> None:
    """And `acr test` runs it."""
    trace = [
        {
            "node": "tidy",
            "component": "string_ops",
            "status": "success",
            "output": {"success": True, "data": {"result": "ada"}},
        },
        {
            "node": "badge",
            "component": "string_ops",
            "status": "success",
            "output": {"success": True, "data": {"result": "ADA"}},
        },
        {
            "node": "letter",
            "component": "string_ops",
            "status": "success",
            "output": {"success": True, "data": {"result": "x"}},
        },
    ]
    run = {
        "run_id": "01M8GC07CW00G80EFX0MHY96AR",
        "workflow": "greet",
        "started_at": "2026-11-28T06:03:11.133Z",
        "trace": trace,
    }
    text = call("test", run, {"name": " ada "}, ["string_ops"])
    (tmp_path / "greet.yaml").write_text(GREET)
    (tmp_path / "greet.test.yaml").write_text(text)
    ran = subprocess.run(
        [sys.executable, "-m", "acr.main", "test", tmp_path / "greet.test.yaml"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, (ran.stdout, ran.stderr, text)
