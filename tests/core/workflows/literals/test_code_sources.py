"""Nodes of `code`: the source stands as it is written, has its place in the file, and is compiled at push. The hosts
are literals.
"""

from typing import Any

import pytest

from acr.bench.code_compiler import find_code_problems
from arcrun.contracts.allowed_hosts import is_allowed, is_host_pattern
from arcrun.templates.rendering import Rendering
from arcrun.wasm.component import Component
from arcrun.workflows.compile import compile_workflow
from arcrun.workflows.diagnostics import Diagnostic
from arcrun.workflows.literals.code_sources import find_place, list_sources, read_source
from arcrun.workflows.model import SymbolTable
from arcrun.workflows.parse import parse_workflow
from arcrun.yaml_text import parse_yaml
from fakes.builtins import BUILTINS, build_code

SYMBOLS = SymbolTable(BUILTINS)
FLOW = ["input >> PIPE >> sum", "sum >> PIPE >> output"]


def find(config: dict[str, Any] | str, code: Component | None = None) -> list[Diagnostic]:
    source: Any = {"name": "w", "flow": FLOW, "config": {"sum": config}} if isinstance(config, dict) else config
    draft = parse_workflow(source)
    assert draft.workflow is not None
    problems = find_code_problems(draft.workflow, code) if code is not None else {}
    return compile_workflow(draft, SymbolTable(BUILTINS, code_problems=problems)).diagnostics


@pytest.mark.parametrize(
    "source",
    [
        "return '{{input.x}}'",
        "return {a: {b: 1}}",
        'return `{{"{{"}}`',
        "if (a || b) {{ f() }}",
        "return {{{a: 1}}}",
        "{{",
    ],
)
def test_a_source_stands_as_it_is_written(source: str) -> None:
    draft = parse_workflow({"name": "w", "flow": FLOW, "config": {"sum": {"component": "code", "source": source}}})
    assert draft.workflow is not None
    node = draft.workflow.nodes["sum"]
    assert read_source(node.config) == source
    assert list_sources(draft.workflow) == {("sum", False): {"source": source, "check": True}}
    compilation = compile_workflow(draft, SYMBOLS)
    assert compilation.plan is not None
    assert compilation.plan.nodes[0].template.render({}, Rendering()) == {"source": source}


def test_the_source_of_an_undo_does_too() -> None:
    undo = {"component": "code", "source": "return '{{input.x}}'"}
    config = {"component": "set", "values": {"a": 1}, "undo": undo}
    draft = parse_workflow({"name": "w", "durable": True, "flow": FLOW, "config": {"sum": config}})
    assert draft.workflow is not None
    assert [*list_sources(draft.workflow)] == [("sum", True)]


def test_other_components_keep_their_templates() -> None:
    assert find({"component": "set", "values": {"source": "{{input.x}}"}}) == []


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("source: |\n  a\n  b\n", (2, 2)),
        ("source: |-\n      a\n", (2, 6)),
        ("source: |  # a comment\n  a\n", (2, 2)),
        ("source: |\n\n    a\n", (2, 4)),
        ("source: |2\n    a\n  b\n", (2, 2)),
        ("x: 1\nsource: return 1\n", (2, 8)),
        ("source: 'return 1'\n", (1, 9)),
        ('source: "return 1"\n', (1, 9)),
        ("source: >\n  a\n  b\n", None),
        ('source: "a\\nb"\n', None),
        ("source: a\n  b\n", None),
    ],
)
def test_a_source_has_its_place_in_the_file(text: str, place: tuple[int, int] | None) -> None:
    parsed = parse_yaml(text)
    assert parsed.root is not None
    node = next(value for key, value in parsed.root.value if key.value == "source")
    found = find_place(node, text, parsed.value["source"])
    assert found == (None if place is None else {"line": place[0], "indent": place[1]})


FILE = """\
name: w
flow:
  - input >> PIPE >> sum
config:
  sum:
    component: code
    source: |
      const a = 1;

      return a +;
"""


def test_a_syntax_error_has_the_line_and_column_of_the_file() -> None:
    [found] = find(FILE, build_code())
    assert (found.code, found.line, found.column) == ("SYNTAX_ERROR", 10, 17)
    assert found.message == "`source` of `sum` cannot be run: SyntaxError: unexpected token in expression: ';'"


def test_a_workflow_that_is_no_file_has_those_of_the_source() -> None:
    [found] = find({"component": "code", "source": "const a = 1;\nreturn a +;"}, build_code())
    assert (found.code, found.line) == ("SYNTAX_ERROR", None)
    assert found.message.endswith("(line 2, column 11 of the source)")


@pytest.mark.parametrize(
    ("language", "source", "is_hinted"),
    [("ts", "let a: number = 1", True), ("ts", "let a = 1; let a = 2", False), ("js", "let a: number = 1", False)],
)
def test_a_hint_about_types_is_given_where_there_may_be_some(language: str, source: str, is_hinted: bool) -> None:
    [found] = find({"component": "code", "source": source, "language": language}, build_code())
    assert ("Types" in found.hint) is is_hinted


def test_what_looks_like_a_template_is_told() -> None:
    [found] = find({"component": "code", "source": "return 'Hello {{input.name}}'"})
    assert (found.code, found.severity.value) == ("INVALID_TEMPLATE", "warning")
    assert found.hint == 'Give it by `input`: {x: "{{input.name}}"}, and read input.x.'


def test_a_source_that_compiles_is_fine() -> None:
    assert find({"component": "code", "source": "export default (input) => input.x"}, build_code()) == []


@pytest.mark.parametrize("host", ["https://a.example.com/", "{{input.host}}", "a b", "", "*.*", "a.example.com/path"])
def test_a_host_is_a_literal_name(host: str) -> None:
    [found] = find({"component": "code", "source": "return 1", "hosts": ["b.example.com", host]})
    assert found.code == "INVALID_INPUT"
    assert not is_host_pattern(host)


@pytest.mark.parametrize("host", ["a.example.com", "*.example.com", "*", "localhost:8080", "127.0.0.1", "[::1]:80"])
def test_what_a_host_may_be(host: str) -> None:
    assert find({"component": "code", "source": "return 1", "hosts": [host]}) == []


def test_a_taken_value_sets_the_input_alone() -> None:
    contract = BUILTINS["code"]
    assert [key for key in contract.input_keys if contract.takes_field(key)] == ["input"]
    assert [found.code for found in find({"component": "code", "take": "input"})] == ["MISSING_INPUT"]


@pytest.mark.parametrize(
    ("pattern", "host", "port", "fits"),
    [
        ("*", "a.example.com", 443, True),
        ("*.example.com", "a.example.com", 443, True),
        ("*.example.com", "example.com", 443, False),
        ("A.example.com:8443", "a.example.com", 8443, True),
        ("a.example.com:8443", "a.example.com", 443, False),
        ("[::1]", "::1", 80, True),
    ],
)
def test_hosts_are_matched(pattern: str, host: str, port: int, *, fits: bool) -> None:
    assert is_allowed([pattern], host, port) is fits


WATCH = """\
name: feed
triggers:
  watch:
    component: code
    source: |
      const t = '{{x}}';
      return [{id: 1}];
    every: 5m
    key: "{{item.id}}"
flow:
  - input >> PIPE >> show
config:
  show: {component: set, values: {id: "{{input.id}}"}}
"""


def test_a_watch_may_ask_code() -> None:
    assert find(WATCH, build_code()) == []
    [found] = find(WATCH.replace("return [", "return [)"), build_code())
    assert (found.code, found.line, found.column) == ("SYNTAX_ERROR", 7, 15)


def test_what_a_watch_has_seen_is_known_wherever_its_source_stands() -> None:
    identities = []
    for text in (
        WATCH,
        WATCH.replace("name: feed", "name: feed\ndescription: A feed"),
        WATCH.replace("id: 1", "id: 2"),
    ):
        plan = compile_workflow(parse_workflow(text), SYMBOLS).plan
        assert plan is not None
        assert plan.triggers.watch is not None
        identities.append(plan.triggers.watch.identity)
    assert identities[0] == identities[1] != identities[2]
