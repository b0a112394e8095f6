"""`triggers` of a workflow's file and `request` in its templates: what is taken, what is said of the rest, and what a
plan stores of it.
"""

import json
from typing import Any

import pytest

from arcrun.templates.request import REQUEST_FIELDS
from arcrun.workflows.compile import require_plan
from arcrun.workflows.plan import PLAN_FORMAT, SHAPES_FORMAT, TRIGGERS_FORMAT, Plan, load_plan
from arcrun.workflows.triggers.model import DEFAULT_TRIGGERS, METHODS, Cors, Triggers, Webhook
from fakes.contracts import build_contract
from fakes.flows import compile_source, diagnose, flow_of

CONTRACTS = {"a": build_contract(canonical_id="a", input_schema={"type": "object"})}
FIELDS = ", ".join(REQUEST_FIELDS)


def source_with(*lines: str, triggers: Any = None, **config: Any) -> dict[str, Any]:
    source = flow_of(*(lines or ("input >> PIPE >> a",)), config={"a": {"component": "a", **config}})
    return source if triggers is None else {**source, "triggers": triggers}


def plan_with(*lines: str, triggers: Any = None, **config: Any) -> Plan:
    return require_plan(compile_source(source_with(*lines, triggers=triggers, **config), CONTRACTS))


@pytest.mark.parametrize(
    ("triggers", "expected"),
    [
        pytest.param({}, DEFAULT_TRIGGERS, id="nothing"),
        pytest.param({"webhook": {}}, DEFAULT_TRIGGERS, id="a webhook as always"),
        pytest.param({"webhook": {"methods": ["POST"]}}, DEFAULT_TRIGGERS, id="the default in words"),
        pytest.param({"webhook": {"methods": ["GET"]}}, Triggers(Webhook(("GET",))), id="one method"),
        pytest.param({"webhook": {"methods": [*reversed(METHODS)]}}, Triggers(Webhook(METHODS)), id="in any order"),
        pytest.param(
            {"webhook": {"record_headers": ["X-Token", "cookie", "x-token"]}},
            Triggers(Webhook(record_headers=("cookie", "x-token"))),
            id="headers",
        ),
        pytest.param(
            {"webhook": {"cors": {"origins": ["https://a.b", "http://[::1]:81", "https://a.b"]}}},
            Triggers(Webhook(cors=Cors(("https://a.b", "http://[::1]:81")))),
            id="CORS",
        ),
        pytest.param(
            {"webhook": {"cors": {"origins": ["*"], "methods": ["PUT", "GET"], "headers": ["X-A"], "max_age_s": 0}}},
            Triggers(Webhook(cors=Cors(("*",), ("GET", "PUT"), ("x-a",), 0))),
            id="all of CORS",
        ),
    ],
)
def test_triggers_survive_storage(triggers: Any, expected: Triggers) -> None:
    plan = plan_with(triggers=triggers)
    assert plan.triggers == expected
    stored = json.loads(json.dumps(plan.to_json()))
    assert load_plan(stored) == plan
    is_default = expected == DEFAULT_TRIGGERS
    assert (plan.format, "triggers" in stored) == (PLAN_FORMAT if is_default else TRIGGERS_FORMAT, not is_default)
    if is_default:
        assert stored == plan_with().to_json()


@pytest.mark.parametrize(
    ("triggers", "code", "message", "hint"),
    [
        pytest.param([], "INVALID_SETTING", "`triggers` must be a mapping with webhook", "", id="a list"),
        pytest.param(
            {"webhok": {}}, "UNKNOWN_KEY", "unknown key `webhok` in `triggers`", "Did you mean `webhook`?", id="typo"
        ),
        pytest.param({"webhook": True}, "INVALID_SETTING", "`triggers.webhook` must be a mapping", "", id="true"),
        pytest.param(
            {"webhook": {"method": "GET"}},
            "UNKNOWN_KEY",
            "unknown key `method` in `triggers.webhook`",
            "Did you mean `methods`?",
            id="near key",
        ),
        pytest.param(
            {"webhook": {"zzz": 1}},
            "UNKNOWN_KEY",
            "unknown key `zzz` in `triggers.webhook`",
            "Allowed: methods, record_headers, verify, cors, idempotency, answer.",
            id="far key",
        ),
        pytest.param(
            {"webhook": {"methods": "GET"}},
            "INVALID_SETTING",
            "`methods` must be a list of one or more methods",
            "Allowed: GET, POST, PUT, PATCH, DELETE.",
            id="no list",
        ),
        pytest.param(
            {"webhook": {"methods": []}}, "INVALID_SETTING", "`methods` must be a list", "Allowed: GET", id="empty"
        ),
        pytest.param(
            {"webhook": {"methods": ["get"]}},
            "INVALID_SETTING",
            "`methods` has 'get', which cannot run a workflow",
            "Did you mean `GET`?",
            id="lower case",
        ),
        pytest.param(
            {"webhook": {"methods": ["HEAD"]}},
            "INVALID_SETTING",
            "`methods` has 'HEAD', which cannot run a workflow",
            "HEAD is answered where GET is allowed, without a run.",
            id="HEAD",
        ),
        pytest.param(
            {"webhook": {"methods": [{}]}}, "INVALID_SETTING", "`methods` has {}", "Allowed: GET", id="no text"
        ),
        *[
            pytest.param(
                {"webhook": {"cors": {"origins": origins}}}, "INVALID_SETTING", message, hint, id=f"CORS, {origins}"
            )
            for origins, message, hint in [
                (None, "`cors` needs `origins`", "origins: ["),
                ([], "`cors` needs `origins`", "origins: ["),
                ("https://a.b", "`cors` needs `origins`", "origins: ["),
                (["null"], "`origins` has 'null', which is no origin", "Pages without an origin"),
                ([None], "`origins` has None, which is no origin", "Pages without an origin"),
                (["https://a.b/"], "`origins` has 'https://a.b/'", "origins: ["),
                (["https://a.b/x"], "`origins` has 'https://a.b/x'", "origins: ["),
                (["https://a.b:443"], "`origins` has 'https://a.b:443'", "origins: ["),
                (["http://a.b:80"], "`origins` has 'http://a.b:80'", "origins: ["),
                (["https://A.b"], "`origins` has 'https://A.b'", "origins: ["),
                (["https://*.a.b"], "`origins` has 'https://*.a.b'", "origins: ["),
                (["https://u@a.b"], "`origins` has 'https://u@a.b'", "origins: ["),
                (["a.b"], "`origins` has 'a.b'", "origins: ["),
                (["https://a.b\n"], "`origins` has 'https://a.b\\n'", "origins: ["),
                (["*", "https://a.b"], "`origins` has `*`", "Keep one"),
                ([f"https://a{n}.b" for n in range(51)], "`origins` has 51 origins; the limit is 50", ""),
            ]
        ],
        pytest.param(
            {"webhook": {"cors": {"origins": ["*"], "credentials": True}}},
            "UNKNOWN_KEY",
            "unknown key `credentials` in `triggers.webhook.cors`",
            "Allowed: origins, methods, headers, max_age_s.",
            id="CORS with credentials",
        ),
        pytest.param(
            {"webhook": {"cors": {"origins": ["*"], "headers": ["a b"]}}},
            "INVALID_SETTING",
            "`headers` must be a list of names of headers",
            "headers: [x-request-token]",
            id="CORS, headers",
        ),
        pytest.param(
            {"webhook": {"cors": {"origins": ["*"], "max_age_s": 86_401}}},
            "INVALID_SETTING",
            "`triggers.webhook.cors.max_age_s` must be an integer from 0 to 86400",
            "",
            id="CORS, too long",
        ),
        pytest.param(
            {"webhook": {"record_headers": "cookie"}},
            "INVALID_SETTING",
            "`record_headers` must be a list of names of headers",
            "record_headers: [x-request-token]",
            id="no list of headers",
        ),
        pytest.param(
            {"webhook": {"record_headers": ["X-Arcrun-API-Key"]}},
            "INVALID_SETTING",
            "`record_headers` has x-arcrun-api-key, which no workflow sees",
            "Leave it out",
            id="the API key",
        ),
        pytest.param(
            {"webhook": {"record_headers": ["a b"]}}, "INVALID_SETTING", "`record_headers` must be", "", id="no name"
        ),
        pytest.param(
            {"webhook": {"record_headers": [f"x-{n}" for n in range(51)]}},
            "INVALID_SETTING",
            "`record_headers` has 51 names; the limit is 50",
            "",
            id="too many",
        ),
    ],
)
def test_what_is_wrong_is_said(triggers: Any, code: str, message: str, hint: str) -> None:
    [found] = diagnose(source_with(triggers=triggers), CONTRACTS)
    assert found.code == code
    assert found.message.startswith(message)
    assert found.hint.startswith(hint)


@pytest.mark.parametrize(
    ("lines", "config", "fields"),
    [
        pytest.param([], {"x": 1}, [], id="nothing"),
        pytest.param([], {"x": "{{request.method}} {{request.ip}}"}, ["method", "ip"], id="in a text"),
        pytest.param([], {"x": {"y": ["{{request.headers.x-github-event?}}"]}}, ["headers"], id="a header"),
        pytest.param([], {"x": "{{input.a | default(request.query.a)}}"}, ["query"], id="an argument of a filter"),
        pytest.param([], {"x": "{{request}}"}, [*REQUEST_FIELDS], id="the whole"),
        pytest.param([], {"take": "request.query"}, ["query"], id="take"),
        pytest.param(["input >> IF(request.path == '/a') >> a"], {}, ["path"], id="an expression"),
        pytest.param(
            ["input >> IF(request.headers.x-github-event == 'push') >> a"], {}, ["headers"], id="a header in it"
        ),
        pytest.param(["input >> IF(length(request.text) > `1`) >> a"], {}, ["text"], id="in a function"),
        pytest.param(["input >> IF(keys(request)) >> a"], {}, [*REQUEST_FIELDS], id="the whole in a function"),
        pytest.param(["input >> FOREACH t IN request.query_all.tag >> a"], {}, ["query_all"], id="a list"),
        pytest.param(
            [],
            {"repeat": {"until": "a.data.n == request.query.n", "max": 2}, "x": "{{previous?}}"},
            ["query"],
            id="the end of a repeat",
        ),
        pytest.param([], {"undo": {"component": "a", "x": "{{request.path}}"}}, ["path"], id="an undo"),
        pytest.param([], {"undo": {"component": "a", "take": "request.query"}}, ["query"], id="take of an undo"),
    ],
)
def test_a_plan_knows_what_it_reads_of_the_request(lines: list[str], config: Any, fields: list[str]) -> None:
    plan = plan_with(*lines, **config)
    assert list(plan.request_fields) == fields
    assert plan.sees_request == bool(fields)
    stored = json.loads(json.dumps(plan.to_json()))
    assert (load_plan(stored), stored.get("request", [])) == (plan, fields)
    assert (plan.format == TRIGGERS_FORMAT) == bool(fields)


def test_a_plan_of_shapes_alone_keeps_its_format() -> None:
    repeat = {"until": "a.data.n == `1`", "max": 2}
    assert plan_with(repeat=repeat, x="{{previous?}}").format == SHAPES_FORMAT


def test_a_workflow_that_calls_another_may_see_the_request_there() -> None:
    plan = require_plan(compile_source(flow_of("input >> CALLS_SUBFLOW >> a", config={"a": {"workflow": "other"}})))
    assert (plan.request_fields, plan.sees_request, plan.format) == ((), True, PLAN_FORMAT)


@pytest.mark.parametrize(
    ("reference", "message", "hint"),
    [
        pytest.param(
            "request.header", f"does not exist: a request has {FIELDS}", "Did you mean `headers`?", id="near field"
        ),
        pytest.param("request.Method", f"does not exist: a request has {FIELDS}", "Did you mean `method`?", id="case"),
        pytest.param(
            "request.body",
            f"does not exist: a request has {FIELDS}",
            "The body is `input`, and `request.text` its raw text.",
            id="far field",
        ),
        pytest.param(
            "request.method.x", "does not exist: it is a string and has no fields", "Write request.method.", id="below"
        ),
        pytest.param(
            "request.headers.X-GitHub-Event",
            "does not exist: names of headers are in lower case",
            'Write request.headers["x-github-event"].',
            id="a header in capitals",
        ),
    ],
)
def test_a_misspelt_field_is_named(reference: str, message: str, hint: str) -> None:
    [in_template] = diagnose(source_with(x=f"{{{{{reference}}}}}"), CONTRACTS)
    assert (in_template.code, in_template.hint) == ("UNRESOLVED_REFERENCE", hint)
    assert in_template.message == f"{{{{{reference}}}}} {message}"
    [in_expression] = diagnose(source_with(f"input >> IF({reference} == 'x') >> a"), CONTRACTS)
    assert (in_expression.message, in_expression.hint) == (f"`{reference}` {message}", hint)


@pytest.mark.parametrize(
    ("lines", "config", "code"),
    [
        pytest.param(["input >> FOREACH x IN request.method >> a"], {}, "INVALID_LOOP", id="a string is no list"),
        pytest.param([], {"take": "request.text"}, "INVALID_INPUT", id="a string is no object"),
    ],
)
def test_a_field_of_another_type(lines: list[str], config: Any, code: str) -> None:
    [found] = diagnose(source_with(*lines, **config), CONTRACTS)
    assert found.code == code


def test_no_node_may_be_named_request() -> None:
    [found] = diagnose(flow_of("input >> PIPE >> request", config={"request": {"component": "a"}}), CONTRACTS)
    assert found.code == "INVALID_WORKFLOW"
