"""`idempotency` of a webhook: what is taken, what is said of the rest, and what a plan stores of it."""

import json
from typing import Any

import pytest

from arcrun.workflows.compile import require_plan
from arcrun.workflows.plan import TRIGGERS_FORMAT, load_plan
from arcrun.workflows.triggers.keys import RequestKey
from arcrun.workflows.triggers.model import Idempotency
from fakes.contracts import build_contract
from fakes.flows import compile_source, diagnose, flow_of

CONTRACTS = {"a": build_contract(canonical_id="a", input_schema={"type": "object"})}
HEADER = '{{request.headers["x-github-delivery"]}}'
EXAMPLE = "For example: key: '{{request.headers"


def source_with(idempotency: Any) -> dict[str, Any]:
    source = flow_of("input >> PIPE >> a", config={"a": {"component": "a"}})
    return {**source, "triggers": {"webhook": {"idempotency": idempotency}}}


TAKEN: list[Any] = [
    pytest.param(True, Idempotency(), {}, id="true"),
    pytest.param({}, Idempotency(), {}, id="a mapping"),
    pytest.param({"keep_s": 86_400, "on_running": "conflict", "retry_failed": True}, Idempotency(), {}, id="defaults"),
    pytest.param({"key": HEADER}, Idempotency(RequestKey(HEADER)), {"key": HEADER}, id="a header"),
    pytest.param({"key": "{{input.id}}"}, Idempotency(RequestKey("{{input.id}}")), {"key": "{{input.id}}"}, id="input"),
    pytest.param({"keep_s": 60}, Idempotency(keep_s=60), {"keep_s": 60}, id="a minute"),
    pytest.param({"on_running": "wait"}, Idempotency(waits=True), {"on_running": "wait"}, id="wait"),
    pytest.param({"retry_failed": False}, Idempotency(retries_failed=False), {"retry_failed": False}, id="no retries"),
]


@pytest.mark.parametrize(("setting", "expected", "stored"), TAKEN)
def test_it_survives_storage(setting: Any, expected: Idempotency, stored: Any) -> None:
    plan = require_plan(compile_source(source_with(setting), CONTRACTS))
    assert plan.triggers.webhook.idempotency == expected
    rendered = json.loads(json.dumps(plan.to_json()))
    assert (rendered["triggers"], rendered["format"]) == ({"webhook": {"idempotency": stored}}, TRIGGERS_FORMAT)
    assert load_plan(rendered) == plan


def test_false_is_as_if_it_were_left_out() -> None:
    plan = require_plan(compile_source(source_with(False), CONTRACTS))
    assert (plan.triggers.webhook.idempotency, "triggers" in plan.to_json()) == (None, False)


REFUSED: list[Any] = [
    pytest.param("yes", "INVALID_SETTING", "must be a mapping with key, keep_s, on_running", "", id="a string"),
    pytest.param({"kee": 1}, "UNKNOWN_KEY", "unknown key `kee`", "Did you mean `key`?", id="a typo"),
    pytest.param(
        {"zz": 1}, "UNKNOWN_KEY", "unknown key `zz`", "Allowed: key, keep_s, on_running, retry_failed.", id="far"
    ),
    pytest.param({"key": 7}, "INVALID_SETTING", "`key` must be a template", EXAMPLE, id="a number"),
    pytest.param({"key": "abc"}, "INVALID_SETTING", "the same for every request", EXAMPLE, id="a constant"),
    pytest.param({"key": ""}, "INVALID_SETTING", "the same for every request", EXAMPLE, id="empty"),
    pytest.param({"key": "{{input.}}"}, "INVALID_TEMPLATE", "in `key`", "", id="no template"),
    pytest.param(
        {"key": "{{a.data.x}}"}, "UNRESOLVED_REFERENCE", "before the run", "`input` and `request`", id="a node"
    ),
    pytest.param({"key": "{{credential.x}}"}, "UNRESOLVED_REFERENCE", "before the run", "", id="a credential"),
    pytest.param({"key": "{{now_ms}}"}, "UNRESOLVED_REFERENCE", "before the run", "", id="a clock"),
    pytest.param({"key": "{{request.header.x}}"}, "UNRESOLVED_REFERENCE", "does not exist", "`headers`", id="no field"),
    pytest.param(
        {"key": "{{request.headers.X_A}}"}, "UNRESOLVED_REFERENCE", "lower case", 'headers["x_a"]', id="upper case"
    ),
    pytest.param({"key": "{{request.received_at}}"}, "UNRESOLVED_REFERENCE", "in each repetition", "", id="its time"),
    pytest.param({"keep_s": 0}, "INVALID_SETTING", "must be an integer from 1 to 2592000", "", id="no time"),
    pytest.param({"keep_s": 2_592_001}, "INVALID_SETTING", "must be an integer from 1 to 2592000", "", id="too long"),
    pytest.param({"on_running": "queue"}, "INVALID_SETTING", "must be one of conflict, wait", "", id="on_running"),
    pytest.param({"retry_failed": "no"}, "INVALID_SETTING", "must be true or false", "", id="retry_failed"),
]


@pytest.mark.parametrize(("setting", "code", "message", "hint"), REFUSED)
def test_each_wrong_setting_is_told_with_what_is_allowed(setting: Any, code: str, message: str, hint: str) -> None:
    [finding] = diagnose(source_with(setting), CONTRACTS)
    assert finding.code == code
    assert message in finding.message
    assert hint in finding.hint


KEYS: list[Any] = [
    pytest.param("{{input.id}}", {"id": "x"}, "x", id="a string"),
    pytest.param("{{input.id}}", {"id": 7}, "7", id="a number"),
    pytest.param("{{input.id}}", {"id": {"b": 1}}, '{"b": 1}', id="an object"),
    pytest.param("{{input.id?}}", {}, "", id="null"),
    pytest.param("{{input.id}}", {"id": ""}, "", id="empty"),
    pytest.param("{{input.a}}-{{request.method}}", {"a": 1}, "1-POST", id="several"),
    pytest.param("{{input.id | lower}}", {"id": "AB"}, "ab", id="a filter"),
]


@pytest.mark.parametrize(("template", "value", "key"), KEYS)
def test_a_key_is_rendered_as_text(template: str, value: Any, key: str) -> None:
    assert RequestKey(template).render(value, {"method": "POST"}) == key


@pytest.mark.parametrize(
    ("template", "is_optional"),
    [
        ("{{input.id}}", False),
        ("{{input.id?}}", True),
        ('{{input.id | default("")}}', True),
        ("{{input.id?}}{{input.kind}}", False),
    ],
)
def test_a_key_may_be_optional(template: str, is_optional: bool) -> None:
    assert RequestKey(template).is_optional is is_optional


@pytest.mark.parametrize(
    ("template", "fields"),
    [("{{input.a}}", ()), (HEADER, ("headers",)), ("{{request.query.a}} {{request.method}}", ("method", "query"))],
)
def test_a_key_says_what_it_reads_of_the_request(template: str, fields: tuple[str, ...]) -> None:
    assert RequestKey(template).request_fields == fields


def test_a_key_may_read_the_whole_request_but_its_time() -> None:
    fields = RequestKey("{{request}}").request_fields
    assert ("headers" in fields, "received_at" in fields) == (True, False)
