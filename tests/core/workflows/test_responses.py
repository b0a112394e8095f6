"""`response` of a workflow's file: what is taken, what is said of the rest, what it may read, what a plan stores."""

import json
from typing import Any

import pytest

from arcrun.workflows.compile import require_plan
from arcrun.workflows.diagnostics import Severity
from arcrun.workflows.plan import PLAN_FORMAT, TRIGGERS_FORMAT, Plan, load_plan
from arcrun.workflows.responses.headers import find_cookie_problem
from arcrun.workflows.responses.model import Response
from arcrun.workflows.responses.redirects import find_redirect_problem
from fakes.contracts import build_contract
from fakes.flows import compile_source, diagnose, flow_of

CONTRACTS = {name: build_contract(canonical_id=name, input_schema={"type": "object"}) for name in ("a", "b")}
LINE = "input >> PIPE >> a"


def source_with(response: Any, *lines: str, **more: Any) -> dict[str, Any]:
    source = flow_of(*(lines or (LINE,)), config={})
    return {**source, **({} if response is None else {"response": response}), **more}


def plan_with(response: Any, *lines: str) -> Plan:
    return require_plan(compile_source(source_with(response, *lines), CONTRACTS))


@pytest.mark.parametrize(
    "response",
    [
        {},
        {"status": 201},
        {"status": "{{input.status}}", "json": None},
        {"json": {"a": ["{{input.a}}", 1]}, "headers": {"x-a": "{{input.b}}", "set-cookie": ["a=1", "b={{input.c}}"]}},
        {"html": "<p>{{input}}</p>", "on_failure": {"status": 503, "body": "{{error.code}} {{run.id}}"}},
        {"redirect": "{{input.url}}", "redirect_hosts": ["a.b:81", "[::1]"]},
        {"file": {"base64": "AAEC", "content_type": "image/png", "filename": "Größe.png"}},
        {"file": "{{input.file}}"},
    ],
    ids=str,
)
def test_a_response_survives_storage(response: Any) -> None:
    plan = plan_with(response)
    stored = json.loads(json.dumps(plan.to_json()))
    assert stored["response"] == response
    assert load_plan(stored) == plan
    assert plan.format == TRIGGERS_FORMAT


def test_a_plan_without_a_response_is_as_it_was() -> None:
    plan = plan_with(None)
    assert (plan.format, plan.response, "response" in plan.to_json()) == (PLAN_FORMAT, None, False)


def test_names_of_headers_are_in_lower_case_and_hosts_are_inherited() -> None:
    plan = plan_with({"headers": {"X-A": "1"}, "redirect_hosts": ["a.b"], "on_failure": {"redirect": "{{input.u}}"}})
    inner = Response(kind="redirect", content="{{input.u}}", redirect_hosts=("a.b",))
    assert plan.response == Response(headers={"x-a": "1"}, redirect_hosts=("a.b",), on_failure=inner)


def test_the_plan_knows_what_the_response_reads_of_the_request() -> None:
    response = {"body": "{{request.path}}", "on_failure": {"headers": {"x-a": "{{request.ip?}}"}}}
    assert plan_with(response).request_fields == ("path", "ip")


STATUS_HINT = "An integer from 200 to 599, or a template of one. 3xx is 304, or of a `redirect`."
REFUSED: list[tuple[str, Any, str, str]] = [
    ("a string", "ok", "`response` must be a mapping with status, headers, body", ""),
    ("a list", [], "`response` must be a mapping with status, headers, body", ""),
    ("an unknown key", {"bdy": ""}, "unknown key `bdy` in `response`", "Did you mean `body`?"),
    ("on_failure twice", {"on_failure": {"on_failure": {}}}, "unknown key `on_failure` in `response.on_failure", ""),
    ("two bodies", {"json": 1, "html": ""}, "a response has one body, not `json` and `html`", "Keep one of them."),
    ("a body that is none", {"body": 5}, "`body` must be a string", "json: sends a value of any type."),
    ("HTML that is none", {"html": {"a": 1}}, "`html` must be a string", "json: sends a value of any type."),
    ("a body beside 204", {"status": 204, "body": "x"}, "an answer with status 204 has no body", "Omit it."),
    *[
        (f"status {status!r}", {"status": status}, f"`status` cannot be {status!r}", STATUS_HINT)
        for status in (100, 101, 199, 300, 301, 302, 307, 600, 0, -1, 200.5, True, "200", "OK", None, [200])
    ],
    *[
        (f"redirect, {status}", {"redirect": "/x", "status": status}, f"`status` cannot be {status}", "Of a redirect")
        for status in (200, 201, 300, 301, 304, 404)
    ],
    ("status with more", {"status": "{{input.a}}0"}, "`status` is a text, not a number", "status: 200"),
    ("status of a filter", {"status": "{{input.a | upper}}"}, "`status` is a text, not a number", "status: 200"),
    ("headers, a list", {"headers": ["a"]}, "`headers` must be a mapping of names", ""),
    *[
        (f"header {name!r}", {"headers": {name: "x"}}, f"`{name}` cannot be the name of a header", "It is literal")
        for name in ("a b", "a:", "", "x\r\ny", "{{input.a}}", "x-{{input.a}}", "ä")
    ],
    ("a header twice", {"headers": {"x-a": "1", "X-A": "2"}}, "the header `x-a` is there twice", ""),
    ("a header, true", {"headers": {"x-a": True}}, "the header `x-a` must be a string", "Put quotes around it."),
    ("a header, a list", {"headers": {"x-a": ["1"]}}, "the header `x-a` must be a string", "Put quotes around it."),
    ("too many headers", {"headers": {f"x-{n}": 1 for n in range(51)}}, "it has 51 headers; the limit is 50", ""),
    ("too many cookies", {"headers": {"set-cookie": ["a=1"] * 51}}, "it has 51 headers; the limit is 50", ""),
    ("a long header", {"headers": {"x-a": "x" * 16_385}}, "the header `x-a` has 16385 characters", "Send it in"),
    *[
        (f"a header with {value!r}", {"headers": {"x-a": value}}, "the header `x-a` has a line break", "Encode it")
        for value in ("a\r\nb", "a\nSet-Cookie: b=1", "a\0", "a\x7f", "é", "a\u2028b")
    ],
    *[
        (f"header {name}", {"headers": {name.title(): "x"}}, f"the header `{name}` ", "")
        for name in (
            *("connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"),
            *("content-length", "content-encoding", "clear-site-data", "service-worker-allowed", "alt-svc"),
            *("access-control-allow-origin", "access-control-allow-credentials", "access-control-max-age"),
            *("strict-transport-security", "nel", "report-to", "reporting-endpoints", "accept-ch", "refresh"),
            *("origin-agent-cluster", "location", "www-authenticate", "proxy-authenticate", "sec-fetch-site"),
            *("x-content-type-options", "referrer-policy", "set-login", "use-as-dictionary", "cf-ray", "arcrun-depth"),
            *("attribution-reporting-register-source", "shared-storage-write", "x-arcrun-a", "date", "set-cookie2"),
            "idempotent-replayed",
        )
    ],
    ("parts", {"headers": {"content-type": "Multipart/X-Mixed-Replace; b=x"}}, "`content-type` is a type", ""),
    *[
        (f"cookie {cookie}", {"headers": {"set-cookie": cookie}}, "the header `set-cookie` ", "")
        for cookie in (
            *("__Host-session=1", "__host-session=1", " __HOST-a=1", "__Secure-a=1", "__Http-a=1", "__cf_bm=1"),
            *("__Host-x={{input.a}}", "a={{input.b}}; Path=/", "a={{input.b}};domain = a.b"),
            *("a", "=__Host-a=1", "=1", "a=1, __Host-b=1", "a=1\n__Host-b=1", 'a="b', "a=b c", "a b=1", "é=1"),
            *("a=1; Path=/", "a=1; path=/webhooks", "a=1; Domain=a.b", "a=1; SameSite=Sometimes", "a=1; Max-Age=x"),
            *("a=1; Priority=High", "a=1; Expires=Wed, __Host-b=1", "a=1; Secure=1"),
        )
    ],
    ("a list with one of them", {"headers": {"set-cookie": ["a=1", "__Host-b=1"]}}, "sets __Host-b", "another name"),
    ("hosts, no list", {"redirect": "{{input}}", "redirect_hosts": "a.b"}, "`redirect_hosts` must be a list", ""),
    *[
        (f"host {host!r}", {"redirect": "/", "redirect_hosts": [host]}, "`redirect_hosts` must be a list of hosts", "")
        for host in ("https://a.b", "a.b/", "A.b", "*.a.b", "", 5, "u@a.b", "a.b\n")
    ],
    ("too many hosts", {"redirect_hosts": [f"a{n}.b" for n in range(51)]}, "`redirect_hosts` has 51 hosts", ""),
    *[
        (f"redirect {url!r}", {"redirect": url}, "`redirect` ", "")
        for url in (
            *("javascript:alert(1)", "data:text/html,x", "//a.b", "https:a.b", "https:///a.b", "ftp://a.b", "a.b/c"),
            *("https://u@a.b/", "https://u:p@a.b/", "https://a.b\\@c.d", "/\\a.b", "\\\\a.b", "https://a.b%2f@c.d/"),
            *("https://a b/", "https://a.b/\tc", "vbscript:x", "https://a.b:x/", "mailto:a@b"),
        )
    ],
    *[
        (f"redirect {url!r}", {"redirect": url}, "the host of `redirect` comes from data", "List the hosts")
        for url in ("{{input.u}}", "https://{{input.h}}/", "https://a.b{{input.h}}", "{{input.s}}://a.b/")
    ],
    ("a file, a list", {"file": []}, "`response.file` must be a mapping with base64, content_type, filename", ""),
    ("a file without content", {"file": {"filename": "a"}}, "`file` needs `base64`", "file: {base64:"),
    ("a file, no base64", {"file": {"base64": "a-b_"}}, "`base64` is not base64", "Text is sent by body"),
    ("a file, other type", {"file": {"base64": "AAEC", "filename": 5}}, "`filename` must be a string", ""),
    ("a file, a bad type", {"file": {"base64": "", "content_type": "a\r\nb"}}, "`content_type` has a line break", ""),
    ("a file, a key", {"file": {"base64": "", "name": "a"}}, "unknown key `name` in `response.file`", ""),
    ("a credential", {"json": {"a": ["{{credential.k}}"]}}, "{{credential.k}} would be sent to", "cannot"),
    ("a credential, a default", {"body": "{{input.a | default(credential.k)}}"}, "{{credential.k}} would be sent", ""),
    ("no template", {"body": "{{"}, "in `response`: ", ""),
]  # fmt: skip


@pytest.mark.parametrize(("response", "message", "hint"), [pytest.param(*row, id=name) for name, *row in REFUSED])
@pytest.mark.parametrize("place", ["success", "failure"])
def test_what_is_refused(place: str, response: Any, message: str, hint: str) -> None:
    source = source_with(response if place == "success" else {"on_failure": response})
    found = [it for it in diagnose(source, CONTRACTS) if it.severity is Severity.ERROR]
    assert found
    told = message.replace("`response", "`response.on_failure")
    assert any((told in it.message or message in it.message) and hint in it.hint for it in found), found


@pytest.mark.parametrize(
    "cookie",
    ["a=1", "a=", 'a="x"', "theme=dark; Max-Age=3600; SameSite=Lax; Secure; HttpOnly; Partitioned",
     "a=1; expires=Wed, 21 Oct 2026 07:28:00 GMT"],
)  # fmt: skip
def test_cookies_that_may_be_set(cookie: str) -> None:
    assert find_cookie_problem(cookie) is None


@pytest.mark.parametrize(
    ("text", "url", "is_allowed"),
    [
        ("https://a.b/{{x}}", "https://a.b/c", True),
        ("https://a.b?{{x}}", "https://a.b?c", True),
        ("https://A.b:443/{{x}}", "https://a.b/c", True),
        ("https://a.b/{{x}}", "https://a.b/@c.d", True),
        ("https://a.b/{{x}}", "https://a.b/\\c", False),
        ("https://a.b{{x}}", "https://a.b.c.d/", False),
        ("https://a.b{{x}}", "https://a.b@c.d/", False),
        ("https://a.b{{x}}", "https://a.b:81/", False),
        ("https://{{x}}/", "https://ok.example/", True),
        ("https://{{x}}/", "https://OK.example/", True),
        ("https://{{x}}/", "https://ok.example:8443/", False),
        ("https://{{x}}/", "https://ok.example.evil.example/", False),
        ("https://{{x}}/", "https://evil.example/ok.example", False),
        ("https://{{x}}/", "https://evil.example#ok.example/", False),
        ("https://{{x}}/", "https://ok.example@evil.example/", False),
        ("https://{{x}}/", "https://ok.example\t.evil.example/", False),
        ("https://{{x}}/", "https://ok.example%40evil.example/", False),
        ("{{x}}", "https://ok.example", True),
        ("{{x}}", "http://ok.example/x", True),
        ("{{x}}", "https://ok.example.", False),
        ("{{x}}", "//ok.example/", False),
        ("{{x}}", "/thanks", False),
        ("{{x}}", "?a=1", False),
        ("{{x}}", "thanks", False),
        ("{{x}}", "javascript:alert(1)//https://ok.example/", False),
        ("{{x}}", "JaVaScRiPt:alert(1)", False),
        ("{{x}}", "data:text/html,<script>", False),
        ("{{x}}", "https:ok.example", False),
        ("{{x}}", "https:/ok.example", False),
        ("{{x}}", "https:\\\\ok.example", False),
        ("{{x}}", " https://ok.example", False),
        ("{{x}}", "\x01https://ok.example", False),
        ("/{{x}}", "/thanks", True),
        ("/{{x}}", "//evil.example", False),
        ("/{{x}}", "/\\evil.example", False),
        ("/{{x}}", "/\t/evil.example", False),
        ("?a={{x}}", "?a=//evil.example", True),
        ("/a/{{x}}", "/a/https://evil.example", True),
        ("{{x}}/a", "/evil", False),
    ],
)
def test_where_a_redirect_may_lead(text: str, url: str, is_allowed: bool) -> None:
    assert (find_redirect_problem(url, text, ("ok.example",)) is None) == is_allowed


RACE = (
    *("input >> PIPE >> s", "s >> PIPE >> a", "s >> PIPE >> b", "a >> PIPE >> j", "b >> PIPE >> j"),
    "j >> PIPE >> output",
)
RACING = {"j": {"component": "a", "join": "first", "cancel_rest": True}}
SKIPPED = "may have been skipped or have failed when the response is made"


@pytest.mark.parametrize(
    ("lines", "reference", "told"),
    [
        pytest.param((LINE,), "a.data.x", None, id="always"),
        pytest.param((LINE, "a >> IF(a.data.x) >> b"), "b.data.x", SKIPPED, id="on a condition"),
        pytest.param((LINE, "a >> IF(a.data.x) >> b"), "b.data.x?", None, id="with a fallback"),
        pytest.param((LINE, "a >> ON_FAIL >> b"), "a.data.x", SKIPPED, id="its failure is handled"),
        pytest.param((LINE, "a >> ON_FAIL >> b"), "a.success", None, id="it has run"),
        pytest.param((LINE, "a >> IF(a.data.x) >> stop", "a >> PIPE >> b"), "a.data.x", None, id="before stop"),
        pytest.param((LINE, "a >> IF(a.data.x) >> stop", "a >> PIPE >> b"), "b.data.x", SKIPPED, id="after stop"),
        pytest.param(("input >> PIPE >> a", "input >> IF(input.x) >> b", "b >> PIPE >> stop"), "a.data.x", SKIPPED,
                     id="beside stop"),
        pytest.param(RACE, "s.data.x", None, id="before a race"),
        pytest.param(RACE, "a.data.x", SKIPPED, id="in a race"),
        pytest.param(RACE, "j.data.x", None, id="after a race"),
        pytest.param(("input >> FOREACH it IN input.l >> a",), "it.results", None, id="a loop"),
        pytest.param((LINE, "a >> FOREACH it IN a.data.l >> b"), "a.results", None, id="a loop of a node"),
        pytest.param(("input >> FOREACH it IN input.l >> a",), "a.data.x",
                     "is out of reach: `a` runs once for each `it`", id="inside a loop"),
        pytest.param((LINE,), "c.data.x", "refers to nothing", id="nothing"),
        pytest.param((LINE,), "error.code", "refers to nothing", id="the error of a run that has none"),
        pytest.param((LINE,), "run.id", None, id="the run"),
        pytest.param((LINE,), "run.secret", "does not exist: `run` has id", id="of the run"),
        pytest.param((LINE,), "previous.x", "refers to nothing", id="a round"),
        pytest.param((LINE,), "request.headers.a", None, id="the request"),
        pytest.param((LINE,), "_now", None, id="a clock"),
    ],
)  # fmt: skip
def test_what_a_response_may_read(lines: tuple[str, ...], reference: str, told: str | None) -> None:
    source = source_with({"body": f"{{{{{reference}}}}}"}, *lines)
    source["config"] = {"s": {"component": "a"}, **RACING} if lines == RACE else {}
    codes = ("UNRESOLVED_REFERENCE", "INVALID_RESPONSE")
    found = [it.message for it in diagnose(source, CONTRACTS) if it.code in codes]
    assert [told in message for message in found if told] == ([True] if told else []), found
    assert told or not found


FAILED = "may have been skipped or have failed when the run has failed"


@pytest.mark.parametrize(
    ("reference", "code", "told"),
    [
        ("a.data.x", "UNRESOLVED_REFERENCE", FAILED),
        ("a.data.x?", None, None),
        ("input.x", None, None),
        ("error.code", None, None),
        ("error.node", None, None),
        ("error.message", "ANSWER_SHOWS_ERROR", "the message of the error is in the answer"),
        ("error", "ANSWER_SHOWS_ERROR", "the message of the error is in the answer"),
        ("error.details", "UNRESOLVED_REFERENCE", "does not exist: `error` has code, message, node"),
        ("run.id", None, None),
    ],
)
def test_what_the_response_of_a_failed_run_may_read(reference: str, code: str | None, told: str | None) -> None:
    source = source_with({"on_failure": {"json": {"x": f"{{{{{reference}}}}}"}}})
    found = diagnose(source, CONTRACTS)
    assert [(it.code, told or "" in it.message) for it in found] == ([] if code is None else [(code, told)]), found


def test_a_node_that_has_the_name_of_the_error() -> None:
    source = {**source_with({"on_failure": {}}, "input >> PIPE >> error"), "config": {"error": {"component": "a"}}}
    [found] = diagnose(source, CONTRACTS)
    assert found.code == "INVALID_RESPONSE"
    assert "a node has that name" in found.message


def test_a_finding_has_its_place() -> None:
    text = "name: w\nresponse:\n  headers:\n    x-a: ok\n    nel: x\nflow: [input >> PIPE >> a]\n"
    [found] = diagnose(text, CONTRACTS)
    assert (found.code, found.line, found.column) == ("INVALID_RESPONSE", 5, 5)
