"""Proves what is said before a run of a node's input: unknown fields, wrong values with their place, and fields that
nothing is known to answer.
"""

from typing import Any

import pytest

from arcrun.contracts.model import Contract
from fakes.contracts import build_contract
from fakes.flows import ANYTHING, diagnose, text_of

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["url"],
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
        "body": {},
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
}


def found_in(config: str, component: str = "fetch") -> list[tuple[str, str, int | None]]:
    """Code, message and column of what is found in a node's config, which begins in column 4."""
    source = text_of("input >> PIPE >> n", config=f"  n: {{component: {component}}}\n")
    source = source.replace("}", f", {config}}}", 1) if config else source
    return [(d.code, d.message, d.column) for d in diagnose(source, CONTRACTS)]


def messages_in(config: str, component: str = "fetch") -> list[str]:
    return [message for _, message, _ in found_in(config, component)]


@pytest.mark.parametrize(
    "config",
    [
        pytest.param("url: u", id="required field"),
        pytest.param("", id="required field that the trigger may send"),
        pytest.param("url: u, method: GET, retries: 9, body: [1]", id="more fields"),
        pytest.param("size: 1", id="one of two types"),
        pytest.param("share: null", id="null where it is allowed"),
        pytest.param('retries: "{{input.n}}"', id="template that stands alone"),
        pytest.param('url: "https://e.test/{{input.n}}"', id="template in a text"),
        pytest.param('size: "{{input.n}} px"', id="template in what may be a text"),
        pytest.param('body: "{{input.n}} px"', id="template in what may be anything"),
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
        ("buttons: [{}]", "`buttons[0].text` of `n` must be given, for it is required, not missing"),
        (
            'retries: "{{input.n}} times"',
            "`retries` of `n` must be integer, and a template within a text gives a string",
        ),
        ('share: " {{input.n}}"', "`share` of `n` must be number or null, and a template within a text gives a string"),
        (
            'buttons: "{{input.a}}{{input.b}}"',
            "`buttons` of `n` must be array, and a template within a text gives a string",
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


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param(["input >> PIPE >> fetch"], [], id="the trigger may send it"),
        pytest.param(["input >> PIPE >> url", "url >> PIPE >> fetch"], [], id="the parent answers it"),
        pytest.param(["input >> PIPE >> any", "any >> PIPE >> fetch"], [], id="the parent answers who knows what"),
        pytest.param(["input >> PIPE >> status", "status >> PIPE >> fetch"], ["url"], id="the parent does not"),
        pytest.param(
            ["input >> PIPE >> status", "status >> PIPE >> fetch", "input >> PIPE >> url", "url >> PIPE >> fetch"],
            [],
            id="one of two parents does",
        ),
        pytest.param(
            ["input >> PIPE >> status", "status >> PIPE >> fetch", "input >> PIPE >> fetch"], [], id="or the trigger"
        ),
        pytest.param(["input >> PIPE >> status", "status >> FOREACH x >> fetch"], [], id="the element may have it"),
        pytest.param(
            ["input >> PIPE >> status", "status >> FOREACH x >> any", "status >> CONTINUE >> fetch"],
            [],
            id="behind a loop",
        ),
        pytest.param(["input >> SUBFLOW >> s", "s >> PIPE >> fetch"], [], id="a sub-workflow may answer it"),
    ],
)
def test_a_required_field_that_nothing_is_known_to_answer(lines: list[str], expected: list[str]) -> None:
    found = [(d.code, d.severity, d.message) for d in diagnose(text_of(*lines), CONTRACTS)]
    message = "`url` of `fetch` is required, and nothing before it is known to answer it"
    assert found == [("INVALID_INPUT", "warning", message) for _ in expected]


def test_a_field_that_a_credential_fills_is_not_missing() -> None:
    key = {"key": "k", "inject_as": "url", "description": "d", "help_url": "https://e.test"}
    contract = build_contract(canonical_id="fetch", input_schema=SCHEMA, credentials_required=[key])
    lines = ["input >> PIPE >> status", "status >> PIPE >> fetch"]
    assert diagnose(text_of(*lines), {**CONTRACTS, "fetch": contract}) == []
