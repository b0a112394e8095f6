"""Each code of the catalogue: its cause, its position and its hint."""

import json
from dataclasses import replace
from typing import Any

import pytest

from arcrun.errors import ArcrunError, ComponentError, ContractError, WorkflowError
from arcrun.limits import MAX_DIAGNOSTICS, MAX_SOURCE_CHARACTERS
from arcrun.workflows.compile import compile_workflow, require_plan
from arcrun.workflows.diagnostics import CATALOGUE, Diagnostic, Severity
from arcrun.workflows.model import CodeProblem, SymbolTable
from arcrun.workflows.parse import parse_workflow
from fakes.builtins import BUILTINS
from fakes.contracts import build_contract, build_network_contract
from fakes.flows import ANYTHING, compile_source, diagnose, text_of

SCHEMA = {
    "type": "object",
    "required": ["url"],
    "properties": {
        "url": {"type": "string"},
        "retries": {"type": "integer", "minimum": 0},
        "buttons": {"type": "array", "items": {"type": "object", "properties": {"text": {"type": "string"}}}},
        "body": {"type": "object"},
        "token": {"type": "string"},
    },
}
TOKEN = {"key": "bot_token", "inject_as": "token", "description": "A token", "help_url": "https://e.test"}
ANSWER = {"type": "object", "properties": {"status": {"type": "integer"}, "headers": {"type": "object"}}}
CONTRACTS = {
    "fetch": build_contract(canonical_id="fetch", input_schema=SCHEMA, output_schema=ANSWER),
    "tell": build_contract(canonical_id="tell", input_schema=SCHEMA, credentials_required=[TOKEN]),
    "broken": build_contract(
        canonical_id="broken", input_schema={"type": "object", "properties": {"x": {"type": "nothing"}}}
    ),
    "any": ANYTHING,
    "llm": ANYTHING,
    "wait_for": ANYTHING,
    "code": BUILTINS["code"],
    "send": build_network_contract("e.test", canonical_id="send", input_schema={"type": "object"}),
}
NOT_FOUND = ComponentError("There is none.", code="COMPONENT_NOT_FOUND", http_status=404)
FAULTS: dict[str, ArcrunError] = {
    "fetsh": NOT_FOUND,
    "zzz": NOT_FOUND,
    "unread": ContractError("The contract is not valid: version must be of the form v1."),
    "unsafe": ComponentError("`unsafe` imports env.fork.", code="INVALID_MODULE"),
}


def check(source: str) -> list[Diagnostic]:
    catalogue = SymbolTable(CONTRACTS, FAULTS, CONTRACTS.keys(), workflows=["report"], credentials=["stored"])
    broken = {("bad", False): CodeProblem("SyntaxError: unexpected end", 8, 9)}
    catalogue = replace(catalogue, code_problems=broken)
    return compile_workflow(parse_workflow(source), catalogue).diagnostics


def hint_of(code: str) -> str:
    return CATALOGUE[code][1]


FETCH = "input >> PIPE >> fetch"
BC = "  b: {component: any}\n  c: {component: any}\n"
CASES: list[Any] = [
    # the whole
    pytest.param("name: [", "INVALID_YAML", (1, 8), hint_of("INVALID_YAML"), id="open bracket"),
    pytest.param("- a\n", "INVALID_WORKFLOW", (1, 1), hint_of("INVALID_WORKFLOW"), id="list"),
    pytest.param(
        "x" * (MAX_SOURCE_CHARACTERS + 1),
        "WORKFLOW_TOO_LARGE",
        (None, None),
        hint_of("WORKFLOW_TOO_LARGE"),
        id="too large",
    ),
    pytest.param("name: a b\nflow: [input >> PIPE >> any]", "INVALID_NAME", (1, 1), "Write a_b.", id="name"),
    pytest.param(
        "name: w\nflows: []\nflow: [input >> PIPE >> any]", "UNKNOWN_KEY", (2, 1), "Did you mean `flow`?", id="near key"
    ),
    pytest.param(
        "name: w\nflow: [input >> PIPE >> any]\nzzz: 1",
        "UNKNOWN_KEY",
        (3, 1),
        "Allowed: name, description, triggers, input_schema, examples, limits, response, flow, config, nodes, edges, "
        "timeout_ms, concurrency, record, keep_days, durable.",
        id="far key",
    ),
    # lines
    pytest.param(
        text_of("input > any"),
        "MALFORMED_LINE",
        (3, 5),
        "A flow line is `FROM >> RELATION >> TO`, such as `input >> ON_SUCCESS >> grab`.",
        id="malformed line",
    ),
    pytest.param(
        text_of("input >> PIPE >> any", "any >> IF >> output"),
        "MALFORMED_LINE",
        (4, 5),
        "Write IF(expression).",
        id="IF without an expression",
    ),
    pytest.param(
        text_of("input >> PIPES >> any"), "UNKNOWN_RELATION", (3, 5), "Did you mean PIPE?", id="unknown relation"
    ),
    pytest.param(
        text_of("input >> IF(a = b) >> any"),
        "INVALID_EXPRESSION",
        (3, 5),
        hint_of("INVALID_EXPRESSION"),
        id="expression",
    ),
    # the shape
    pytest.param(
        text_of("input >> PIPE >> any", "any >> PIPE >> b", "b >> PIPE >> any", config="  b: {component: any}\n"),
        "CYCLE",
        (4, 5),
        "A workflow only runs forwards: remove the line that leads back, or use FOREACH to repeat.",
        id="cycle",
    ),
    pytest.param(
        text_of("input >> PIPE >> any", "x >> PIPE >> output", config="  x: {component: any}\n"),
        "UNREACHABLE_NODE",
        (4, 5),
        "Add a line such as `input >> ON_SUCCESS >> x`.",
        id="island",
    ),
    pytest.param(
        text_of("input >> PIPE >> any", config="  x: {component: any}\n"),
        "UNREACHABLE_NODE",
        (5, 3),
        "Add a flow line with it, or remove its config.",
        id="node in no line",
    ),
    pytest.param(
        text_of("input >> PIPE >> any", "any >> CONTINUE >> output"),
        "INVALID_LOOP",
        (4, 5),
        "Add `any >> FOREACH item IN path >> ...`, or write ON_SUCCESS.",
        id="CONTINUE without FOREACH",
    ),
    # templates
    pytest.param(
        text_of("input >> PIPE >> any", config='  any:\n    x: "{{a b}}"\n'),
        "INVALID_TEMPLATE",
        (6, 5),
        'Write {{node.data.field}}, {{list[0]}}, {{x?}}, {{x | default("y")}} or {{x | upper}}. '
        'For literal braces, write {{"{{"}}.',
        id="template",
    ),
    pytest.param(
        text_of("input >> FOREACH x IN a b >> any"),
        "INVALID_TEMPLATE",
        (3, 5),
        hint_of("INVALID_TEMPLATE"),
        id="path of FOREACH",
    ),
    pytest.param(
        text_of("input >> PIPE >> any", config='  any:\n    x: 1\n    y: "{{inpt.z}}"\n'),
        "UNRESOLVED_REFERENCE",
        (7, 5),
        "Did you mean `input`?",
        id="reference",
    ),
    # nodes
    pytest.param(
        text_of("input >> PIPE >> fetsh"), "UNKNOWN_COMPONENT", (3, 5), "Did you mean `fetch`?", id="near component"
    ),
    pytest.param(
        text_of("input >> PIPE >> x", config="  x:\n    component: zzz\n"),
        "UNKNOWN_COMPONENT",
        (6, 5),
        "Set `config.x.component` to one of the components that `acr parts` lists.",
        id="far component",
    ),
    pytest.param(
        text_of("input >> PIPE >> x", config="  x:\n    component: unread\n"),
        "INVALID_CONTRACT",
        (6, 5),
        hint_of("INVALID_CONTRACT"),
        id="contract that cannot be read",
    ),
    pytest.param(
        text_of("input >> PIPE >> broken", config="  broken: {x: 1}\n"),
        "INVALID_CONTRACT",
        (5, 3),
        hint_of("INVALID_CONTRACT"),
        id="schema that cannot be used",
    ),
    pytest.param(
        text_of("input >> PIPE >> x", config="  x:\n    component: unsafe\n"),
        "INVALID_MODULE",
        (6, 5),
        hint_of("INVALID_MODULE"),
        id="module",
    ),
    pytest.param(
        text_of("input >> SUBFLOW >> reprot"), "UNKNOWN_WORKFLOW", (3, 5), "Did you mean `report`?", id="near workflow"
    ),
    pytest.param(
        text_of("input >> SUBFLOW >> x", config="  x: {workflow: zzz}\n"),
        "UNKNOWN_WORKFLOW",
        (5, 7),
        hint_of("UNKNOWN_WORKFLOW"),
        id="far workflow",
    ),
    pytest.param(
        text_of(FETCH, config="  fetch:\n    url: 7\n"),
        "INVALID_INPUT",
        (6, 5),
        hint_of("INVALID_INPUT"),
        id="input",
    ),
    pytest.param(
        text_of(FETCH),
        "MISSING_INPUT",
        (3, 5),
        'Add `url: "{{input.url}}"`, or a value.',
        id="required field",
    ),
    pytest.param(
        text_of(FETCH, "fetch >> ON_TRUE >> any", config="  fetch: {url: u}\n"),
        "EDGE_NEVER_FIRES",
        (4, 5),
        "Write fetch >> IF(fetch.data.FIELD == 'x') >> any; or put if_control between them.",
        id="edge without its field",
    ),
    pytest.param(
        text_of("input >> PIPE >> any", config="  any: {repeat: {until: any.data.x, max: 2}}\n"),
        "REPEAT_WITHOUT_CHANGE",
        (5, 9),
        "Use what the last round answered: {{previous.FIELD?}}. Or omit `repeat`.",
        id="rounds that are the same",
    ),
    pytest.param(
        "name: w\ninput_schema: {tipe: object}\nflow: [input >> PIPE >> any]\n",
        "INVALID_INPUT_SCHEMA",
        (2, 16),
        "Did you mean `type`?",
        id="a schema",
    ),
    pytest.param(
        "name: w\nexamples: [{name: Ada}]\nflow: [input >> PIPE >> any]\n",
        "INVALID_EXAMPLE",
        (2, 1),
        "For example: {busy: {name: Ada}}, an input under each name.",
        id="examples",
    ),
    pytest.param(
        text_of("input >> PIPE >> any", "any >> PIPE >> b", "any >> IF(any.data.x) >> c", config=BC),
        "AMBIGUOUS_ANSWER",
        (5, 5),
        "Lead only the intended one to `output`, or lead all into one node before it.",
        id="answer",
    ),
    pytest.param(
        "name: w\nflow: [input >> PIPE >> llm]\nconfig: {llm: {tools: {again: {workflow: w, description: Asks.}}}}",
        "TOOL_WITHOUT_SCHEMA",
        (3, 24),
        "Give `w` an input_schema of `type: object`; or the tool.",
        id="a tool of which nobody says what it takes",
    ),
    pytest.param(
        "name: report\nflow: [input >> PIPE >> any, any >> SUBFLOW >> report]\nconfig: {report: {input: 1}}",
        "ENDLESS_CALL",
        (3, 10),
        hint_of("ENDLESS_CALL"),
        id="a call of itself",
    ),
    pytest.param(
        text_of("input >> PIPE >> any", "any >> ON_FAIL >> output"),
        "ANSWER_SHOWS_ERROR",
        (4, 5),
        hint_of("ANSWER_SHOWS_ERROR"),
        id="an error as the answer",
    ),
    pytest.param(
        text_of("input >> PIPE >> any") + "response: {headers: {nel: x}}\n",
        "INVALID_RESPONSE",
        (4, 22),
        "Leave it out.",
        id="a header that is refused",
    ),
    pytest.param(
        text_of("input >> PIPE >> any", config="  any: {join: {at_least: 2}, x: 1}\n"),
        "INVALID_JOIN",
        (5, 9),
        "Write at_least: 1 at most.",
        id="a join of more lines than there are",
    ),
    pytest.param(
        text_of("input >> PIPE >> any", "any >> PIPE >> break"),
        "BREAK_OUTSIDE_LOOP",
        (4, 5),
        hint_of("BREAK_OUTSIDE_LOOP"),
        id="nothing to break",
    ),
    pytest.param(
        text_of(
            *("input >> PIPE >> any", "input >> PIPE >> send", "any >> PIPE >> b", "send >> PIPE >> b"),
            config="  send: {}\n  b: {component: any, join: first}\n",
        ),
        "RACE_WITH_EFFECTS",
        (8, 3),
        "Let `send` only read, and have the effect after `b`.",
        id="a loser with effects",
    ),
    pytest.param(
        text_of("input >> PIPE >> any", config="  any: {component: wait_for, event: paid}\n"),
        "NEEDS_DURABLE",
        (5, 9),
        "Write `durable: true` in the workflow.",
        id="a wait in a quick run",
    ),
    pytest.param(
        text_of("input >> FOREACH x IN input.xs >> fetch", "fetch >> PIPE >> respond", config="  fetch: {url: u}\n"),
        "RESPOND_IN_LOOP",
        (4, 5),
        "Answer after the loop: `input >> CONTINUE(x) >> respond`.",
        id="an answer for each element",
    ),
    pytest.param(
        text_of(FETCH, config="  fetch: {url: u}\ntriggers:\n  after: [w]\n"),
        "AFTER_CYCLE",
        (7, 3),
        "Remove `w` from `after`: a circle of runs would never end.",
        id="circle",
    ),
    pytest.param(
        text_of("input >> PIPE >> bad", config="  bad:\n    component: code\n    source: |\n      if (1) {\n"),
        "SYNTAX_ERROR",
        (8, 9),
        hint_of("SYNTAX_ERROR"),
        id="code that does not compile",
    ),
    pytest.param(
        text_of(FETCH, config="  fetch: {url: u, retry: {max_attempts: 99}}\n"),
        "INVALID_SETTING",
        (5, 27),
        hint_of("INVALID_SETTING"),
        id="setting",
    ),
    pytest.param(
        text_of("input >> PIPE >> tell", config="  tell: {url: u}\n"),
        "MISSING_CREDENTIAL",
        (5, 3),
        "Add `bot_token` to credentials.yaml, then: acr creds push.",
        id="credential",
    ),
]


@pytest.mark.parametrize(("source", "code", "place", "hint"), CASES)
def test_a_fault_is_reported_with_its_place_and_a_hint(
    source: str, code: str, place: tuple[int | None, int | None], hint: str
) -> None:
    [found] = check(source)
    assert (found.code, (found.line, found.column), found.hint) == (code, place, hint)


def test_each_code_has_a_case() -> None:
    """A circle of failures closes through other workflows alone: tests/core/workflows/triggers/test_failures.py.
    Prompts are in test_prompts.py.
    """
    others = {"TOO_MANY_FINDINGS", "FAILURE_CYCLE", "PROMPT_FROM_OUTSIDE"}
    assert {case.values[1] for case in CASES} | others == CATALOGUE.keys()


@pytest.mark.parametrize(
    ("lines", "config"),
    [
        pytest.param([f"n{i} >> PIPER >> m{i}" for i in range(2_000)], {}, id="while it is read"),
        pytest.param(
            [f"input >> PIPE >> n{i}" for i in range(500)],
            {f"n{i}": {"component": "any", "x": "{{nobody}}"} for i in range(500)},
            id="while it is compiled",
        ),
    ],
)
def test_a_hundred_findings_are_enough(lines: list[str], config: dict[str, Any]) -> None:
    found = compile_source({"name": "w", "flow": lines, "config": config}).diagnostics
    assert len(found) == MAX_DIAGNOSTICS == 100
    assert [finding.code for finding in found].count("TOO_MANY_FINDINGS") == 1


@pytest.mark.parametrize("code", sorted(CATALOGUE))
def test_the_catalogue_is_fit_to_read(code: str) -> None:
    meaning, remedy = CATALOGUE[code]
    assert meaning.endswith(".")
    assert remedy != ""


@pytest.mark.parametrize(
    ("source", "message"),
    [
        pytest.param(
            text_of("input >> PIPE >> x", config="  x: {component: unread}\n"),
            "`unread` of `x` cannot be used: The contract is not valid: version must be of the form v1",
            id="contract",
        ),
        pytest.param(
            text_of("input >> PIPE >> x", config="  x: {component: unsafe}\n"),
            "`unsafe` of `x` cannot be used: `unsafe` imports env.fork",
            id="module",
        ),
        pytest.param(
            text_of("input >> SUBFLOW >> x", config="  x: {workflow: zzz}\n"),
            "`x` calls the workflow `zzz`, which is not stored",
            id="workflow",
        ),
        pytest.param(
            text_of("input >> PIPE >> tell", config="  tell: {url: u}\n"),
            "`tell` needs the credential `bot_token`, which is not stored",
            id="credential",
        ),
    ],
)
def test_a_fault_says_whose_it_is(source: str, message: str) -> None:
    assert [found.message for found in check(source)] == [message]


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        pytest.param("{url: u}", ["bot_token"], id="the contract's key"),
        pytest.param("{url: u, credentials: {bot_token: stored}}", [], id="mapped to one that is stored"),
        pytest.param("{url: u, credentials: {bot_token: mine}}", ["mine"], id="mapped to one that is not"),
        pytest.param("{url: u, token: mine}", [], id="set by the config"),
        pytest.param('{url: u, token: "{{credential.stored}}"}', [], id="template of one that is stored"),
        pytest.param('{url: u, token: "{{creds.mine}}"}', ["mine"], id="template of one that is not"),
        pytest.param('{url: "{{credential.mine}}", token: t}', ["mine"], id="template elsewhere"),
    ],
)
def test_a_missing_credential_is_a_warning(config: str, expected: list[str]) -> None:
    source = text_of("input >> PIPE >> tell", config=f"  tell: {config}\n")
    found = check(source)
    assert [(d.code, d.severity, d.message) for d in found] == [
        ("MISSING_CREDENTIAL", Severity.WARNING, f"`tell` needs the credential `{name}`, which is not stored")
        for name in expected
    ]


def test_without_a_look_at_what_is_stored_nothing_is_missing() -> None:
    source = text_of("input >> PIPE >> tell", "tell >> SUBFLOW >> x", config="  tell: {url: u}\n")
    assert diagnose(source, CONTRACTS) == []


@pytest.mark.parametrize(
    ("config", "message", "hint"),
    [
        ("{credentials: {api_key: x}}", "`tell` needs no credential `api_key`", "It needs bot_token."),
        ("{component: fetch, credentials: {api_key: x}}", "`fetch` needs no credential `api_key`", "It needs none."),
    ],
)
def test_a_credential_that_the_component_does_not_need(config: str, message: str, hint: str) -> None:
    source = text_of("input >> PIPE >> tell", config=f"  tell: {config}\n")
    found = [(d.message, d.hint) for d in diagnose(source, CONTRACTS) if d.code == "INVALID_SETTING"]
    assert found == [(message, hint)]


def test_a_workflow_may_call_itself() -> None:
    assert check(text_of("input >> IF(input.again) >> any", "any >> SUBFLOW >> w")) == []


@pytest.mark.parametrize("key", ["retries", "component", "url"])
def test_a_sub_workflow_knows_no_inputs_of_a_component(key: str) -> None:
    source = text_of("input >> SUBFLOW >> report", config=f"  report: {{{key}: 1}}\n")
    [found] = check(source)
    assert (found.code, found.message) == ("UNKNOWN_KEY", f"unknown key `{key}` in `config.report`")


def test_findings_stand_in_the_order_of_the_text() -> None:
    source = text_of(
        "input >> PIPE >> fetch",
        "fetch >> ON_BRANCH >> tell",
        "fetch >> PIP >> tell",
        config="  tell: {url: 1, retry: {max_attempts: 0}}\n  fetch: {zzz: 1}\n",
    )
    assert [(d.code, d.line, d.column) for d in check(source)] == [
        ("MALFORMED_LINE", 4, 5),
        ("UNKNOWN_RELATION", 5, 5),
        ("MISSING_CREDENTIAL", 7, 3),
        ("INVALID_INPUT", 7, 10),
        ("INVALID_SETTING", 7, 26),
        ("MISSING_INPUT", 8, 3),
        ("UNKNOWN_KEY", 8, 11),
    ]


def test_the_file_is_the_callers() -> None:
    compilation = compile_workflow(parse_workflow("name: ["), SymbolTable(), "flows/a.yaml")
    assert compilation.diagnostics[0].to_json() == {
        "code": "INVALID_YAML",
        "severity": "error",
        "message": "it is not YAML: expected the node content, but found '<stream end>'",
        "hint": hint_of("INVALID_YAML"),
        "file": "flows/a.yaml",
        "line": 1,
        "column": 8,
    }
    assert json.dumps(compilation.diagnostics[0].to_json())


def test_an_object_has_no_places() -> None:
    found = diagnose({"name": "a b", "flow": ["a >> b"], "zzz": 1})
    assert {(d.line, d.column) for d in found} == {(None, None)}


def test_warnings_alone_do_not_refuse_a_workflow() -> None:
    source = text_of("input >> PIPE >> tell", config="  tell: {url: u}\n")
    compilation = compile_source(source, CONTRACTS, credentials=[])
    assert [d.severity for d in compilation.diagnostics] == [Severity.WARNING]
    assert require_plan(compilation).name == "w"


def test_the_error_tells_the_first_error_and_lists_warnings_too() -> None:
    source = text_of("input >> PIPE >> tell", "tell >> PIPE >> a", config='  tell: {url: u}\n  a: {x: "{{zzz}}"}\n')
    with pytest.raises(WorkflowError) as caught:
        require_plan(compile_source(source, CONTRACTS, credentials=[]))
    assert caught.value.message == "The workflow is not valid: {{zzz}} refers to nothing (line 7)."
    assert [(d["code"], d["severity"]) for d in caught.value.details["diagnostics"]] == [
        ("MISSING_CREDENTIAL", "warning"),
        ("UNRESOLVED_REFERENCE", "error"),
    ]


def test_nothing_is_said_of_a_component_that_could_not_be_looked_up() -> None:
    """Neither that it does not exist, nor about its inputs; the engine's own settings are checked all the same."""
    source = {
        "name": "a",
        "flow": ["input >> PIPE >> far"],
        "config": {"far": {"any": 1, "retry": {"max_attempts": 0}}},
    }
    found = compile_workflow(parse_workflow(source), SymbolTable(unchecked=["far"])).diagnostics
    assert [finding.code for finding in found] == ["INVALID_SETTING"]
