"""Proves what each form of a template stands for, that values keep their types, and what an author is told of a
reference that leads nowhere.
"""

import json
import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arcrun.errors import TemplateError
from arcrun.workflows.templates import START, Reference, compile_path, compile_value

SCOPE: dict[str, Any] = {
    "input": {"name": "Ada", "n": 3, "ratio": 0.5, "yes": True, "nothing": None, "list": [10, [20, 21], {"x": "deep"}]},
    "grab": {"data": {"a-b": 1, "with space": 2, "dotted.name": 3, "0": "zero", "": "empty"}, "text": "é"},
    "節點": {"data": "名"},
    "a-1": "hyphen",
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
        pytest.param("{{input.n}}\n", "3\n", id="number before a line feed"),
        pytest.param("{{input.yes}} and {{input.nothing}}", "true and null", id="true and null"),
        pytest.param("x {{input.ratio}}", "x 0.5", id="fraction"),
        pytest.param("x {{input.list}}", 'x [10, [20, 21], {"x": "deep"}]', id="list"),
        pytest.param("x {{節點}}", 'x {"data": "名"}', id="object, not escaped"),
        pytest.param('{"name": "{{input.name}}"}', '{"name": "Ada"}', id="within JSON text"),
        pytest.param("{{input.name}} }} {{input.n}}", "Ada }} 3", id="closing braces alone"),
        pytest.param("{ {input.name} }", "{ {input.name} }", id="single braces"),
        pytest.param("{{input.name", "{{input.name", id="not closed"),
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
        pytest.param("{{input.nothing | default(9)}}", None, id="default, but null is there"),
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
        pytest.param({"{{input.n}}": 1}, {"{{input.n}}": 1}, id="keys stay"),
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
            "{{grabb.data}} cannot be resolved: the run has no `grabb`; it has a-1, grab, input, 節點.",
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
    [("{{a}}", True), ("{{ a? }}", True), ("x{{a}}", False), ("{{a}} ", False), ("{{a}}{{b}}", False), ("a", False)],
)
def test_whether_a_text_is_one_reference(text: str, whole: bool) -> None:
    assert compile_value(text).whole == whole


def test_a_path_is_a_reference_without_braces() -> None:
    assert compile_path("input.list[1]").resolve(SCOPE) == [20, 21]
    with pytest.raises(TemplateError) as caught:
        compile_path("a b")
    assert caught.value.code == "INVALID_TEMPLATE"


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("", id="empty"),
        pytest.param(" ", id="space"),
        pytest.param(".a", id="dot first"),
        pytest.param("a.", id="dot last"),
        pytest.param("a..b", id="two dots"),
        pytest.param("a[", id="open bracket"),
        pytest.param("a[x]", id="name in brackets"),
        pytest.param("a[-1]", id="negative index"),
        pytest.param("a['b']", id="single quotes"),
        pytest.param("a b", id="two names"),
        pytest.param("a??", id="two question marks"),
        pytest.param("a | upper", id="unknown filter"),
        pytest.param("a | default", id="default without a value"),
        pytest.param("a | default()", id="default of nothing"),
        pytest.param("a + 1", id="expression"),
        pytest.param("__import__('os').system('id')", id="code"),
        pytest.param("{a", id="another brace"),
    ],
)
def test_a_reference_that_cannot_be_read(source: str) -> None:
    with pytest.raises(TemplateError) as caught:
        compile_value(f"x {{{{{source}}}}}")
    assert caught.value.code == "INVALID_TEMPLATE"
    assert caught.value.message == f"The reference {{{{{source}}}}} cannot be read."
    assert caught.value.next_actions == ('Write {{node.data.field}}, {{list[0]}}, {{x?}} or {{x | default("y")}}.',)


@pytest.mark.parametrize(
    "default",
    [
        pytest.param("y", id="text without quotes"),
        pytest.param("'y'", id="single quotes"),
        pytest.param("[1", id="open list"),
        pytest.param("NaN", id="NaN, which JSON does not have"),
    ],
)
def test_a_default_is_json(default: str) -> None:
    with pytest.raises(TemplateError) as caught:
        compile_value(f"{{{{x | default({default})}}}}")
    assert (caught.value.code, caught.value.message) == (
        "INVALID_TEMPLATE",
        f"The default {default} is not a JSON value.",
    )


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
def test_any_default_that_closes_its_own_braces_is_read(value: Any) -> None:
    written = json.dumps(value)
    if "}}" not in written:
        assert compile_value(f"{{{{x | default({written})}}}}").resolve({}) == value


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_reference_is_read_or_refused_with_a_template_error(before: str, source: str) -> None:
    assert error_code_of(f"{before}{{{{{source}}}}}") in (None, "INVALID_TEMPLATE", "UNRESOLVED_REFERENCE")


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
    ],
)
def test_a_hostile_text_costs_no_more_than_its_length(text: str) -> None:
    started = time.perf_counter()
    with suppress(TemplateError):
        compile_value(text)
    assert time.perf_counter() - started < 0.25
