"""A workflow is read as written, all its errors are reported at once with their positions, and no input, however
hostile, raises anything but WorkflowError.
"""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from arcrun.errors import WorkflowError
from arcrun.limits import MAX_LINES, MAX_NODES, MAX_SOURCE_CHARACTERS, MAX_SOURCE_VALUES, MAX_TEMPLATES
from arcrun.workflows.compile import require_plan
from arcrun.workflows.model import Edge, LoopPolicy, Node, Workflow
from arcrun.workflows.parse import parse_workflow
from arcrun.workflows.relations import Relation
from fakes.flows import Source, codes_of, compile_source, diagnose, flow_of, text_of

FULL = """\
name: fetch_and_tell
description: Fetch a page and tell the owner
flow:
  - "input >> ON_SUCCESS >> grab"
  - "grab >> PIPE >> tell"
  -   tell >> PIPE >> output
config:
  grab: {component: http_request, method: GET, url: "{{input.url}}"}
  tell:
    component: telegram
    text: "got {{grab.data.status}}"
"""

NAME_HINT = "Letters and digits of any script, _ and -, at most 64."


def diagnostics_of(source: Source) -> list[dict[str, Any]]:
    return [found.to_json() for found in diagnose(source)]


def parse(source: Source) -> Workflow:
    """A workflow without findings."""
    draft = parse_workflow(source)
    assert draft.findings.found == []
    assert draft.workflow is not None
    return draft.workflow


def test_text_is_read_whole() -> None:
    workflow = parse(FULL)
    assert (workflow.name, workflow.description) == ("fetch_and_tell", "Fetch a page and tell the owner")
    assert workflow.edges == (
        Edge("input", Relation.ON_SUCCESS, "grab", at=("flow", 0)),
        Edge("grab", Relation.ON_SUCCESS, "tell", at=("flow", 1)),
        Edge("tell", Relation.ON_SUCCESS, "output", at=("flow", 2)),
    )
    assert workflow.nodes == {
        "grab": Node("grab", "http_request", None, {"method": "GET", "url": "{{input.url}}"}, ("config", "grab")),
        "tell": Node("tell", "telegram", None, {"text": "got {{grab.data.status}}"}, ("config", "tell")),
    }


def test_an_object_is_read_like_its_text_but_without_places() -> None:
    source = {
        "name": "w",
        "flow": ["input >> PIPE >> a", "a >> PIPE >> output"],
        "config": {"a": {"component": "set", "value": [1, None, True, 2.5]}},
    }
    workflow = parse(source)
    assert workflow.edges == (
        Edge("input", Relation.ON_SUCCESS, "a", at=("flow", 0)),
        Edge("a", Relation.ON_SUCCESS, "output", at=("flow", 1)),
    )
    assert workflow.nodes == {"a": Node("a", "set", None, {"value": [1, None, True, 2.5]}, ("config", "a"))}


def test_json_is_a_workflow_text_too() -> None:
    workflow = parse('{"name": "w", "flow": ["input >> PIPE >> a"]}')
    assert workflow.edges == (Edge("input", Relation.ON_SUCCESS, "a", at=("flow", 0)),)


@pytest.mark.parametrize("alias", ["input", "trigger", "webhook", "start"])
def test_the_trigger_has_aliases(alias: str) -> None:
    assert [edge.source for edge in parse(flow_of(f"{alias} >> PIPE >> a")).edges] == ["input"]


@pytest.mark.parametrize("alias", ["output", "result", "end", "done"])
def test_the_answer_has_aliases(alias: str) -> None:
    edges = parse(flow_of("input >> PIPE >> a", f"a >> PIPE >> {alias}")).edges
    assert [edge.target for edge in edges] == ["a", "output"]


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        pytest.param({}, Node("a", "a", None, {}, ("flow", 0)), id="no config"),
        pytest.param({"a": {}}, Node("a", "a", None, {}, ("config", "a")), id="empty config"),
        pytest.param({"a": {"x": 1}}, Node("a", "a", None, {"x": 1}, ("config", "a")), id="no component"),
        pytest.param({"a": {"component": "b@v2"}}, Node("a", "b@v2", None, {}, ("config", "a")), id="versioned"),
    ],
)
def test_the_component_is_the_nodes_name_by_default(config: dict[str, Any], expected: Node) -> None:
    assert parse(flow_of("input >> PIPE >> a", config=config)).nodes == {"a": expected}


@pytest.mark.parametrize("config", [pytest.param(None, id="null"), pytest.param({}, id="empty")])
def test_config_may_be_empty(config: Any) -> None:
    assert codes_of(flow_of("input >> PIPE >> a", config=config)) == []


def test_a_node_in_many_lines_is_one_node() -> None:
    workflow = parse(flow_of("input >> PIPE >> a", "input >> PIPE >> b", "a >> PIPE >> b", "a >> PIPE >> b"))
    assert list(workflow.nodes) == ["a", "b"]


@pytest.mark.parametrize("name", ["w", "fetch-and_tell2", "UPPER", "0", "x" * 64, "名字", "größe-2", "हिन्दी", "عربي"])
def test_a_name_is_allowed(name: str) -> None:
    assert codes_of({**flow_of("input >> PIPE >> a"), "name": name}) == []


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        pytest.param("", NAME_HINT, id="empty"),
        pytest.param("a b", "Write a_b.", id="space"),
        pytest.param("a/b", "Write a_b.", id="slash"),
        pytest.param("名/字", "Write 名_字.", id="slash beyond ASCII"),
        pytest.param("!?", NAME_HINT, id="signs"),
        pytest.param("x" * 65, f"Write {'x' * 64}.", id="65 characters"),
        pytest.param("\U0001b170" * 64 + "𛅰", f"Write {'𛅰' * 64}.", id="65 characters of 4 bytes"),
        pytest.param("a\n", "Write a.", id="line feed"),
        pytest.param("a\ud800", "Write a.", id="lone surrogate"),
        pytest.param(None, NAME_HINT, id="null"),
        pytest.param(7, 'Put quotes around it: name: "7".', id="number"),
        pytest.param(True, 'Put quotes around it: name: "true".', id="boolean"),
        pytest.param(["a"], NAME_HINT, id="list"),
    ],
)
def test_a_name_is_refused(name: Any, hint: str) -> None:
    [found] = diagnostics_of({**flow_of("input >> PIPE >> a"), "name": name})
    assert (found["code"], found["message"]) == ("INVALID_NAME", f"the name {name!r} is not allowed")
    assert found["hint"] == hint


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param("output", "`output` is the answer, which is not a node and has no config", id="output"),
        *[
            pytest.param(
                name, f"`{name}` is another word for `output`, the answer, which is not a node and has no config"
            )
            for name in ("result", "end", "done")
        ],
        *[
            pytest.param(
                name, f"`{name}` is another word for `input`, the trigger, which is not a node and has no config"
            )
            for name in ("start", "trigger", "webhook")
        ],
    ],
)
def test_a_config_for_what_is_no_node(name: str, message: str) -> None:
    [found] = diagnostics_of(flow_of("input >> PIPE >> a", "a >> PIPE >> output", config={name: {"component": "set"}}))
    assert (found["code"], found["message"]) == ("INVALID_WORKFLOW", message)
    assert found["hint"].startswith("Give the node another name")


@pytest.mark.parametrize(
    ("source", "code", "message"),
    [
        pytest.param("", "INVALID_WORKFLOW", "it must be a mapping with `name` and `flow`", id="empty text"),
        pytest.param("# nothing", "INVALID_WORKFLOW", "it must be a mapping with `name` and `flow`", id="comment"),
        pytest.param("hello", "INVALID_WORKFLOW", "it must be a mapping with `name` and `flow`", id="text"),
        pytest.param("- a", "INVALID_WORKFLOW", "it must be a mapping with `name` and `flow`", id="list"),
        pytest.param({"name": "w"}, "INVALID_WORKFLOW", "`flow` must be a list of one or more lines", id="no flow"),
        pytest.param(flow_of(), "INVALID_WORKFLOW", "`flow` must be a list of one or more lines", id="empty flow"),
        pytest.param(
            {"name": "w", "flow": "input >> PIPE >> a"},
            "INVALID_WORKFLOW",
            "`flow` must be a list of one or more lines",
            id="flow that is a text",
        ),
        pytest.param(
            flow_of("input >> PIPE >> a", config=["a"]),
            "INVALID_WORKFLOW",
            "`config` must be a mapping of nodes",
            id="config that is a list",
        ),
        pytest.param(
            flow_of("input >> PIPE >> a", config={"a": "x"}),
            "INVALID_WORKFLOW",
            "`config.a` must be a mapping",
            id="node that is a text",
        ),
        pytest.param(
            flow_of("input >> PIPE >> a", config={"a": {"component": 7}}),
            "INVALID_WORKFLOW",
            "`component` of `a` must be a string",
            id="component that is a number",
        ),
        pytest.param(
            flow_of("input >> PIPE >> a", config={"b": {}}),
            "UNREACHABLE_NODE",
            "`b` is in no flow line",
            id="node in no line",
        ),
        pytest.param(flow_of("input >> PIPE >> a", steps=[]), "UNKNOWN_KEY", "unknown key `steps`", id="unknown key"),
    ],
)
def test_a_fault_of_the_whole(source: Any, code: str, message: str) -> None:
    [found] = diagnostics_of(source)
    assert (found["code"], found["message"]) == (code, message)


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        pytest.param('"a >> b"', "MALFORMED_LINE", "the flow line 'a >> b' has 2 parts, not 3", id="malformed"),
        pytest.param("7", "MALFORMED_LINE", "flow line 2 is not a string", id="number"),
        pytest.param("{a: b}", "MALFORMED_LINE", "flow line 2 is not a string", id="mapping"),
        pytest.param('"a >> NEVER >> b"', "UNKNOWN_RELATION", "unknown relation 'NEVER'", id="relation"),
        pytest.param(
            '"output >> PIPE >> b"', "MALFORMED_LINE", "`output` to `b` runs backwards", id="out of the answer"
        ),
        pytest.param('"a >> PIPE >> start"', "MALFORMED_LINE", "`a` to `input` runs backwards", id="into the trigger"),
        pytest.param('"a >> PIPE >> a"', "CYCLE", "the nodes a form a cycle", id="cycle"),
    ],
)
def test_a_fault_of_a_line_has_its_place(line: str, code: str, message: str) -> None:
    text = f'name: w\nflow:\n  - "input >> PIPE >> a"\n  -   {line}\n'
    [found] = diagnostics_of(text)
    assert (found["code"], found["message"]) == (code, message)
    assert (found["line"], found["column"]) == (4, 7)


def test_places_survive_comments_and_other_keys() -> None:
    text = 'name: w\n# a comment\ndescription: |\n  two\n  lines\nflow: ["input >> PIPE >> a",\n  "a >> NO >> b"]\n'
    assert [(d["code"], d["line"], d["column"]) for d in diagnostics_of(text)] == [("UNKNOWN_RELATION", 7, 3)]


def test_everything_is_reported_at_once() -> None:
    text = """\
name: not a name
stages: []
flow:
  - "input >> PIPE >> a"
  - "a > b"
  - "a >> WHEN >> b"
  - "b >> PIPE >> c"
  - "c >> PIPE >> b"
config:
  ghost: {}
  a: {retry: 3}
"""
    assert [(d["code"], d["line"], d["column"]) for d in diagnostics_of(text)] == [
        ("INVALID_NAME", 1, 1),
        ("UNKNOWN_KEY", 2, 1),
        ("MALFORMED_LINE", 5, 5),
        ("UNKNOWN_RELATION", 6, 5),
        ("INVALID_SETTING", 11, 7),
    ]


NODES_AND_EDGES = """\
name: w
nodes:
  - id: grab
    component: http_request
    config: {url: "{{input.url}}"}
  - {id: each, foreach: {concurrency: 4}}
  - id: tell
edges:
  - {from: trigger, relation: ON_SUCCESS, to: grab}
  - {from: grab, to: each}
  - {from: each, relation: FOREACH item IN each.data, to: tell}
  - {from: each, relation: 否則, to: result}
"""
FLOW_AND_CONFIG = """\
name: w
flow:
  - input >> PIPE >> grab
  - grab >> PIPE >> each
  - each >> FOREACH item IN each.data >> tell
  - each >> ELSE >> output
config:
  grab: {component: http_request, url: "{{input.url}}"}
  each: {foreach: {concurrency: 4}}
"""


def test_nodes_and_edges_are_another_form_of_the_same() -> None:
    one, other = (parse(source) for source in (NODES_AND_EDGES, FLOW_AND_CONFIG))
    assert [replace(edge, at=()) for edge in one.edges] == [replace(edge, at=()) for edge in other.edges]
    assert [replace(node, at=()) for node in one.nodes.values()] == [
        replace(node, at=()) for node in other.nodes.values()
    ]
    assert (one.loops, other.loops) == ({"each": LoopPolicy(4)}, {"each": LoopPolicy(4)})
    plans = [compile_source(source).plan for source in (NODES_AND_EDGES, FLOW_AND_CONFIG)]
    assert plans[0] == plans[1]


@pytest.mark.parametrize(
    ("nodes", "edges", "expected"),
    [
        pytest.param("{a: {}}", "[{from: input, to: a}]", [("INVALID_WORKFLOW", 2, 1)], id="nodes that are a mapping"),
        pytest.param("[{id: a}, a]", "[{from: input, to: a}]", [("INVALID_WORKFLOW", 2, 18)], id="node that is a text"),
        pytest.param("[{component: a}]", "[{from: input, to: a}]", [("INVALID_WORKFLOW", 2, 9)], id="no id"),
        pytest.param("[{id: a b}]", "[{from: input, to: a}]", [("INVALID_WORKFLOW", 2, 9)], id="id with a space"),
        pytest.param("[{id: a}, {id: a}]", "[{from: input, to: a}]", [("INVALID_WORKFLOW", 2, 18)], id="an id twice"),
        pytest.param(
            "[{id: a, config: 3}]", "[{from: input, to: a}]", [("INVALID_WORKFLOW", 2, 9)], id="config no mapping"
        ),
        pytest.param("[{id: a}, {id: b}]", "[{from: input, to: a}]", [("UNREACHABLE_NODE", 2, 18)], id="no edge"),
        pytest.param("[{id: a}]", "[]", [("INVALID_WORKFLOW", 3, 1)], id="no edges"),
        pytest.param("[{id: a}]", '["input >> PIPE >> a"]', [("MALFORMED_LINE", 3, 9)], id="edge that is a line"),
        pytest.param("[{id: a}]", "[{from: input}]", [("MALFORMED_LINE", 3, 9)], id="edge to nowhere"),
        pytest.param(
            "[{id: a}]", "[{from: input, to: a, when: x}]", [("MALFORMED_LINE", 3, 9)], id="edge with another key"
        ),
        pytest.param("[{id: a}]", "[{from: input, to: 7}]", [("MALFORMED_LINE", 3, 9)], id="edge to a number"),
        pytest.param("[{id: a}]", "[{from: input, to: a b}]", [("MALFORMED_LINE", 3, 9)], id="edge to no name"),
        pytest.param(
            "[{id: a}]", "[{from: input, relation: NEVER, to: a}]", [("UNKNOWN_RELATION", 3, 9)], id="unknown relation"
        ),
        pytest.param(
            "[{id: a, config: {timeout_ms: 0}}]", "[{from: input, to: a}]", [("INVALID_SETTING", 2, 26)], id="setting"
        ),
    ],
)
def test_a_fault_of_nodes_and_edges_has_its_place(nodes: str, edges: str, expected: list[Any]) -> None:
    found = diagnostics_of(f"name: w\nnodes: {nodes}\nedges: {edges}\n")
    assert [(d["code"], d["line"], d["column"]) for d in found] == expected


@pytest.mark.parametrize(
    ("written", "relation"), [("TRUE", Relation.ON_TRUE), ("FALSE", Relation.ON_FALSE), ("true", Relation.ON_TRUE)]
)
def test_a_relation_that_yaml_reads_as_a_boolean(written: str, relation: Relation) -> None:
    source = f"name: w\nnodes: [{{id: a}}]\nedges: [{{from: input, relation: {written}, to: a}}]\n"
    assert [edge.relation for edge in parse(source).edges] == [relation]


def test_the_two_forms_do_not_mix() -> None:
    source = {**flow_of("input >> PIPE >> a", config={}), "nodes": [], "edges": [{"from": "input", "to": "a"}]}
    assert [d["message"] for d in diagnostics_of(source)] == [
        "`nodes` and `flow` cannot be used together",
        "`nodes` and `config` cannot be used together",
    ]


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        pytest.param("timeout_ms", 1, [], id="least timeout"),
        pytest.param("timeout_ms", 900_000, [], id="most timeout"),
        pytest.param("timeout_ms", 0, ["`timeout_ms` must be an integer from 1 to 900000"], id="no timeout"),
        pytest.param("timeout_ms", 900_001, ["`timeout_ms` must be an integer from 1 to 900000"], id="too long"),
        pytest.param("timeout_ms", 1.5, ["`timeout_ms` must be an integer from 1 to 900000"], id="fraction"),
        pytest.param("concurrency", 1, [], id="least concurrency"),
        pytest.param("concurrency", 64, [], id="most concurrency"),
        pytest.param("concurrency", 0, ["`concurrency` must be an integer from 1 to 64"], id="no concurrency"),
        pytest.param("concurrency", 65, ["`concurrency` must be an integer from 1 to 64"], id="too much"),
        pytest.param("concurrency", True, ["`concurrency` must be an integer from 1 to 64"], id="true"),
        pytest.param("concurrency", "8", ["`concurrency` must be an integer from 1 to 64"], id="text"),
    ],
)
def test_a_run_has_limits(key: str, value: Any, expected: list[str]) -> None:
    source = {**flow_of("input >> PIPE >> a"), key: value}
    assert [d["message"] for d in diagnostics_of(source)] == expected
    workflow = parse_workflow(source).workflow
    assert workflow is not None
    default = {"timeout_ms": 300_000, "concurrency": 16}[key]
    assert getattr(workflow, key) == (default if expected else value)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        pytest.param(["input >> ON_FAIL >> a"], "the trigger cannot fail", id="the trigger's failure"),
        pytest.param(
            ["input >> FOREACH x IN input.items >> output"],
            "FOREACH leads to `output`, which is not a node",
            id="a loop of the answer",
        ),
        pytest.param(
            ["input >> SUBFLOW >> output"],
            "CALLS_SUBFLOW leads to `output`, which is not a node",
            id="the answer called",
        ),
    ],
)
def test_what_an_edge_cannot_be(lines: list[str], message: str) -> None:
    assert [(d["code"], d["message"]) for d in diagnostics_of(flow_of(*lines))] == [("MALFORMED_LINE", message)]


def test_the_input_may_have_a_loop_policy_and_nothing_else() -> None:
    source = text_of(
        "input >> FOREACH x IN input.items >> a", config="  input: {foreach: {on_error: continue}, retry: {}}\n"
    )
    assert [(d["code"], d["line"], d["column"]) for d in diagnostics_of(source)] == [("UNKNOWN_KEY", 5, 42)]
    workflow = parse_workflow(source).workflow
    assert workflow is not None
    assert workflow.loops == {"input": LoopPolicy(1, stops_on_error=False)}


def test_where_a_line_is_broken_its_nodes_are_not_called_unreachable() -> None:
    source = text_of("input >> PIPE >> a", "a >> PIP >> b", config="  b: {x: 1}\n")
    assert codes_of(source) == ["UNKNOWN_RELATION"]


def test_the_error_sums_up_its_diagnostics() -> None:
    with pytest.raises(WorkflowError) as caught:
        require_plan(compile_source('name: w\nflow:\n  - "a > b"\n  - "c > d"\n'))
    assert caught.value.message == (
        "The workflow is not valid: the flow line 'a > b' has 1 parts, not 3 (line 3), and 1 more."
    )
    assert caught.value.next_actions == (
        "A flow line is `FROM >> RELATION >> TO`, such as `input >> ON_SUCCESS >> grab`.",
    )


@pytest.mark.parametrize(
    ("lines", "nodes", "index"),
    [
        pytest.param(["input >> PIPE >> a", "a >> PIPE >> b", "b >> PIPE >> a"], "a, b", 1, id="two nodes"),
        pytest.param(["a >> PIPE >> b", "b >> PIPE >> c", "c >> PIPE >> a"], "a, b, c", 0, id="without the trigger"),
        pytest.param(
            ["input >> PIPE >> a", "a >> PIPE >> b", "b >> PIPE >> b", "b >> PIPE >> c"], "b", 2, id="what lies behind"
        ),
        pytest.param(
            ["input >> PIPE >> a", "b >> PIPE >> z", "a >> PIPE >> b", "b >> PIPE >> a"], "a, b", 2, id="written late"
        ),
    ],
)
def test_a_cycle_names_its_own_nodes_and_one_of_its_lines(lines: list[str], nodes: str, index: int) -> None:
    text = "name: w\nflow:\n" + "".join(f'  - "{line}"\n' for line in lines)
    [found] = diagnostics_of(text)
    assert (found["code"], found["message"]) == ("CYCLE", f"the nodes {nodes} form a cycle")
    assert found["line"] == index + 3


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(["input >> PIPE >> a", "a >> PIPE >> b", "input >> PIPE >> b"], id="triangle"),
        pytest.param(
            ["input >> PIPE >> a", "a >> PIPE >> b", "a >> PIPE >> c", "b >> PIPE >> d", "c >> PIPE >> d"], id="diamond"
        ),
        pytest.param(["b >> PIPE >> output", "a >> PIPE >> b", "input >> PIPE >> a"], id="written backwards"),
    ],
)
def test_what_meets_again_is_no_cycle(lines: list[str]) -> None:
    assert codes_of(flow_of(*lines)) == []


@pytest.mark.parametrize(
    ("lines", "unreachable"),
    [
        pytest.param(["a >> PIPE >> b"], ["a", "b"], id="no line leaves the trigger"),
        pytest.param(["input >> PIPE >> a", "b >> PIPE >> c"], ["b", "c"], id="an island"),
    ],
)
def test_a_node_that_the_trigger_does_not_reach_is_reported(lines: list[str], unreachable: list[str]) -> None:
    """It would never run, and the run would count as a success."""
    found = diagnostics_of(flow_of(*lines))
    assert {d["code"] for d in found} == {"UNREACHABLE_NODE"}
    assert [name for name in unreachable if any(f"`{name}`" in d["message"] for d in found)] == unreachable


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        pytest.param("name: w\nflow: [a", 2, 9, id="open bracket"),
        pytest.param("name: w\n\tflow: a", 2, 1, id="tab as indentation"),
        pytest.param("name: a: b", 1, 8, id="two colons"),
        pytest.param('name: "w', 1, 9, id="open quote"),
        pytest.param("name: w\n---\nname: v", 2, 1, id="two documents"),
        pytest.param("name: !custom w", 1, 7, id="unknown tag"),
        pytest.param("name: !!python/object/apply:os.system [id]", 1, 7, id="Python object"),
        pytest.param("name: &n w\ndescription: *n", 2, 14, id="alias"),
        pytest.param("name: *n", 1, 7, id="alias without an anchor"),
        pytest.param("{[a]: b}", 1, 2, id="list as a key"),
    ],
)
def test_broken_yaml_has_its_place(text: str, line: int, column: int) -> None:
    [found] = diagnostics_of(text)
    assert found["code"] == "INVALID_YAML"
    assert found["message"].startswith("it is not YAML: ")
    assert (found["line"], found["column"]) == (line, column)
    assert found["hint"] == "Check the indentation, and put quotes around strings that contain `: ` or `#`."


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("name: w\x00", id="NUL"),
        pytest.param("name: \x07", id="bell"),
        pytest.param("name: \ud800", id="half a surrogate pair"),
        pytest.param("name: !!int ''", id="empty !!int"),
        pytest.param("name: !!float ''", id="empty !!float"),
        pytest.param("name: !!bool maybe", id="!!bool that is none"),
        pytest.param("name: !!timestamp x", id="!!timestamp that is none"),
    ],
)
def test_unreadable_values_are_broken_yaml(text: str) -> None:
    assert codes_of(text) == ["INVALID_YAML"]


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("!!set {a, b}", id="set"),
        pytest.param("!!binary aGVsbG8=", id="bytes"),
        pytest.param("!!omap [a: 1]", id="pairs"),
    ],
)
def test_a_value_that_json_does_not_have_is_refused(value: str) -> None:
    text = f"name: w\nflow: [input >> PIPE >> a]\nconfig:\n  a: {{v: {value}}}\n"
    assert codes_of(text) == ["INVALID_YAML"]


@pytest.mark.parametrize("written", ["2026-11-01", "2026-11-01T10:00:00Z", "2026-11-01 10:00:00"])
def test_a_date_is_the_text_that_was_written(written: str) -> None:
    workflow = parse(f"name: w\nflow: [input >> PIPE >> a]\nconfig: {{a: {{day: {written}}}}}")
    assert workflow.nodes["a"].config == {"day": written}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("name: v\nname: w\nflow: [input >> PIPE >> a]", id="of the workflow"),
        pytest.param("name: w\nflow: [input >> PIPE >> a]\nconfig:\n  a: {x: 1}\n  a: {x: 2}", id="of the config"),
        pytest.param("name: w\nflow: [input >> PIPE >> a]\nconfig:\n  a: {x: 1, x: 2}", id="of a node"),
        pytest.param('{"name": "v", "name": "w", "flow": ["input >> PIPE >> a"]}', id="in JSON"),
    ],
)
def test_a_duplicate_name_is_reported_not_dropped(text: str) -> None:
    [found] = diagnostics_of(text)
    assert found["line"] is not None


def test_a_bomb_of_aliases_is_refused_before_it_grows() -> None:
    levels = [f"l{i}: &l{i} [" + ", ".join([f"*l{i - 1}"] * 10 if i else ["x"] * 10) + "]" for i in range(30)]
    assert codes_of("\n".join(levels)) == ["INVALID_YAML"]


def test_merge_keys_are_aliases_too() -> None:
    assert codes_of("base: &b {x: 1}\nname: w\nconfig: {a: {<<: *b}}") == ["INVALID_YAML"]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[" * 600 + "]" * 600, id="lists"),
        pytest.param("{a: " * 600 + "}" * 600, id="mappings"),
        pytest.param("- " * 5_000 + "x", id="block lists"),
        pytest.param("? " * 5_000 + "x", id="keys"),
    ],
)
def test_deep_nesting_is_refused(text: str) -> None:
    assert codes_of(text) == ["INVALID_YAML"]


@pytest.mark.parametrize(
    ("length", "codes"),
    [
        pytest.param(MAX_SOURCE_CHARACTERS, [], id="at the limit"),
        pytest.param(MAX_SOURCE_CHARACTERS + 1, ["WORKFLOW_TOO_LARGE"], id="above the limit"),
    ],
)
def test_text_has_a_size_limit(length: int, codes: list[str]) -> None:
    head = "name: w\nflow: [input >> PIPE >> a]\n#"
    assert codes_of(head + "x" * (length - len(head))) == codes


@given(st.text(alphabet=st.sampled_from("[]{}:,- \n\t\"'!&*|>%@`#?~0aé"), max_size=40))
@example("!!int ''")
@example("\ufeffname: w")
def test_any_text_is_read_or_diagnosed(text: str) -> None:
    assert diagnostics_of(text)[0]["code"] in ("INVALID_YAML", "INVALID_WORKFLOW", "INVALID_NAME", "UNKNOWN_KEY")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3),
    max_leaves=10,
)


@given(st.fixed_dictionaries({}, optional={"name": JSON, "description": JSON, "flow": JSON, "config": JSON}))
def test_any_object_is_diagnosed(source: dict[str, Any]) -> None:
    assert diagnostics_of(source) != []


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        pytest.param(
            {"flow": [f"input >> PIPE >> n{i}" for i in range(MAX_NODES + 1)]},
            f"it has {MAX_NODES + 1} nodes; the limit is {MAX_NODES}",
            id="nodes",
        ),
        pytest.param(
            {"flow": ["input >> PIPE >> a"] * (MAX_LINES + 1)},
            f"it has {MAX_LINES + 1} lines; the limit is {MAX_LINES}",
            id="lines",
        ),
        pytest.param(
            {"edges": [{"from": "input", "to": "a"}] * (MAX_LINES + 1), "nodes": [{"id": "a"}]},
            f"it has {MAX_LINES + 1} lines; the limit is {MAX_LINES}",
            id="edges",
        ),
        pytest.param(
            {"flow": ["input >> PIPE >> a"], "config": {"a": {"x": ["{{input.x}}" * 30] * 101}}},
            f"it has 3030 templates; the limit is {MAX_TEMPLATES}",
            id="templates",
        ),
        pytest.param(
            {"flow": ["input >> PIPE >> a"], "config": {"a": {"x": [1] * MAX_SOURCE_VALUES}}},
            f"it has {MAX_SOURCE_VALUES + 12} values; the limit is {MAX_SOURCE_VALUES}",
            id="values",
        ),
        pytest.param(
            {"flow": ["input >> PIPE >> a"], "config": {f"n{i}": {} for i in range(MAX_NODES + 2)}},
            f"it has {MAX_NODES + 2} nodes; the limit is {MAX_NODES}",
            id="entries",
        ),
    ],
)
def test_a_workflow_has_so_much_of_everything(source: dict[str, Any], problem: str) -> None:
    draft = parse_workflow({"name": "w", **source})
    assert draft.workflow is None
    assert [(found.code, found.message) for found in draft.findings.in_order(None)] == [("WORKFLOW_TOO_LARGE", problem)]


def test_a_workflow_may_have_as_much() -> None:
    names = [f"n{i}" for i in range(MAX_NODES)]
    lines = [f"input >> PIPE >> {name}" for name in names] * (MAX_LINES // MAX_NODES)
    config = {name: {"x": ["{{input.x}}"] * (MAX_TEMPLATES // MAX_NODES)} for name in names} | {"input": {}}
    assert parse_workflow({"name": "w", "flow": lines, "config": config}).workflow is not None


@pytest.mark.parametrize("text", ["-" * 250_000, "a && " * 50_000 + "a", "a[" + "1" * 200_000 + "]"])
def test_an_expression_has_so_many_characters(text: str) -> None:
    [found] = diagnose(flow_of(f"input >> IF({text}) >> a"))
    assert (found.code, found.message[-31:]) == ("INVALID_EXPRESSION", "it is longer than 2000 characters"[-31:])
