"""The Mustache templates of `render` stand as they are written; all else of the node is filled in as ever."""

from typing import Any

import pytest

from arcrun.templates.rendering import Rendering
from arcrun.workflows.compile import Compilation, compile_workflow
from arcrun.workflows.model import SymbolTable
from arcrun.workflows.parse import parse_workflow
from fakes.builtins import BUILTINS

FLOW = ["input >> PIPE >> letter", "letter >> PIPE >> output"]


def compile_letter(config: Any, **more: Any) -> Compilation:
    draft = parse_workflow({"name": "w", "flow": FLOW, "config": {"letter": config}, **more})
    return compile_workflow(draft, SymbolTable(BUILTINS))


@pytest.mark.parametrize(
    "template", ["{{name}}", "{{{raw}}} {{#a}}{{.}}{{/a}}", "{{=<% %>=}}<% x %> {{", "{", "}} {{>p}}"]
)
def test_templates_and_partials_stand_as_they_are_written(template: str) -> None:
    data = {"name": "{{input.name | upper}}"}
    config = {"component": "render", "template": template, "partials": {"p": template}, "data": data}
    compilation = compile_letter(config)
    assert compilation.plan is not None, compilation.diagnostics
    rendered = compilation.plan.nodes[0].template.render({"input": {"name": "ada"}}, Rendering())
    assert rendered == {"template": template, "partials": {"p": template}, "data": {"name": "ADA"}}


def test_one_that_comes_from_elsewhere_is_filled_in() -> None:
    compilation = compile_letter({"component": "render", "from": "{{input.text}}"})
    assert compilation.plan is not None
    rendered = compilation.plan.nodes[0].template.render({"input": {"text": "{{a}}"}}, Rendering())
    assert rendered == {"from": "{{a}}"}


def test_a_name_of_the_run_that_data_lacks_is_told() -> None:
    config = {"component": "render", "template": "Dear {{ input.name }}", "partials": {"p": "{{vars.x}}"}}
    told = [(found.code, found.message) for found in compile_letter(config).diagnostics]
    assert told == [
        ("INVALID_TEMPLATE", "`template` of `letter` has `{{input.name}}`, and there is no such name in `data`"),
        ("INVALID_TEMPLATE", "`partials.p` of `letter` has `{{vars.x}}`, and there is no such name in `data`"),
    ]
    [first, _] = compile_letter(config).diagnostics
    assert first.hint == 'Give it by `data`: {name: "{{input.name}}"}, and write {{name}} in the template.'
    given: dict[str, Any] = {**config, "data": {"input": "{{input}}", "vars": {"x": 1}}}
    assert compile_letter(given).diagnostics == []


def test_a_name_of_a_node_that_data_lacks_is_told() -> None:
    flow = ["input >> PIPE >> page", "page >> PIPE >> letter", "letter >> PIPE >> output"]
    template = "{{#page.data.items}}{{page.title}}{{page.data.x}}{{/page.data.items}}{{page}}{{other.data.x}}"
    nodes = {"page": {"component": "set", "values": {}}, "letter": {"component": "render", "template": template}}
    compilation = compile_workflow(parse_workflow({"name": "w", "flow": flow, "config": nodes}), SymbolTable(BUILTINS))
    assert [(found.severity, found.message) for found in compilation.diagnostics] == [
        ("warning", f"`template` of `letter` has `{{{{page.data.{name}}}}}`, and there is no such name in `data`")
        for name in ("items", "x")
    ]


@pytest.mark.parametrize("form", ["template", "partials"])
def test_what_is_no_template_is_told_before_it_runs(form: str) -> None:
    text = "Dear {{name}},\n{{#items}}"
    given = {"template": "x", "partials": {"p": text}} if form == "partials" else {"template": text}
    compilation = compile_letter({"component": "render", **given})
    [found] = compilation.diagnostics
    key = "partials.p" if form == "partials" else "template"
    assert (found.code, found.message) == (
        "INVALID_TEMPLATE",
        f"`{key}` of `letter` is no Mustache template: the section `items` is not closed (its line 2)",
    )
    assert compilation.plan is None


def test_a_letter_without_a_template_is_an_error() -> None:
    assert [found.code for found in compile_letter({"component": "render", "data": {}}).diagnostics] == [
        "MISSING_INPUT"
    ]


def test_the_templates_of_an_undo_stand_too() -> None:
    undo = {"component": "render", "template": "{{name}}", "data": {"name": "{{input.name}}"}}
    draft = parse_workflow(
        {
            "name": "w",
            "durable": True,
            "flow": FLOW,
            "config": {"letter": {"component": "set", "values": {}, "undo": undo}},
        }
    )
    assert draft.workflow is not None
    compilation = compile_workflow(draft, SymbolTable(BUILTINS))
    assert compilation.plan is not None, compilation.diagnostics
