"""`tools` of a node that asks a language model: what is stored of them, and what is wrong with them."""

from typing import Any

import pytest

from arcrun.workflows.asking.tools import list_asked
from arcrun.workflows.compile import compile_workflow
from arcrun.workflows.model import SymbolTable
from arcrun.workflows.parse import parse_workflow
from arcrun.workflows.plan import TOOLS_FORMAT, load_plan
from fakes.components import FakeComponents
from fakes.engine import echo

CONTRACTS = FakeComponents({"llm": echo, "tell": echo, "code": echo}, {}, {}).contracts
SCHEMA = {"type": "object", "properties": {"text": {"type": "string"}}}
TELL = {"component": "tell", "description": "Tells.", "input_schema": SCHEMA, "config": {"to": "{{input.to}}"}}


def compile_tools(tools: Any, **more: Any) -> Any:
    config = {"ask": {"component": "llm", "prompt": "Hi", "tools": tools, **more}}
    source = {"name": "w", "flow": ["input >> PIPE >> ask"], "config": config}
    return compile_workflow(parse_workflow(source), SymbolTable(CONTRACTS, workflows=["find"]))


def test_a_plan_keeps_them() -> None:
    compilation = compile_tools({"tell": TELL, "find": {"workflow": "find", "description": "Finds."}})
    assert not compilation.diagnostics
    stored = compilation.plan.to_json()
    plan = load_plan(stored)
    assert (plan, stored["format"]) == (compilation.plan, TOOLS_FORMAT)
    assert [(call.name, call.workflow) for call in plan.calls] == [
        ("ask", None),
        ("ask.tell", None),
        ("ask.find", "find"),
    ]
    assert "tools" not in plan.nodes[0].config
    assert plan.nodes[0].tools[0].call.config == {"to": "{{input.to}}"}


@pytest.mark.parametrize(
    ("tools", "code", "message"),
    [
        ([], "INVALID_SETTING", "must be 1 to 32 tools"),
        ({}, "INVALID_SETTING", "must be 1 to 32 tools"),
        ({"a b": TELL}, "INVALID_SETTING", "must have a name of 1 to 64"),
        ({"answer": TELL}, "INVALID_SETTING", "beside `schema` cannot be named `answer`"),
        ({"tell": {"description": "Tells."}}, "INVALID_SETTING", "must name what it calls"),
        ({"tell": {**TELL, "workflow": "find"}}, "INVALID_SETTING", "must name what it calls"),
        ({"tell": {**TELL, "description": " "}}, "INVALID_SETTING", "needs a `description`"),
        ({"tell": {**TELL, "input_schema": None}}, "INVALID_SETTING", "needs an `input_schema`"),
        ({"tell": {**TELL, "input_schema": {"type": "object"}}}, "INVALID_SETTING", "needs an `input_schema`"),
        ({"tell": {**TELL, "config": {"text": "x"}}}, "INVALID_SETTING", "`text` of the tool `tell`"),
        ({"tell": {**TELL, "config": {"repeat": {}}}}, "INVALID_SETTING", "`repeat` cannot be set"),
        ({"tell": {**TELL, "descripton": "x"}}, "UNKNOWN_KEY", "unknown key `descripton`"),
        (
            {"tell": {**TELL, "component": "tel"}},
            "UNKNOWN_COMPONENT",
            "the tool `tell` of `ask` names the component `tel`",
        ),
        ({"run": {**TELL, "component": "code"}}, "INVALID_SETTING", "cannot call `code`"),
        ({"tell": {**TELL, "config": {"to": "{{nobody.data}}"}}}, "UNRESOLVED_REFERENCE", "nobody"),
        ({"find": {"workflow": "fnd", "description": "x"}}, "UNKNOWN_WORKFLOW", "calls the workflow `fnd`"),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_what_is_wrong(tools: Any, code: str, message: str) -> None:
    found = [it for it in compile_tools(tools, schema=SCHEMA).diagnostics if it.severity == "error"]
    assert [(it.code, message in it.message) for it in found] == [(code, True)], found


ASKED = {"find": {"workflow": "find", "description": "Finds."}}
SCHEMAED = {"find": {**ASKED["find"], "input_schema": SCHEMA}}


@pytest.mark.parametrize(
    ("tools", "undescribed", "expected"),
    [
        pytest.param(ASKED, ["find"], ["TOOL_WITHOUT_SCHEMA"], id="neither has a schema"),
        pytest.param(ASKED, [], [], id="the workflow has one, or is not known"),
        pytest.param(SCHEMAED, ["find"], [], id="the tool has one"),
    ],
)
def test_a_workflow_says_what_it_takes_or_its_tool_does(tools: Any, undescribed: Any, expected: list[str]) -> None:
    source = {"name": "w", "flow": ["input >> PIPE >> ask"], "config": {"ask": {"component": "llm", "tools": tools}}}
    draft = parse_workflow(source)
    assert draft.workflow is not None
    assert list_asked(draft.workflow) == (["find"] if tools is ASKED else [])
    symbols = SymbolTable(CONTRACTS, workflows=["find"], undescribed=undescribed)
    assert [it.code for it in compile_workflow(draft, symbols).diagnostics] == expected


@pytest.mark.parametrize(
    ("schema", "expected"),
    [(None, ["TOOL_WITHOUT_SCHEMA"]), ({"type": "array"}, ["TOOL_WITHOUT_SCHEMA"]), (SCHEMA, [])],
    ids=["none", "not of an object", "of an object"],
)
def test_a_workflow_that_is_a_tool_of_its_own(schema: Any, expected: list[str]) -> None:
    tools = {"again": {"workflow": "w", "description": "Asks again."}}
    source = {"name": "w", "flow": ["input >> PIPE >> ask"], "config": {"ask": {"component": "llm", "tools": tools}}}
    source |= {} if schema is None else {"input_schema": schema}
    found = compile_workflow(parse_workflow(source), SymbolTable(CONTRACTS, workflows=[])).diagnostics
    assert [it.code for it in found] == expected


def test_of_another_component_they_are_an_input() -> None:
    config = {"tell": {"component": "tell", "tools": {"any": 1}}}
    source = {"name": "w", "flow": ["input >> PIPE >> tell"], "config": config}
    plan = compile_workflow(parse_workflow(source), SymbolTable(CONTRACTS)).plan
    assert plan is not None
    assert plan.nodes[0].config == {"tools": {"any": 1}}
