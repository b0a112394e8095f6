"""render passes Mustache's own specification (mustache_spec, version 1.4), and its limits and messages hold."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from arcrun.workflows.literals.mustache import MustacheError, list_tags
from components import wasm_harness as harness

SPECIFICATION = [
    pytest.param(case, id=f"{path.stem}: {case['name']}")
    for path in sorted((Path(__file__).parent / "mustache_spec").glob("*.json"))
    for case in json.loads(path.read_text("utf-8"))["tests"]
]


def run(template: str, data: Any = None, **fields: Any) -> harness.Result:
    return harness.run("render", {"template": template, "data": data, **fields})


def render(template: str, data: Any = None, **fields: Any) -> Any:
    return run(template, data, **fields).data["result"]


@pytest.mark.parametrize("case", SPECIFICATION)
def test_specification(case: Any) -> None:
    partials = case.get("partials", {})
    assert render(case["template"], case["data"], partials=partials) == case["expected"], case["desc"]
    list_tags(case["template"])


def test_the_whole_specification_is_there() -> None:
    assert len(SPECIFICATION) == 136


@pytest.mark.parametrize("nothing", [None, False, "", []])
def test_what_counts_as_nothing(nothing: Any) -> None:
    assert render("{{#x}}some{{/x}}{{^x}}none{{/x}}", {"x": nothing}) == "none"


@pytest.mark.parametrize("something", [0, 0.0, "0", " ", {}, [None], True])
def test_what_counts_as_something(something: Any) -> None:
    assert render("{{#x}}some{{/x}}{{^x}}none{{/x}}", {"x": something}) == "some"


def test_values_are_written_as_they_came() -> None:
    assert render("{{a}} {{b}} {{c}} {{d}}", {"a": 12345678901234567, "b": True, "c": None, "d": "é😀"}) == (
        "12345678901234567 true  é😀"
    )
    assert render("{{{x}}}", {"x": {"a": [1, "<"]}}) == '{"a":[1,"<"]}'
    assert render("{{x.1.a}}", {"x": [0, {"a": 2}]}) == "2"


def test_what_html_could_read_as_markup_is_escaped() -> None:
    assert render("<a title='{{x}}'>", {"x": "\"'<>&"}) == "<a title='&quot;&#39;&lt;&gt;&amp;'>"
    assert render("{{x}}", {"x": "\"'<>&"}, escape="none") == "\"'<>&"


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("{{a", "a tag is not closed by `}}` (its line 1)"),
        ("\n{{{a}}", "a tag is not closed by `}}}` (its line 2)"),
        ("{{/a}}", "`a` closes no section (its line 1)"),
        ("{{#a}}{{#b}}{{/a}}", "`a` closes the section `b` (its line 1)"),
        ("{{#a}}", "the section `a` is not closed (its line 1)"),
        ("{{}}", "a tag has no name (its line 1)"),
        (
            "{{#each a}}",
            "a tag has one name, not `each a`: Mustache has no helpers or filters, "
            "`{{#name}}` loops or asks (its line 1)",
        ),
        ("{{=a=}}", "delimiters are set by two texts, as in `=<% %>=` (its line 1)"),
        ("{{<layout}}", "inheritance, `{{<`, is not supported (its line 1)"),
        ("{{$block}}", "inheritance, `{{$`, is not supported (its line 1)"),
        ("{{>*name}}", "dynamic names, `>*`, are not supported (its line 1)"),
        ("{{#a}}" * 102 + "{{/a}}" * 102, "sections are nested more than 100 levels deep (its line 1)"),
    ],
)
def test_what_is_no_template_is_refused_with_its_line(template: str, problem: str) -> None:
    assert run(template, {}).error == {"code": "INVALID_MUSTACHE", "message": f"`template` cannot be used: {problem}."}


PIECES = ["{{", "}}", "{{{", "}}}", "{{#a}}", "{{/a}}", "{{^b}}", "{{/b}}", "{{=<% %>=}}", "<%={{ }}=%>", "<%", "%>"]
SIGNS = ["{", "}", "=", "&", ">", "*", "!", "#", "/", "^", "<", "$", "a", "b", " ", "\n", "\t", "\x0b", "\u00a0", "é"]


@settings(max_examples=400, deadline=None)
@given(template=st.lists(st.sampled_from(PIECES + SIGNS), max_size=14).map("".join))
@example("{{#a}}" * 101 + "{{/a}}" * 101)
@example("{{#a}}" * 100 + "{{/a}}" * 100)
@example("{{= | \x0b| =}}|a\x0b|")
def test_a_push_tells_what_a_run_would(template: str) -> None:
    try:
        list_tags(template)
        told = None
    except MustacheError as error:
        told = f"`template` cannot be used: {error.problem} (its line {error.line})."
    output = run(template, {}).output
    assert (None if output["success"] else output["error"]["message"]) == told


def test_a_partial_that_is_no_template_is_named() -> None:
    error = run("{{>row}}", {}, partials={"row": "{{#a}}"}).error
    assert error["message"] == "`partials.row` cannot be used: the section `a` is not closed (its line 1)."
    assert run("x", {}, partials={"row": 5}).error["message"] == "`partials.row` must be a text, not a number."


def test_strictly_nothing_may_be_missing() -> None:
    assert render("{{a.b}}{{#c}}{{/c}}{{>d}}", {}) == ""
    for template in ("{{a.b}}", "{{#c}}{{/c}}", "{{>d}}"):
        assert run(template, {"a": {}}, strict=True).error["code"] == "MISSING_VALUE"
    assert render("{{a}}", {"a": None}, strict=True) == ""


def test_partials_that_never_end_are_refused() -> None:
    assert run("{{>a}}", {}, partials={"a": "{{>b}}", "b": "x{{>a}}"}).error["code"] == "TOO_DEEP"
    assert run("  {{>a}}", {}, partials={"a": "\n {{>a}}"}).error["code"] == "TOO_DEEP"


def test_the_text_has_a_limit() -> None:
    assert run("{{#a}}{{#a}}{{#a}}0123456789{{/a}}{{/a}}{{/a}}", {"a": [1] * 60}).error["code"] == "RESULT_TOO_LARGE"
    assert len(render("{{#a}}{{#a}}{{.}}{{/a}}{{/a}}", {"a": ["x" * 10] * 300})) == 900_000
