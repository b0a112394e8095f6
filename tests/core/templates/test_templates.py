"""The value of each form of a template, that values keep their types, and the errors of references that lead
nowhere.
"""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arcrun.errors import TemplateError
from arcrun.json_text import parse_json
from arcrun.templates.filters import FILTERS
from arcrun.templates.hints import CALCULATE, COMPARE, FILTERS_BY_NAME
from arcrun.templates.syntax import parse_template
from arcrun.templates.template import START, Reference, compile_path, compile_value
from arcrun.yaml_text import parse_yaml

SCOPE: dict[str, Any] = {
    "input": {"name": "Ada", "n": 3, "ratio": 0.5, "yes": True, "nothing": None, "list": [10, [20, 21], {"x": "deep"}]},
    "grab": {"data": {"a-b": 1, "with space": 2, "dotted.name": 3, "0": "zero", "": "empty"}, "text": "é"},
    "節點": {"data": "名"},
    "a-1": "hyphen",
    "whole": 1e3,
    "wholes": [1e3, {"a": 2.0, "b": "1.0"}],
    "odd": {"हिन्दी": {"e\u0301": {"👍🏽": 1}}, "$b": 2, "it's": 3, 'say "x"': 4, "}}": 5, "é": 6},
}


def resolve(value: Any) -> Any:
    return compile_value(value).resolve(SCOPE)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        pytest.param("{{input.name}}", "Ada", id="field"),
        pytest.param("{{input}}", SCOPE["input"], id="whole node"),
        pytest.param("{{ input.name }}", "Ada", id="spaces within"),
        pytest.param("{{\n\tinput.name\n}}", "Ada", id="line feeds within"),
        pytest.param("{{input.list[0]}}", 10, id="element"),
        pytest.param("{{input.list[1][1]}}", 21, id="element of an element"),
        pytest.param("{{input.list[2].x}}", "deep", id="field of an element"),
        pytest.param("{{input.list.0}}", 10, id="element, written as a field"),
        pytest.param('{{grab.data["with space"]}}', 2, id="quoted field"),
        pytest.param('{{grab.data["dotted.name"]}}', 3, id="quoted field with a dot"),
        pytest.param('{{grab.data[""]}}', "empty", id="empty field"),
        pytest.param("{{grab.data[0]}}", "zero", id="field that looks like an index"),
        pytest.param("{{grab.data.a-b}}", 1, id="field with a hyphen"),
        pytest.param("{{a-1}}", "hyphen", id="node with a hyphen"),
        pytest.param("{{節點.data}}", "名", id="node beyond ASCII"),
        pytest.param("{{odd.हिन्दी.e\u0301.👍🏽}}", 1, id="fields with marks and symbols"),
        pytest.param("{{input.list[-1].x}}", "deep", id="last element"),
        pytest.param("{{input.list[ -3 ]}}", 10, id="element from the end"),
        pytest.param("{{ input . list [ 1 ] [ 0 ] }}", 20, id="spaces around the steps"),
        pytest.param("{{odd['$b']}}", 2, id="single quotes"),
        pytest.param('{{odd["$b"]}}', 2, id="dollar"),
        pytest.param("""{{odd["it's"]}}""", 3, id="quote in quotes"),
        pytest.param('{{odd["say \\"x\\""]}}', 4, id="escaped quotes"),
        pytest.param('{{odd["}}"]}}', 5, id="braces in quotes"),
        pytest.param('{{odd["\\u00e9"]}}', 6, id="escape"),
        pytest.param('{{"a text"}}', "a text", id="literal"),
        pytest.param('{{"{{"}}', "{{", id="literal of opening braces"),
        pytest.param('{{ "}}" }}', "}}", id="literal of closing braces"),
    ],
)
def test_a_reference_finds_its_value(template: str, expected: Any) -> None:
    assert resolve(template) == expected


@pytest.mark.parametrize(
    ("field", "expected"),
    [("n", 3), ("ratio", 0.5), ("yes", True), ("nothing", None), ("list", SCOPE["input"]["list"]), ("name", "Ada")],
)
def test_a_lone_reference_keeps_the_type(field: str, expected: Any) -> None:
    value = resolve(f"{{{{input.{field}}}}}")
    assert (value, type(value)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        pytest.param("Hello {{input.name}}!", "Hello Ada!", id="text"),
        pytest.param("{{input.name}}{{input.n}}", "Ada3", id="two side by side"),
        pytest.param(" {{input.n}}", " 3", id="number behind a space"),
        pytest.param("\n{{input.n}}", "\n3", id="number behind a line feed"),
        pytest.param("{{input.n}} \n", "3 \n", id="number before a space"),
        pytest.param("{{input.yes}} and {{input.nothing}}", "true and null", id="true and null"),
        pytest.param("x {{input.ratio}}", "x 0.5", id="fraction"),
        pytest.param("x {{whole}}", "x 1000", id="whole number that is a float"),
        pytest.param("x {{wholes}}", 'x [1000, {"a": 2, "b": "1.0"}]', id="floats within"),
        pytest.param("x {{input.list}}", 'x [10, [20, 21], {"x": "deep"}]', id="list"),
        pytest.param("x {{節點}}", 'x {"data": "名"}', id="object, not escaped"),
        pytest.param('{"name": "{{input.name}}"}', '{"name": "Ada"}', id="within JSON text"),
        pytest.param("{{input.name}} }} {{input.n}}", "Ada }} 3", id="closing braces alone"),
        pytest.param("{ {input.name} }", "{ {input.name} }", id="single braces"),
        pytest.param('{{"{{"}}input.name}}', "{{input.name}}", id="opening braces as a literal"),
        pytest.param('a {{"{{"}}b{{"}}"}} {{input.n}}', "a {{b}} 3", id="both braces as literals"),
        pytest.param('{"a": {{input.n}}}', '{"a": 3}', id="one brace behind"),
        pytest.param('x {{"a" | upper}}', "x A", id="literal with a filter"),
    ],
)
def test_a_reference_within_a_text_is_written_out(template: str, expected: str) -> None:
    assert resolve(template) == expected


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        pytest.param("{{input.missing?}}", None, id="optional"),
        pytest.param("{{missing.x.y?}}", None, id="optional, the node is missing"),
        pytest.param("{{input.name?}}", "Ada", id="optional, but there"),
        pytest.param("{{input.name.first?}}", None, id="optional, field of a text"),
        pytest.param("{{input.list[9]?}}", None, id="optional, index out of range"),
        pytest.param('{{input.missing | default("y")}}', "y", id="default text"),
        pytest.param('{{input.missing|default("y")}}', "y", id="default without spaces"),
        pytest.param('{{ input.missing | default( "y" ) }}', "y", id="default with more spaces"),
        pytest.param("{{input.missing | default(5)}}", 5, id="default number"),
        pytest.param("{{input.missing | default(-0.5)}}", -0.5, id="default fraction"),
        pytest.param("{{input.missing | default(null)}}", None, id="default null"),
        pytest.param("{{input.missing | default(true)}}", True, id="default true"),
        pytest.param('{{input.missing | default([1, "a"])}}', [1, "a"], id="default list"),
        pytest.param('{{input.missing | default({"a": 1})}}', {"a": 1}, id="default object"),
        pytest.param('{{input.missing | default("a) b")}}', "a) b", id="default with a bracket"),
        pytest.param('{{input.missing | default("")}}', "", id="empty default"),
        pytest.param("{{input.missing? | default(1)}}", 1, id="optional with a default"),
        pytest.param("{{input.n | default(9)}}", 3, id="default, but there"),
        pytest.param("{{input.nothing | default(9)}}", 9, id="default, where null is"),
        pytest.param('{{input.missing | default("}}")}}', "}}", id="default with braces"),
        pytest.param('{{input.missing | default("a | b(c)")}}', "a | b(c)", id="default with signs of the grammar"),
        pytest.param('{{input.missing | default({"a": {"b": "})"}})}}', {"a": {"b": "})"}}, id="default of objects"),
        pytest.param("{{input.missing | default(input.n)}}", 3, id="default that is a reference"),
        pytest.param("{{input.n | default(input.missing)}}", 3, id="default that is not needed"),
        pytest.param("{{input.a | default(input.b?) | default(1)}}", 1, id="default of a default"),
        pytest.param("{{input.yes | default(9)}}", True, id="default, but true is there"),
        pytest.param("a {{input.missing?}} b", "a null b", id="optional within a text"),
        pytest.param('a {{input.missing | default("y")}} b', "a y b", id="default within a text"),
    ],
)
def test_what_may_be_missing(template: str, expected: Any) -> None:
    assert resolve(template) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param({"a": "{{input.n}}", "b": ["{{input.name}}", 1]}, {"a": 3, "b": ["Ada", 1]}, id="nested"),
        pytest.param({"{{input.n}}": 1}, {"3": 1}, id="key"),
        pytest.param({"a-{{input.name}}": "{{input.n}}", "b": 2}, {"a-Ada": 3, "b": 2}, id="part of a key"),
        pytest.param({"{{input.yes}}": 1, "{{input.nothing}}": 2}, {"true": 1, "null": 2}, id="keys as within a text"),
        pytest.param({'{{"{{"}}': 1}, {"{{": 1}, id="key of braces"),
        pytest.param({"{{whole}}": 1}, {"1000": 1}, id="key of a whole number that is a float"),
        pytest.param({1: "x"}, {"1": "x"}, id="keys become texts"),
        pytest.param([], [], id="empty list"),
        pytest.param({}, {}, id="empty mapping"),
        pytest.param(None, None, id="null"),
        pytest.param(True, True, id="true"),
        pytest.param(1.5, 1.5, id="number"),
    ],
)
def test_a_config_of_any_shape_is_filled(value: Any, expected: Any) -> None:
    assert resolve(value) == expected


@pytest.mark.parametrize("written", ["1e3", "1000.0", "1000", "1E+3"])
@pytest.mark.parametrize("read", [parse_json, lambda text: parse_yaml(text).value], ids=["JSON", "YAML"])
def test_a_whole_number_is_written_in_one_way(read: Callable[[str], Any], written: str) -> None:
    scope = {"input": {"n": read(written)}}
    assert compile_value("n={{input.n}}").resolve(scope) == "n=1000"
    assert compile_value("{{input | json}}").resolve(scope) == '{"n":1000}'


def test_each_filling_makes_a_fresh_value() -> None:
    template = compile_value({"list": ["{{input.n}}"]})
    first = template.resolve(SCOPE)
    first["list"].append("changed")
    assert template.resolve(SCOPE) == {"list": [3]}


@pytest.mark.parametrize(
    ("template", "message"),
    [
        pytest.param(
            "{{input.nam}}",
            "{{input.nam}} cannot be resolved: `input` has no `nam`; it has list, n, name, nothing, ratio, yes.",
            id="field",
        ),
        pytest.param(
            "{{grabb.data}}",
            "{{grabb.data}} cannot be resolved: the run has no `grabb`; it has a-1, grab, input, odd, whole, "
            "wholes, 節點.",
            id="node",
        ),
        pytest.param(
            "{{input.name.first}}",
            "{{input.name.first}} cannot be resolved: `input.name` has no `first`; it has no fields.",
            id="field of a text",
        ),
        pytest.param(
            "{{grab.data.x.y}}",
            "{{grab.data.x.y}} cannot be resolved: `grab.data` has no `x`; it has , 0, a-b, dotted.name, with space.",
            id="two levels too deep",
        ),
        pytest.param(
            "text {{ input.list[7] }}",
            "{{input.list[7]}} cannot be resolved: `input.list` has no `7`; it has no fields.",
            id="index",
        ),
    ],
)
def test_a_reference_that_leads_nowhere_says_what_is_there(template: str, message: str) -> None:
    with pytest.raises(TemplateError) as caught:
        resolve(template)
    path = message[2 : message.index("}}")]
    assert (caught.value.code, caught.value.message) == ("UNRESOLVED_REFERENCE", message)
    assert caught.value.details == {"reference": path}
    assert caught.value.next_actions == (
        f'If it may be missing, write {{{{{path}?}}}} or {{{{{path} | default("...")}}}}.',
    )


def test_at_most_ten_names_are_listed() -> None:
    with pytest.raises(TemplateError) as caught:
        compile_value("{{x}}").resolve({f"node{i:02}": 1 for i in range(50)})
    assert caught.value.message.endswith("it has " + ", ".join(f"node{i:02}" for i in range(10)) + ".")


@pytest.mark.parametrize("alias", ["input", "trigger", "webhook", "start"])
def test_the_trigger_has_aliases(alias: str) -> None:
    assert resolve(f"{{{{{alias}.name}}}}") == "Ada"


def test_creds_are_credentials() -> None:
    assert compile_value("{{creds.bot}}").resolve({"credential": {"bot": "s"}}) == "s"


def test_when_the_run_started_is_no_name() -> None:
    with pytest.raises(TemplateError) as caught:
        compile_value("{{x}}").resolve({"input": 1, START: 0})
    assert caught.value.message == "{{x}} cannot be resolved: the run has no `x`; it has input."


@pytest.mark.parametrize(
    ("value", "references"),
    [
        pytest.param("text", [], id="none"),
        pytest.param("{{a.b[0].c}}", [Reference("a.b[0].c", ("a", "b", "0", "c"))], id="steps"),
        pytest.param('{{a["x.y"].z}}', [Reference('a["x.y"].z', ("a", "x.y", "z"))], id="quoted step"),
        pytest.param("{{trigger.x}}", [Reference("trigger.x", ("input", "x"))], id="the path is as written"),
        pytest.param("{{a?}}", [Reference("a", ("a",), True)], id="optional"),
        pytest.param("{{a | default(1)}}", [Reference("a", ("a",), True)], id="default"),
        pytest.param("{{_now}}", [Reference("_now", ("_now",))], id="clock"),
        pytest.param("{{a | upper | default(1)}}", [Reference("a", ("a",))], id="default that is not the first filter"),
        pytest.param(
            "{{a | add(b.c) | default(d?)}}",
            [Reference("a", ("a",)), Reference("b.c", ("b", "c")), Reference("d", ("d",), True)],
            id="arguments",
        ),
        pytest.param(
            {"{{a}}": "{{b}}", "c": "{{c}}"},
            [Reference(name, (name,)) for name in "abc"],
            id="keys, before their values",
        ),
        pytest.param('{{"a"}}', [], id="literal"),
        pytest.param(
            {"x": ["{{a}} and {{b}}"], "y": {"z": "{{c}}"}},
            [Reference(name, (name,)) for name in "abc"],
            id="of any depth, in order",
        ),
    ],
)
def test_a_template_knows_its_references(value: Any, references: list[Reference]) -> None:
    assert list(compile_value(value).references) == references


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("{{a}}", True),
        ("{{ a? }}", True),
        ("{{a}}\n", True),
        ("x{{a}}", False),
        ("{{a}} ", False),
        ("{{a}}{{b}}", False),
        ("a", False),
    ],
)
def test_whether_a_text_is_one_reference(text: str, whole: bool) -> None:
    assert compile_value(text).whole == whole


def test_a_path_is_a_reference_without_braces() -> None:
    assert compile_path("input.list[1]").resolve(SCOPE) == [20, 21]
    with pytest.raises(TemplateError) as caught:
        compile_path("a b")
    assert caught.value.code == "INVALID_TEMPLATE"


FORMS = (
    'Write {{node.data.field}}, {{list[0]}}, {{x?}}, {{x | default("y")}} or {{x | upper}}. '
    'For literal braces, write {{"{{"}}.'
)
MORE = "something follows the reference and its filters"
INDEX = "brackets need an integer or a quoted name, not another reference"


@pytest.mark.parametrize(
    ("source", "problem", "hint"),
    [
        pytest.param("", "a name is missing", FORMS, id="empty"),
        pytest.param(" ", "a name is missing", FORMS, id="space"),
        pytest.param(".a", "a name is missing", FORMS, id="dot first"),
        pytest.param("a.", "a name is missing", FORMS, id="dot last"),
        pytest.param("a..b", "a name is missing", FORMS, id="two dots"),
        pytest.param("a[", INDEX, FORMS, id="open bracket"),
        pytest.param("a[0", "a ] is missing", FORMS, id="bracket that is not closed"),
        pytest.param("a[x]", INDEX, 'Write {{a["x"]}}.', id="name in brackets"),
        pytest.param("a.list[i].b?", INDEX, 'Write {{a.list["i"].b?}}.', id="name in brackets within a path"),
        pytest.param("a[1.5]", "a ] is missing", FORMS, id="fraction in brackets"),
        pytest.param("a.$b", "$ cannot begin an unquoted name", 'Write {{a["$b"]}}.', id="dollar"),
        pytest.param("a.b@c.d", MORE, 'Write {{a["b@c"].d}}.', id="at sign"),
        pytest.param("a.b c.d | upper", MORE, 'Write {{a["b c"].d | upper}}.', id="space within a path"),
        pytest.param("a.x/y | default(1)", MORE, 'Write {{a["x/y"] | default(1)}}.', id="slash"),
        pytest.param("a.“b”", "“ is not allowed in an unquoted name", 'Write {{a["b"]}}.', id="curly quotes"),
        pytest.param("a['b].c", INDEX, 'Write {{a["b"].c}}.', id="open single quote"),
        pytest.param("a b", MORE, FORMS, id="two names"),
        pytest.param("a??", MORE, FORMS, id="two question marks"),
        pytest.param("a |", "| must be followed by the name of a filter", FORMS, id="no filter"),
        pytest.param(
            "a | default('y')",
            'a string argument needs double quotes: "..."',
            'Write {{a | default("y")}}.',
            id="single quotes as an argument",
        ),
        pytest.param("a | default(1", "the arguments of default have no closing )", FORMS, id="open arguments"),
        pytest.param("a | default(1 2)", "the arguments of default have no closing )", FORMS, id="no comma"),
        pytest.param("a | default([1)", "an argument has an unclosed bracket", FORMS, id="open list"),
        pytest.param("a | default([1,])", "the argument [1,] is not a JSON value", FORMS, id="list that is none"),
        pytest.param("a | default(01)", "the argument 01 is not a JSON value", FORMS, id="number that is none"),
        pytest.param('a | default("\\x")', '"\\x" is not a JSON string', FORMS, id="escape that is none"),
        pytest.param('a["b', 'a quoted string has no closing "', FORMS, id="open double quote"),
        pytest.param("a + 1", MORE, "To calculate, write {{a | add(1)}}.", id="sum"),
        pytest.param("a.b - c.d", MORE, "To calculate, write {{a.b | subtract(c.d)}}.", id="difference"),
        pytest.param("a * 2", MORE, "To calculate, write {{a | multiply(2)}}.", id="product"),
        pytest.param("a / 2", MORE, "To calculate, write {{a | divide(2)}}.", id="quotient"),
        pytest.param("__import__('os').system('id')", MORE, FORMS, id="code"),
        pytest.param("{a", "{ cannot begin an unquoted name", FORMS, id="another brace"),
        pytest.param("#if a", "# cannot begin an unquoted name", FORMS, id="Handlebars"),
    ],
)
def test_a_reference_that_cannot_be_read(source: str, problem: str, hint: str) -> None:
    with pytest.raises(TemplateError) as caught:
        compile_value(f"x {{{{{source}}}}}")
    assert caught.value.code == "INVALID_TEMPLATE"
    assert caught.value.message == f"The reference {{{{{source}}}}} cannot be read: {problem}."
    assert caught.value.next_actions == (hint,)


@pytest.mark.parametrize(
    ("source", "meant"),
    [
        # a default, as other languages write it
        ('x ?? "y"', 'x | default("y")'),
        ('x || "y"', 'x | default("y")'),
        ('x or "y"', 'x | default("y")'),
        ("x || 'y'", 'x | default("y")'),
        ("a || b", "a | default(b)"),
        ('x ?? y.z ?? "z"', 'x | default(y.z) | default("z")'),
        ('x?.y ?? "a ?? b"', 'x.y | default("a ?? b")'),
        ('x || "y" | upper', 'x | default("y") | upper'),
        ('x | default: "y"', 'x | default("y")'),
        ('x | default "y"', 'x | default("y")'),
        ('x | default="y"', 'x | default("y")'),
        ("x | default: 'y'", 'x | default("y")'),
        ("x | default(“y”)", 'x | default("y")'),
        ('x | replace: "a", "b" | upper', 'x | replace("a", "b") | upper'),
        # optional steps
        ("input.x?.y", "input.x.y?"),
        ("input.x?.y?.z", "input.x.y.z?"),
        ("input.x?[0]", "input.x[0]?"),
        ("input.x?.[0].y", "input.x[0].y?"),
        ("input.x?.y | upper", "input.x.y? | upper"),
        # keys in quotes
        ("input.it's", 'input["it\'s"]'),
        ('input.say"x', 'input["say\\"x"]'),
        ("input.a.$b | default: 1", 'input.a["$b"] | default(1)'),
        ("a.#b.@c.d/e", 'a["#b"]["@c"]["d/e"]'),
        ('a."b c"', 'a["b c"]'),
        ("a['b']['c d'].e f", 'a["b"]["c d"]["e f"]'),
        # lists
        ("l[*].id", 'l | map("id")'),
        ("l[].id", 'l | map("id")'),
        ("l[*].a.b c", 'l | map("a[\\"b c\\"]")'),
        ("l[*]", "l"),
        ("l[0:2]", "l | slice(0, 2)"),
        ("l[1:]", "l | slice(1)"),
        ("l[:2]", "l | slice(0, 2)"),
        ("l[:-1].id", 'l | slice(0, -1) | map("id")'),
        ("input.s[0:5]|upper", "input.s | slice(0, 5) | upper"),
        # calls
        ("input.s.upper()", "input.s | upper"),
        ("input.s.trim().toUpperCase()", "input.s | trim | upper"),
        ('input.s.split(",").length()', 'input.s | split(",") | length'),
        ("x.replace('a', \"b\")", 'x | replace("a", "b")'),
        ("upper(input.s)", "input.s | upper"),
        ("len(input.l)", "input.l | length"),
        ('join(input.l, ", ")', 'input.l | join(", ")'),
    ],
)
def test_what_other_languages_write_is_named_as_it_is_written_here(source: str, meant: str) -> None:
    assert hint_of(source) == f"Write {{{{{meant}}}}}."
    compile_value(f"{{{{{meant}}}}}")


@pytest.mark.parametrize(
    ("source", "meant"),
    [
        ("n+1", "n | add(1)"),
        ("input.n+1", "input.n | add(1)"),
        ("input.n/2", "input.n | divide(2)"),
        ("input.n * 2 + 1", "input.n | multiply(2) | add(1)"),
        ("a - b.c + 0.5", "a | subtract(b.c) | add(0.5)"),
        ("input.n * 2 | round", "input.n | multiply(2) | round"),
    ],
)
def test_what_can_be_calculated_from_left_to_right_is_written_so(source: str, meant: str) -> None:
    assert hint_of(source) == f"To calculate, write {{{{{meant}}}}}."
    compile_value(f"{{{{{meant}}}}}")


@pytest.mark.parametrize(
    "source", ["n + 1 * 2", "(n + 1) * 2", "1 + n", "10 - n", "n % 2", "n % m.k", "n * true", "n + [1]"]
)
def test_what_cannot_has_the_filters_named(source: str) -> None:
    assert hint_of(source) == CALCULATE


@pytest.mark.parametrize(
    "source",
    [
        "n == 3",
        "n===3",
        "input.n > 3",
        "a != b",
        "a<=b",
        "a && b",
        "x and y",
        "not x",
        "!x",
        '"a" in x',
        'x ? "a" : "b"',
    ],
)
def test_a_comparison_has_its_place_named(source: str) -> None:
    assert hint_of(source) == COMPARE


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        ('input.x + "a"', "To join strings, write {{input.x}}a without an operator."),
        ("'a ' + input.x + \"b\"", "To join strings, write a {{input.x}}b without an operator."),
        ("a ~ b", "To join strings, write {{a}}{{b}} without an operator."),
        ('f(x) + "a"', "To join strings, write them side by side."),
        ("l[input.n]", "For an element of a list write {{l | slice(input.n) | first}}."),
    ],
)
def test_what_is_done_in_another_way_is_said(source: str, hint: str) -> None:
    assert hint_of(source) == hint


@pytest.mark.parametrize(
    "source",
    [
        "n++",
        "l[i+1]",
        "l[*].a[*].b",
        "l.map(x => x.id)",
        "l[?x]",
        "a=3",
        "= a",
        "a.b;c",
        "s.foo()",
        "a(",
        "a??",
    ],
)
def test_what_is_no_plausible_key_is_not_put_in_quotes(source: str) -> None:
    assert hint_of(source) == FORMS


def test_the_filters_that_are_suggested_are_there() -> None:
    assert set(FILTERS_BY_NAME.values()) <= set(FILTERS)


@given(st.text("ab.[]()\"'?|+-*/:<= $1,{", max_size=40))
def test_what_is_suggested_can_be_read(source: str) -> None:
    try:
        compile_value(f"x {{{{{source}}}}}")
    except TemplateError as error:
        hint = error.next_actions[0]
        if hint.startswith(("Write {{", "To calculate, write", "For an element")) and hint != FORMS:
            parse_template(hint, hint.index("{{"))


def hint_of(source: str) -> str:
    with pytest.raises(TemplateError) as caught:
        compile_value(f"x {{{{{source}}}}}")
    assert caught.value.code == "INVALID_TEMPLATE"
    (hint,) = caught.value.next_actions
    return hint


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("{{input.name", "The template {{input.name has no }}.", id="at the end"),
        pytest.param("a {{input.name} b", "The template {{input.name} b has no }}.", id="one brace"),
        pytest.param("{{a}} {{\nb", "The template {{ has no }}.", id="behind another, at the end of a line"),
        pytest.param('{{"{{', 'The template {{"{{ has no }}.', id="literal"),
    ],
)
def test_a_template_that_is_not_closed(text: str, message: str) -> None:
    with pytest.raises(TemplateError) as caught:
        compile_value(text)
    assert (caught.value.code, caught.value.message) == ("INVALID_TEMPLATE", message)
    assert caught.value.next_actions == ("Close it with }}.", 'For literal braces, write {{"{{"}}.')


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("{{input.n}}\n", 3, id="literal block"),
        pytest.param("{{ input.list\n}}\n", [10, [20, 21], {"x": "deep"}], id="block of two lines"),
        pytest.param("{{input.yes}}\n\n", True, id="block that keeps its line feeds"),
        pytest.param('{{input.name | replace("A", "a")}}\n', "ada", id="with filters"),
        pytest.param('{{"a"}}\n', "a", id="literal"),
    ],
)
def test_a_block_of_one_reference_keeps_the_type(text: str, expected: Any) -> None:
    assert compile_value(text).whole
    assert resolve(text) == expected


def test_two_keys_that_come_to_one_text_are_refused() -> None:
    template = compile_value({"x": {"3": 1, "{{input.n}}": 2}})
    with pytest.raises(TemplateError) as caught:
        template.resolve(SCOPE)
    assert (caught.value.code, caught.value.message) == (
        "TEMPLATE_FAILED",
        "The key {{input.n}} becomes equal to another key of its mapping.",
    )


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        pytest.param("{{a}}", None, id="reference"),
        pytest.param("{{a?}}", None, id="optional"),
        pytest.param("x {{a}}", "string", id="within a text"),
        pytest.param("{{a}}{{b}}", "string", id="two side by side"),
        pytest.param("plain", "string", id="text"),
        pytest.param('{{"{{"}}', "string", id="literal"),
        pytest.param("{{a | length}}", "integer", id="length"),
        pytest.param('{{a | split(",")}}', "array", id="split"),
        pytest.param('{{a | split(",") | join}}\n', "string", id="the last filter decides"),
        pytest.param("{{a | round}}", "integer", id="round"),
        pytest.param("{{a | round(2)}}", "number", id="round to digits"),
        pytest.param("{{a | round(b)}}", None, id="round to digits that are not known"),
        pytest.param("{{a | date}}", "string", id="date"),
        pytest.param('{{a | date("unix")}}', "integer", id="seconds"),
        pytest.param("{{a | upper | default(1)}}", None, id="default"),
        pytest.param("{{a | parse_json}}", None, id="parse_json"),
        pytest.param("{{_now}}", "string", id="clock"),
        pytest.param("{{_now_unix}}", "integer", id="clock of seconds"),
        pytest.param({"a": "{{b}}"}, "object", id="mapping"),
        pytest.param({"{{a}}": 1}, "object", id="mapping with a template as a key"),
        pytest.param(["{{b}}"], "array", id="list"),
        pytest.param(1, "integer", id="integer"),
        pytest.param(1.5, "number", id="number"),
        pytest.param(True, "boolean", id="true"),
        pytest.param(None, None, id="null"),
    ],
)
def test_the_type_that_a_result_always_has(value: Any, kind: str | None) -> None:
    assert compile_value(value).kind == kind


@given(st.text().filter(lambda text: "{{" not in text))
def test_text_without_references_is_unchanged(text: str) -> None:
    assert resolve(text) == text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=5), children, max_size=4),
    max_leaves=20,
)


@given(JSON)
def test_a_lone_reference_gives_any_value_as_it_is(value: Any) -> None:
    assert compile_value("{{x.y}}").resolve({"x": {"y": value}}) == value


@given(JSON)
def test_any_default_is_read(value: Any) -> None:
    assert compile_value(f"{{{{x | default({json.dumps(value)})}}}}").resolve({}) == value


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_reference_is_read_or_refused_with_a_template_error(before: str, source: str) -> None:
    assert error_code_of(f"{before}{{{{{source}}}}}") in (
        *(None, "INVALID_TEMPLATE", "UNRESOLVED_REFERENCE", "TEMPLATE_FAILED"),
    )


def error_code_of(template: str) -> str | None:
    try:
        compile_value(template).resolve({START: 0})
    except TemplateError as error:
        return error.code
    return None


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("{{" * 6_000, id="open braces"),
        pytest.param("{{x | default(" + " " * 1_000 + "}}", id="default that is not closed"),
        pytest.param("{{x" + " " * 6_000 + "!}}", id="spaces"),
        pytest.param("{{x | default(" + "[" * 100_000 + "}}", id="brackets"),
        pytest.param('{{x | default("' + "\\\\" * 100_000 + "}}", id="escapes"),
        pytest.param("{{x" + ".a" * 100_000 + "!}}", id="steps"),
        pytest.param("{{x" + "['a" * 50_000 + "}}", id="quotes"),
        pytest.param("{{x.a b" + " .c d" * 20_000 + "}}", id="steps that need quotes"),
    ],
)
def test_a_hostile_text_costs_no_more_than_its_length(text: str) -> None:
    started = time.perf_counter()
    with suppress(TemplateError):
        compile_value(text)
    assert time.perf_counter() - started < 0.25


@pytest.mark.parametrize("after", ["", "?", " | default(1)"])
def test_a_path_has_so_many_steps_however_it_is_written(after: str) -> None:
    """A path of only names and dots is parsed separately, and used to be unbounded: 100,000 steps took 12 s."""
    assert error_code_of(f"{{{{input{'.a' * 129}{after}}}}}") == "INVALID_TEMPLATE"
    assert error_code_of(f"{{{{input{'.a' * 128}{after}}}}}") == (None if after else "UNRESOLVED_REFERENCE")


def test_what_a_path_finds_last_is_told_with_some_of_its_fields() -> None:
    """With very many fields, all of them would be sorted, for each failing element of a loop."""
    fields = {f"k{i:06}": 1 for i in reversed(range(200_000))}
    with pytest.raises(TemplateError) as caught:
        compile_value("{{a.b[1].c.d}}").resolve({"a": {"b": [0, fields]}})
    said = "{{a.b[1].c.d}} cannot be resolved: `a.b.1` has no `c`; it has k199900, k199901, k199902, k199903, k199904, "
    assert caught.value.message == said + "k199905, k199906, k199907, k199908, k199909."
