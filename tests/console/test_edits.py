"""Proves that an edit of the graph keeps a text valid and everything else in it, however that is written."""

import json
from typing import Any

import pytest
from console.console_functions import call, call_all

from arcrun.workflows.parse import parse_workflow
from arcrun.workflows.triggers.examples import read_examples

CONTRACT = {
    "canonical_id": "string_ops",
    "input_schema": {"required": ["operation", "input"], "properties": {}},
    "config_example": {"operation": "trim", "input": "{{input.name}}"},
}
LINES = ["input >> ON_SUCCESS >> a", "a >> ON_SUCCESS >> b", "b >> ON_FAIL >> output"]
CONFIG = {"a": {"component": "set", "values": {"x": 1}}, "b": {"component": "set", "values": {"x": "{{a.data.x}}"}}}
LISTED = {
    "name": "w",
    "nodes": [{"id": "a", "component": "set", "config": {"values": {"x": 1}}}, {"id": "b", "component": "set"}],
    "edges": [
        {"from": "input", "to": "a"},
        {"from": "a", "to": "b"},
        {"from": "b", "relation": "ON_FAIL", "to": "output"},
    ],
}
BLOCK = """name: w
flow:
  - "input >> ON_SUCCESS >> a"
  # between lines
  - "a >> ON_SUCCESS >> b"   # why b

  - "b >> ON_FAIL >> output"
config:
  # of a
  a: {component: set, values: {x: 1}}
  b:
    component: set   # comment
    # inner
    values:
      x: "{{a.data.x}}"
      y: [1, 2]
# the end
"""
SHAPES = {
    "block": BLOCK,
    "no line break at the end": BLOCK.replace("# the end\n", "").rstrip("\n"),
    "a document's marks": f"---\n{BLOCK}...\n",
    "an object": json.dumps({"name": "w", "flow": LINES, "config": CONFIG}, indent=2),
    "an object on one line": json.dumps({"name": "w", "flow": LINES, "config": CONFIG}),
    "an object without config": json.dumps({"name": "w", "flow": LINES}, indent=2),
    "an object of lists": json.dumps(LISTED, indent=2),
    "flow style": """name: w
flow: [
  "input >> ON_SUCCESS >> a",  # first
  "a >> ON_SUCCESS >> b",
  "b >> ON_FAIL >> output",
]
config: {
  a: {component: set, values: {x: 1}},
  b: {
    component: set,
    values: {x: "{{a.data.x}}"},
  },
}
""",
    "lists": """name: w
nodes:
  - {id: a, component: set, config: {values: {x: 1}}}
  - id: b
    component: set
    config:
      values: {x: "{{a.data.x}}"}
edges:
  - {from: input, to: a}
  - {from: a, to: b}  # c
  - from: b
    relation: ON_FAIL
    to: output
""",
    "four spaces, config first": """config:
    a:
        component: set
        values:
            x: 1
    b:
        component: set
        values: {x: "{{a.data.x}}"}

# the flow
flow:
- input >> ON_SUCCESS >> a
- a >> ON_SUCCESS >> b
- b >> ON_FAIL >> output

name: w
""",
    "every kind of text": """name: w
flow:
  - >-
    input >> ON_SUCCESS
    >> a
  - 'a >> ON_SUCCESS >> b'
  - |-
    b >> ON_FAIL >> output
config:
  "a": {component: set, values: {x: 1}}
  'b':
    component: set
    values:
      x: |
        {{a.data.x}}
        more

""",
    "no config": f"name: w\nflow: {json.dumps(LINES)}\n",
    "an entry without a value": f"name: w\nflow: {json.dumps(LINES)}\nconfig:\n  a: {{}}\n  b:\n",
    "words of Chinese": """name: w
flow:
  - "input >> 完成後 >> 甲"
  - "甲 >> 完成後 >> 乙"
  - "乙 >> 失敗時 >> output"
config:
  甲: {component: set, values: {x: 1}}
  乙: {component: set, values: {x: "{{甲.data.x}}"}}
""",
}
VALUE: Any = {"q": [1, "yes", "0912345678", None]}


def read(text: str) -> tuple[list[tuple[Any, ...]], dict[str, Any]]:
    """Its edges, and its nodes' config with their components."""
    draft = parse_workflow(text)
    wrong = [found.message for found in draft.findings.found if found.severity.value == "error"]
    assert draft.workflow is not None, text
    assert [message for message in wrong if "must be a mapping" not in message] == [], text
    edges = [(edge.source, edge.relation, edge.target) for edge in draft.workflow.edges]
    return edges, {name: {**node.config, "component": node.component} for name, node in draft.workflow.nodes.items()}


@pytest.mark.parametrize("shape", SHAPES)
def test_an_edit_changes_what_it_says(shape: str) -> None:
    text = SHAPES[shape]
    a, b = ("甲", "乙") if "甲" in text else ("a", "b")
    edges, nodes = read(text)
    fields = [(node, value) for node in (a, b) for value in (VALUE, "two\nlines\n", "x: y", 7)]
    texts = call_all(
        [
            ("add", [text, "c", "string_ops", CONTRACT, b]),
            ("addCall", [text, "c", "other", b]),
            ("connect", [text, a, "output", "ON_TRUE"]),
            ("relation", [text, 1, "ON_FAIL"]),
            *(("removeEdge", [text, at]) for at in range(3)),
            ("removeNode", [text, a]),
            ("removeNode", [text, b]),
            ("rename", [text, a, "zed"]),
            *(("setField", [text, node, "values", value]) for node, value in fields),
            *(("setField", [text, node, "values"]) for node in (a, b)),
        ]
    )
    added, called, connected, related, *texts = texts
    assert read(added)[0] == [*edges, (b, "ON_SUCCESS", "c")]
    assert read(added)[1]["c"] == {"component": "string_ops", **CONTRACT["config_example"]}  # type: ignore[dict-item]
    assert read(called)[0] == [*edges, (b, "CALLS_SUBFLOW", "c")]
    workflow = parse_workflow(called).workflow
    assert workflow is not None
    assert workflow.nodes["c"].workflow == "other"
    assert sorted(read(connected)[0]) == sorted([*edges, (a, "ON_TRUE", "output")])
    assert read(related)[0] == [edges[0], (a, "ON_FAIL", b), edges[2]]
    for at, without in enumerate(texts[:3]):
        assert read(without)[0] == edges[:at] + edges[at + 1 :]
    without_a, without_b, renamed, *texts = texts[3:]
    assert (read(without_a)[0], [*read(without_a)[1]]) == ([edges[2]], [b])
    assert (read(without_b)[0], [*read(without_b)[1]]) == ([edges[0]], [a])
    assert ("zed" in read(renamed)[1], a in read(renamed)[1]) == (True, False)
    assert f"{{{{{a}.data" not in renamed
    for (node, value), changed in zip(fields, texts, strict=False):
        assert read(changed) == (edges, {**nodes, node: {**nodes[node], "values": value}}), changed
    for node, changed in zip((a, b), texts[len(fields) :], strict=True):
        assert "values" not in read(changed)[1][node], changed
    for comment in ("between lines", "why b", "of a", "comment", "inner", "the end", "first", "the flow"):
        if f"# {comment}" in text:
            assert all(f"# {comment}" in changed for changed in (added, connected, related, renamed, *texts))


@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_read_of_an_entry_is_what_the_compiler_reads(shape: str) -> None:
    text = SHAPES[shape]
    nodes = read(text)[1]
    for node, entry in zip(nodes, call_all([("readEntry", [text, node]) for node in nodes]), strict=True):
        assert {**entry, "component": nodes[node]["component"]} == nodes[node]


def test_an_object_stays_json() -> None:
    text = SHAPES["an object"]
    for changed in call_all(
        [
            ("add", [text, "c", "string_ops", CONTRACT, "b"]),
            ("rename", [text, "a", "zed"]),
            ("setField", [text, "b", "values", VALUE]),
            ("setExample", [text, "busy", VALUE]),
            ("removeNode", [text, "b"]),
        ]
    ):
        json.loads(changed)


@pytest.mark.parametrize("value", ["0912345678", "+886", "1_000", "0x1F", "yes", "12:30", "1e3", "~", "-0.5", "True"])
def test_a_value_is_read_as_the_compiler_reads_it(value: str) -> None:
    text = BLOCK.replace("x: 1", f"x: {value}")
    assert call("readEntry", text, "a")["values"] == read(text)[1]["a"]["values"]


@pytest.mark.parametrize("shape", SHAPES)
def test_inputs_are_saved_in_the_text(shape: str) -> None:
    text = SHAPES[shape]
    values: list[Any] = [VALUE, [], None, "two\nlines", {"long": ["x" * 50, {"deep": "y" * 50}, "0912345678", "yes"]}]
    ones = call_all([("setExample", [text, "busy", value]) for value in values])
    asked: list[Any] = []
    for one in ones:
        asked += [
            ("setExample", [one, "早上 9:00", 7]),
            ("setExample", [one, "busy", 1]),
            ("setExample", [one, "busy"]),
        ]
        asked += [("differInExamples", [text, one]), ("examples", [one])]
    asked.append(("differInExamples", [text, f"description: d\n{text}"]))
    *told, is_same = call_all(asked)
    for at, (value, one) in enumerate(zip(values, ones, strict=True)):
        two, other, gone, differs_so, shown = told[5 * at : 5 * at + 5]
        read(one)
        assert read_examples(one) == shown == {"busy": value}, one
        assert read_examples(two) == {"busy": value, "早上 9:00": 7}, two
        assert read_examples(other) == {"busy": 1}, other
        assert (read_examples(gone), differs_so) == ({}, True), gone
    assert is_same is False


def test_line_breaks_of_what_is_stored_stay() -> None:
    stored = BLOCK.replace("\n", "\r\n")
    assert call("breaks", stored) == stored
    assert call("breaks", BLOCK) == BLOCK


URL = "http://127.0.0.1:8787/webhooks/t/trigger"
GREET = 'name: w\nflow: ["input >> ON_SUCCESS >> output"]\n'


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("", f"curl -X POST '{URL}' -H 'content-type: application/json' -d '{{}}'"),
        ('# POST {"name": " ada "}\n', '-d \'{"name":" ada "}\''),
        ("examples: {busy: {name: it's}}\n", """-d '{"name":"it'\\''s"}'"""),
        (
            "input_schema: {type: object, required: [n], properties: {n: {type: integer, minimum: 3}}}\n",
            """-d '{"n":3}'""",
        ),
        ("triggers: {webhook: {methods: [GET]}}\nexamples: {a: {q: a b&c}}\n", f"curl '{URL}?q=a+b%26c'"),
        ("triggers: {webhook: {methods: [PUT, GET]}}\n", f"curl -X PUT '{URL}'"),
        ("triggers: {webhook: {verify: {scheme: basic, credential: c}}}\n", "-u 'USER:PASSWORD'"),
        ("triggers: {webhook: {verify: {scheme: header, header: x-key, credential: c}}}\n", "-H 'x-key: SECRET'"),
        ("triggers: {webhook: {verify: {scheme: github, credential: c}}}\n", None),
    ],
)
def test_a_line_of_curl(more: str, expected: str | None) -> None:
    line = call("curl", URL, GREET + more)
    assert line is None if expected is None else expected in line


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            'config: {a: {x: "{{input.name}} {{input.a.b}} {{input.a.c | upper}}"}}',
            {"name": "", "a": {"b": "", "c": ""}},
        ),
        ('flow:\n  - "input >> FOREACH n IN input.list >> one"\n', {"list": []}),
        ("flow:\n  - \"input >> IF(input.kind == 'x') >> one\"\n", {"kind": ""}),
        ('config: {a: {x: "{{input.name?}} {{input.b | default(1)}} {{my.input.c}} input.d"}}', {}),
        ('config: {a: {x: "{{input.a}} {{input.a.b}}"}}', {"a": {"b": ""}}),
    ],
)
def test_an_input_to_begin_with_has_the_fields_that_are_read(text: str, expected: Any) -> None:
    assert call("firstInput", text) == expected


def test_the_step_that_failed_a_run_is_found_in_a_sub_workflow() -> None:
    inner = [{"node": "prep", "status": "success"}, {"node": "fail", "status": "failed"}]
    trace = [{"node": "fail", "status": "success"}, {"node": "inner", "status": "failed", "trace": inner}]
    assert call("pathOfFailed", {"trace": trace}, "fail") == "inner › fail"
    assert call("pathOfFailed", {"trace": [{"node": "fail", "status": "failed"}]}, "fail") == "fail"
    assert call("pathOfFailed", {}, "gone") == "gone"


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "boolean"}}}, {"a": "", "b": False}),
        ({"type": "object", "required": ["a"], "properties": {"a": {"enum": ["x", "y"]}, "b": {}}}, {"a": "x"}),
        ({"type": ["null", "array"], "items": {"type": "object", "properties": {"n": {"type": "number"}}}}, [{"n": 0}]),
        ({"properties": {"mail": {"type": "string", "format": "email"}}}, {"mail": "ada@example.com"}),
        ({"anyOf": [{"type": "integer", "minimum": 2.5}, {"type": "string"}]}, 3),
        ({"type": "string", "default": "d", "minLength": 9}, "d"),
        ({"type": "string", "minLength": 3}, "xxx"),
        ({"type": "array", "items": {"type": "string"}, "minItems": 2}, ["", ""]),
        ({}, None),
    ],
)
def test_a_sample_of_a_schema(schema: Any, expected: Any) -> None:
    assert call("sample", schema) == expected


NESTED = """name: w
flow: ["input >> ON_SUCCESS >> a"]
config:
  a:
    component: set
    values:
      # who
      name: Ada   # the first
      tags: [one, two]  # some
      lines:
        - {sku: A, count: 1}
        # the second
        - sku: B
          count: 2
      address: {street: "Main St", city: Ulm}
"""
VALUES: dict[str, Any] = {
    "name": "Ada",
    "tags": ["one", "two"],
    "lines": [{"sku": "A", "count": 1}, {"sku": "B", "count": 2}],
    "address": {"street": "Main St", "city": "Ulm"},
}


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        pytest.param({"name": "Grace"}, ["      name: Grace   # the first"], id="a text"),
        pytest.param({"tags": ["one", "2"]}, ['      tags: [one, "2"]  # some'], id="an item"),
        pytest.param({"tags": ["one", "two", "three"]}, ["      tags: [one, two, three]  # some"], id="one more item"),
        pytest.param({"tags": ["two"]}, ["      tags: [two]  # some"], id="one item less"),
        pytest.param({"tags": []}, ["      tags: []  # some"], id="no item"),
        pytest.param(
            {"lines": [VALUES["lines"][0], {"sku": "B", "count": 3}]}, ["          count: 3"], id="within an item"
        ),
        pytest.param(
            {"lines": [*VALUES["lines"], {"sku": "C"}]}, ["        - {sku: C}"], id="one more item on a line of its own"
        ),
        pytest.param(
            {"address": {"street": "Main St", "city": "Bonn"}},
            ['      address: {street: "Main St", city: Bonn}'],
            id="within a map on one line",
        ),
        pytest.param({"more": True}, ["      more: true"], id="one more key"),
        pytest.param({"a": 1, "b": 2, "c": "two\nlines"}, None, id="more keys"),
        pytest.param({"name": {"first": "Ada"}}, ["      name: {first: Ada}   # the first"], id="a map for a text"),
        pytest.param(
            {"name": "two\nlines"}, ["      name: |-", "        two", "        lines   # the first"], id="lines"
        ),
    ],
)
def test_within_a_field_only_what_has_changed_is_written(changes: dict[str, Any], lines: list[str] | None) -> None:
    value = {**VALUES, **changes}
    text = call("setField", NESTED, "a", "values", value)
    assert read(text)[1]["a"]["values"] == value, text
    if lines is not None and "two\nlines" not in changes.values():
        assert [line for line in text.splitlines() if line not in NESTED.splitlines()] == lines


@pytest.mark.parametrize("gone", VALUES)
def test_a_key_within_a_field_is_taken_away(gone: str) -> None:
    value = {key: each for key, each in VALUES.items() if key != gone}
    text = call("setField", NESTED, "a", "values", value)
    assert read(text)[1]["a"]["values"] == value, text
    assert set(text.splitlines()) < set(NESTED.splitlines())


def test_the_settings_of_a_step_are_the_languages() -> None:
    given: dict[str, Any] = {
        "take": "input",
        "join": "all",
        "once": True,
        "until": "a.data.x",
        "on": ["5xx"],
        "tolerate": "10%",
        "on_error": "continue",
    }

    def value_of(name: str, schema: Any) -> Any:
        if "properties" in schema:
            return {key: value_of(key, inner) for key, inner in schema["properties"].items()}
        return given.get(name, schema["enum"][0] if "enum" in schema else 1)

    settings = {name: value_of(name, schema) for name, schema in call("stepSettings").items()}
    texts = call_all([("setField", [BLOCK, "b", name, value]) for name, value in settings.items()])
    for text in texts:
        draft = parse_workflow(text.replace("b >> ON_FAIL >> output", "b >> FOREACH n IN b.data.y >> c"))
        assert draft.workflow is not None
        assert [found.message for found in draft.findings.found if found.severity.value == "error"] == [], text
