"""Findings about a node's input before a run: unknown fields, wrong values with their position, values that are wrong
whatever a template yields, and missing required fields.
"""

from typing import Any

import pytest

from arcrun.contracts.model import Contract
from fakes.contracts import build_contract
from fakes.flows import ANYTHING, compile_source, diagnose, text_of

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "url": {"type": "string"},
        "method": {"type": "string", "enum": ["GET", "POST"]},
        "retries": {"type": "integer", "minimum": 0, "maximum": 9},
        "size": {"type": ["integer", "string"]},
        "share": {"type": ["number", "null"]},
        "buttons": {
            "type": "array",
            "items": {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}},
        },
        "headers": {"type": "object", "additionalProperties": {"type": "string"}},
        "body": {"type": "string"},
        "body_json": {},
        "pairs": {"type": "array", "minItems": 1, "items": {"type": "object", "additionalProperties": False}},
        "timeout_ms": {"type": "integer"},
    },
}
STATUS = {"type": "object", "properties": {"status": {"type": "integer"}, "url": {"type": "string"}}}
CONTRACTS: dict[str, Contract] = {
    "fetch": build_contract(canonical_id="fetch", input_schema=SCHEMA),
    "open": build_contract(canonical_id="open", input_schema={**SCHEMA, "additionalProperties": True}),
    "url": build_contract(canonical_id="url", output_schema=STATUS),
    "status": build_contract(
        canonical_id="status", output_schema={"type": "object", "properties": {"status": {"type": "integer"}}}
    ),
    "any": ANYTHING,
    "needs": build_contract(canonical_id="needs", input_schema={**SCHEMA, "required": ["url"]}),
}


def found_in(config: str, component: str = "fetch") -> list[tuple[str, str, int | None]]:
    """Code, message and column of the findings in a node's config, which begins in column 4."""
    source = text_of("input >> PIPE >> n", config=f"  n: {{component: {component}}}\n")
    source = source.replace("}", f", {config}}}", 1) if config else source
    return [(d.code, d.message, d.column) for d in diagnose(source, CONTRACTS)]


def messages_in(config: str, component: str = "fetch") -> list[str]:
    return [message for _, message, _ in found_in(config, component)]


@pytest.mark.parametrize(
    "config",
    [
        pytest.param("url: u", id="required field"),
        pytest.param("url: u, method: GET, retries: 9, body_json: [1]", id="more fields"),
        pytest.param("size: 1", id="one of two types"),
        pytest.param("share: null", id="null where it is allowed"),
        pytest.param('retries: "{{input.n}}"', id="template that stands alone"),
        pytest.param('url: "https://e.test/{{input.n}}"', id="template in a text"),
        pytest.param('size: "{{input.n}} px"', id="template in what may be a text"),
        pytest.param('body_json: "{{input.n}} px"', id="template in what may be anything"),
        pytest.param('body_json: {a: ["{{input.n}}"]}', id="template deep in what may be anything"),
        pytest.param('headers: {a: "{{input.n}}"}', id="template as a member"),
        pytest.param('headers: {"{{input.n}}": "x"}', id="template as a key"),
        pytest.param('buttons: [{"{{input.k}}": "x"}]', id="template as a key that may be the required one"),
        pytest.param("take: input", id="taken value"),
        pytest.param('retries: "{{input.x | length}}"', id="filter that gives the type"),
        pytest.param('url: "{{input.x | first}}"', id="filter that may give any type"),
        pytest.param("url: '{{\"{{\"}}'", id="braces"),
        pytest.param('buttons: "{{input.b}}"', id="template for a list"),
        pytest.param('buttons: [{text: "{{input.b}}"}]', id="template in a list"),
        pytest.param("timeout_ms: 5", id="timeout that is the component's"),
        pytest.param("retry: {max_attempts: 2}", id="setting"),
    ],
)
def test_an_input_fits(config: str) -> None:
    assert found_in(config) == []


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("url: 7", "`url` of `n` must be string, not integer 7"),
        ("url: null", "`url` of `n` must be string, not null"),
        ("url: [a]", "`url` of `n` must be string, not array"),
        ("url: true", "`url` of `n` must be string, not boolean true"),
        ("method: get", '`method` of `n` must be one of "GET", "POST", not string "get"'),
        ("retries: 1.5", "`retries` of `n` must be integer, not number 1.5"),
        ("retries: -1", "`retries` of `n` must be at least 0, not integer -1"),
        ("retries: 10", "`retries` of `n` must be at most 9, not integer 10"),
        ("size: 1.5", "`size` of `n` must be integer or string, not number 1.5"),
        ("headers: {a: 1}", "`headers.a` of `n` must be string, not integer 1"),
        ("buttons: [{text: a}, {text: 1}]", "`buttons[1].text` of `n` must be string, not integer 1"),
        ("buttons: [{}]", "`buttons[0].text` of `n` must be given, not missing"),
        (
            'retries: "{{input.n}} times"',
            "`retries` of `n` must be integer, and a template within a string gives a string",
        ),
        (
            'share: " {{input.n}}"',
            "`share` of `n` must be number or null, and a template within a string gives a string",
        ),
        (
            'buttons: "{{input.a}}{{input.b}}"',
            "`buttons` of `n` must be array, and a template within a string gives a string",
        ),
        ('url: "{{input.x | length}}"', "`url` of `n` must be string, and its template gives integer"),
        ("retries: '{{input.x | join(\", \")}}'", "`retries` of `n` must be integer, and its template gives string"),
        ('headers: {a: "{{input.x | keys}}"}', "`headers.a` of `n` must be string, and its template gives array"),
        ("retries: '{{\"7\"}}'", '`retries` of `n` must be integer, not string "7"'),
        ('body: {a: "{{input.x}}"}', "`body` of `n` must be string, not object"),
        ('body: ["{{input.x}}"]', "`body` of `n` must be string, not array"),
        ('retries: ["{{input.x}}"]', "`retries` of `n` must be integer, not array"),
        ('buttons: {text: "{{input.x}}"}', "`buttons` of `n` must be array, not object"),
        (
            'buttons: ["{{input.x}} y"]',
            "`buttons[0]` of `n` must be object, and a template within a string gives a string",
        ),
        (
            'buttons: [{label: "{{input.x}}"}]',
            "`buttons[0].text` of `n` must be given, not missing",
        ),
        ('buttons: [{text: ["{{input.x}}"]}]', "`buttons[0].text` of `n` must be string, not array"),
        ('headers: {a: {b: "{{input.x}}"}}', "`headers.a` of `n` must be string, not object"),
        ('headers: ["{{input.x}}"]', "`headers` of `n` must be object, not array"),
        ('headers: {"{{input.k}}": "x", b: 7}', "`headers.b` of `n` must be string, not integer 7"),
        (
            'pairs: [{a: "{{input.x}}"}]',
            "`pairs[0].a` of `n` must be one of the fields , not a field with another name",
        ),
    ],
)
def test_a_value_that_does_not_fit(config: str, message: str) -> None:
    assert [(code, found) for code, found, _ in found_in(config)] == [("INVALID_INPUT", message)]


@pytest.mark.parametrize(
    ("config", "place"),
    [
        pytest.param("  n:\n    component: fetch\n    url: 7\n", (7, 5), id="field"),
        pytest.param(
            "  n:\n    component: fetch\n    buttons:\n      - {text: a}\n      - {text: 1}\n", (9, 10), id="deep"
        ),
        pytest.param(
            "  n:\n    component: fetch\n    buttons:\n      - text: a\n      - {}\n", (9, 9), id="missing, deep"
        ),
        pytest.param("  n:\n    component: fetch\n    headers: {a: x, b: 1}\n", (7, 21), id="free key"),
        pytest.param("  n:\n    component: fetch\n    zzz: 1\n", (7, 5), id="unknown field"),
    ],
)
def test_the_place_of_a_value_that_does_not_fit(config: str, place: tuple[int, int]) -> None:
    [found] = diagnose(text_of("input >> PIPE >> n", config=config), CONTRACTS)
    assert (found.line, found.column) == place


def test_all_that_does_not_fit_is_reported() -> None:
    assert messages_in("url: 7, method: get, retries: x, zzz: 1") == [
        "`url` of `n` must be string, not integer 7",
        '`method` of `n` must be one of "GET", "POST", not string "get"',
        '`retries` of `n` must be integer, not string "x"',
        "unknown key `zzz` in `config.n`",
    ]


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        pytest.param("metod", "Did you mean `method`?", id="near field"),
        pytest.param("retires", "Did you mean `retries`?", id="letters swapped"),
        pytest.param("componet", "Did you mean `component`?", id="near component"),
        pytest.param("credential", "Did you mean `credentials`?", id="near setting"),
    ],
)
def test_an_unknown_field_gets_its_nearest_name(key: str, hint: str) -> None:
    [found] = diagnose(text_of("input >> PIPE >> fetch", config=f"  fetch: {{{key}: 1}}\n"), CONTRACTS)
    assert (found.code, found.message, found.hint) == ("UNKNOWN_KEY", f"unknown key `{key}` in `config.fetch`", hint)


@pytest.mark.parametrize("component", ["open", "any"])
def test_a_component_may_take_fields_that_it_does_not_name(component: str) -> None:
    assert found_in("zzz: 1", component) == []


@pytest.mark.parametrize("component", ["fetch", "any"])
def test_no_template_makes_the_name_of_a_field(component: str) -> None:
    """Otherwise a caller could choose which field is set."""
    source = text_of("input >> PIPE >> n", config=f'  n: {{component: {component}, "{{{{input.k}}}}": 1}}\n')
    found = [(d.code, d.line, d.column) for d in diagnose(source, CONTRACTS) if d.code == "INVALID_TEMPLATE"]
    assert found == [("INVALID_TEMPLATE", 5, 8 + len(component) + 14 - 2)]


@pytest.mark.parametrize("key", ["body", "body_json"])
def test_the_hint_names_the_field_that_takes_such_a_value(key: str) -> None:
    found = diagnose(
        text_of("input >> PIPE >> fetch", config=f'  fetch: {{{key}: {{a: "{{{{input.x}}}}"}}}}\n'), CONTRACTS
    )
    assert [d.hint for d in found] == (["Write it as `body_json`."] if key == "body" else [])


@pytest.mark.parametrize(
    ("lines", "hint"),
    [
        pytest.param(["input >> PIPE >> needs"], 'Add `url: "{{input.url}}"`, or a value.', id="the trigger's"),
        pytest.param(
            ["input >> PIPE >> url", "url >> PIPE >> needs"],
            'Add `url: "{{url.data.url}}"` or `url: "{{input.url}}"`, or a value.',
            id="the parent's",
        ),
        pytest.param(
            ["input >> PIPE >> url", "url >> PIPE >> any", "any >> PIPE >> needs"],
            'Add `url: "{{url.data.url}}"` or `url: "{{input.url}}"`, or a value.',
            id="that of a node further back",
        ),
        pytest.param(
            ["input >> PIPE >> page", "page >> PIPE >> needs"],
            'Add `url: "{{page.data.result}}"` or `url: "{{input.url}}"`, or a value.',
            id="the parent's result",
        ),
        pytest.param(
            ["input >> PIPE >> page", "page >> PIPE >> lists"],
            'Add `items: "{{page.data.links}}"` or `items: "{{page.data.result}}"` '
            'or `items: "{{page.data.body}}"`, or a value.',
            id="lists, and what may be one",
        ),
        pytest.param(
            ["input >> FOREACH url IN input.urls >> needs"],
            'Add `url: "{{url}}"` or `url: "{{input.url}}"`, or a value.',
            id="the item of that name",
        ),
        pytest.param(
            ["input >> SUBFLOW >> s", "s >> PIPE >> needs"], 'Add `url: "{{input.url}}"`, or a value.', id="sub"
        ),
    ],
)
def test_a_required_field_that_the_config_does_not_give(lines: list[str], hint: str) -> None:
    """Nothing is taken from a parent or the trigger, whatever they answer."""
    fields = {"link": {"type": "string"}, "links": {"type": "array"}, "result": {"type": "string"}, "body": {}}
    page = build_contract(canonical_id="page", output_schema={"type": "object", "properties": fields})
    items = {"type": "object", "required": ["items"], "properties": {"items": {"type": "array"}}}
    lists = build_contract(canonical_id="lists", input_schema=items)
    known = {**CONTRACTS, "page": page, "lists": lists}
    found = [(d.code, d.severity, d.message, d.hint) for d in diagnose(text_of(*lines), known)]
    node, field = ("lists", "items") if "lists" in lines[-1] else ("needs", "url")
    message = f"`{node}` needs `{field}`, which its config does not set: a step gets only what is written there"
    assert found == [("MISSING_INPUT", "error", message, hint)]


@pytest.mark.parametrize(
    ("take", "is_missing"),
    [
        pytest.param("input", False, id="the trigger"),
        pytest.param("any", False, id="what may answer it"),
        pytest.param("url", False, id="what answers it"),
        pytest.param("status", True, id="what does not"),
        pytest.param("status.data", True, id="what does not, by its path"),
        pytest.param("status.data.body", False, id="a part"),
    ],
)
def test_a_taken_value_may_give_a_required_field(take: str, is_missing: bool) -> None:
    lines = ["input >> PIPE >> any", "any >> PIPE >> url", "url >> PIPE >> status", "status >> PIPE >> needs"]
    found = diagnose(text_of(*lines, config=f"  needs: {{take: {take}}}\n"), CONTRACTS)
    assert [d.code for d in found if d.severity == "error"] == (["MISSING_INPUT"] if is_missing else [])


def test_each_missing_field_has_a_finding() -> None:
    contract = build_contract(canonical_id="two", input_schema={**SCHEMA, "required": ["url", "method"]})
    assert [d.code for d in diagnose(text_of("input >> PIPE >> two"), {"two": contract})] == ["MISSING_INPUT"] * 2


def test_a_field_that_a_credential_fills_is_not_missing() -> None:
    key = {"key": "k", "inject_as": "url", "description": "d", "help_url": "https://e.test"}
    contract = build_contract(
        canonical_id="needs", input_schema={**SCHEMA, "required": ["url"]}, credentials_required=[key]
    )
    assert diagnose(text_of("input >> PIPE >> needs"), {"needs": contract}) == []


def test_an_input_that_is_named_like_a_setting_wins_and_is_told() -> None:
    contract = build_contract(
        canonical_id="old", input_schema={"type": "object", "properties": {"retry": {}, "take": {}}}
    )
    source = text_of("input >> PIPE >> old", config="  old: {retry: 7, take: x}\n")
    compilation = compile_source(source, {"old": contract})
    assert [(d.code, d.severity, d.message) for d in compilation.diagnostics] == [
        ("INVALID_SETTING", "warning", "`retry` of `old` is an input of `old`, not a setting"),
        ("INVALID_SETTING", "warning", "`take` of `old` is an input of `old`, not a setting"),
    ]
    assert compilation.plan is not None
    [node] = compilation.plan.nodes
    assert (node.config, node.retry, node.take) == ({"retry": 7, "take": "x"}, None, "")


@pytest.mark.parametrize("take", ["7", "null", "[input]", "{a: b}", '""', '"{{a}} {{b}}"', '"{{input | upper}}"'])
def test_what_cannot_be_taken(take: str) -> None:
    [found] = diagnose(text_of("input >> PIPE >> any", config=f"  any: {{take: {take}}}\n"), CONTRACTS)
    assert (found.code, found.hint) == ("INVALID_SETTING", "take: input, or take: orders.data.body")


@pytest.mark.parametrize("take", ["_now", "credential.k", "status.data.status"])
def test_what_is_no_object_cannot_be_taken(take: str) -> None:
    lines = ["input >> PIPE >> status", "status >> PIPE >> any"]
    found = diagnose(text_of(*lines, config=f"  any: {{take: {take}}}\n"), CONTRACTS)
    assert [(d.code, d.line, d.column) for d in found] == [("INVALID_INPUT", 6, 9)]


@pytest.mark.parametrize("take", ["later", "any", "nobody", "status.items"])
def test_only_what_has_settled_can_be_taken(take: str) -> None:
    lines = ["input >> PIPE >> status", "status >> PIPE >> any", "any >> PIPE >> later"]
    [found] = diagnose(text_of(*lines, config=f"  any: {{take: {take}}}\n"), CONTRACTS)
    assert (found.code, found.line, found.column) == ("UNRESOLVED_REFERENCE", 7, 9)
