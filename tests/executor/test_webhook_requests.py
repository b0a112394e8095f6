"""Proves what a webhook's request is to its workflow: the input by method, content type and body; `request`; which
methods and paths are answered how; and that no record has a header that carries a secret.
"""

import base64
import gzip
import json
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from arcrun.limits import MAX_BODY_BYTES, MAX_FORM_FIELDS
from fakes.components import echo
from fakes.executor import API_KEY, Bench, build_bench, build_client
from fakes.tenants import build_hosted
from fakes.wire import read_error
from fakes.workflows import ADA
from fixtures import webhook_bodies as sent

pytestmark = pytest.mark.anyio

ALL = ["GET", "POST", "PUT", "PATCH", "DELETE"]
FORM, MULTIPART = sent.FORM, sent.MULTIPART
JSON = "application/json"
NO_BASE64 = {"base64": ""}


def flow_showing(value: str, **triggers: Any) -> dict[str, Any]:
    """A workflow that answers `value`, a reference, as JSON in a string."""
    return {
        "name": "show",
        "triggers": {"webhook": {"methods": ALL, **triggers}},
        "flow": ["input >> PIPE >> echo", "echo >> PIPE >> output"],
        "config": {"echo": {"text": f"{{{{{value} | json}}}}"}},
    }


class Hook:
    """A workflow's webhook."""

    def __init__(self, flow: Mapping[str, Any], bench: Bench | None = None) -> None:
        self.flow, self.bench = flow, bench or build_bench({"echo": echo})

    async def send(self, method: str = "POST", rest: str = "", headers: Any = None, **request: Any) -> httpx.Response:
        token = (await self.bench.service.push(self.flow, ADA)).stored.token
        async with build_client(self.bench.service, headers={}) as client:
            response = await client.request(method, f"/webhooks/{token}/trigger{rest}", headers=headers, **request)
        await self.bench.background.finish()
        return response


async def show(value: str, *args: Any, flow: Mapping[str, Any] | None = None, **request: Any) -> Any:
    """What a workflow sees of a request."""
    response = await Hook(flow or flow_showing(value)).send(*args, **request)
    assert response.status_code == 200, response.text
    return json.loads(response.json()["data"]["text"])


def b64(content: bytes) -> dict[str, str]:
    return {"base64": base64.b64encode(content).decode()}


# name: (content type, body, input)
BODIES: dict[str, tuple[str | None, bytes, Any]] = {
    "JSON": (JSON, b'{"a": [1, null]}', {"a": [1, None]}),
    "JSON, charset": ("application/json; charset=utf-8", '{"ü": 1}'.encode(), {"ü": 1}),
    "JSON, in capitals": ("Application/JSON;Charset=UTF-8", b"[1]", [1]),
    "JSON, Latin-1": ("application/json; charset=iso-8859-1", b'"\xe9"', "é"),
    "JSON, UTF-16": ("application/json; charset=utf-16", '{"a": 1}'.encode("utf-16-le"), {"a": 1}),
    "JSON with a mark": (JSON, b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
    "JSON, white space": (JSON, b" \r\n", {}),
    "JSON, a number": (JSON, b"7", 7),
    "JSON, null": (JSON, b"null", None),
    "JSON without a type": (None, b'{"a": 1}', {"a": 1}),
    "JSON of curl": (FORM, b'{"name": " Ada "}', {"name": " Ada "}),
    "JSON of curl, a list": (FORM, b"  [1]", [1]),
    "problem+json": ("application/problem+json", b'{"status": 1}', {"status": 1}),
    "ld+json with a profile": ('application/ld+json; profile="x;y"', b"{}", {}),
    "text/json": ("text/json", b"true", True),
    "CloudEvents": ("application/cloudevents+json", json.dumps(sent.CLOUD_EVENT).encode(), sent.CLOUD_EVENT),
    "GitHub, JSON": (JSON, json.dumps(sent.GITHUB).encode(), sent.GITHUB),
    "GitHub, form": (FORM, sent.GITHUB_FORM, {"payload": json.dumps(sent.GITHUB)}),
    "Slack": (FORM, sent.SLACK, sent.SLACK_INPUT),
    "Twilio": (f"{FORM}; charset=UTF-8", sent.TWILIO, sent.TWILIO_INPUT),
    "Stripe": ("application/json; charset=utf-8", sent.STRIPE_BODY, sent.STRIPE),
    "HTML form": (FORM, sent.HTML_FORM, sent.HTML_FORM_INPUT),
    "form, no value": (FORM, b"a&b=&=c&&", {"a": "", "b": "", "": "c"}),
    "form, odd escapes": (FORM, b"a=%zz%4&b=%25%2B+", {"a": "%zz%4", "b": "%+ "}),
    "form, Latin-1": (f"{FORM}; charset=iso-8859-1", b"a=%e9", {"a": "é"}),
    "form, line end": (FORM, b"a=b\r\n", {"a": "b"}),
    "form, three of a name": (FORM, b"a=1&a=2&b=0&a=3", {"a": ["1", "2", "3"], "b": "0"}),
    "form, a long value": (FORM, b"a=" + b"%41" * 20_000, {"a": "A" * 20_000}),
    "multipart": (MULTIPART, sent.BROWSER_FORM, sent.BROWSER_FORM_INPUT),
    "multipart, quoted boundary": (
        f'multipart/form-data; charset=utf-8; boundary="{sent.BOUNDARY}"',
        sent.build_form(sent.build_part('name="a"', b"1")),
        {"a": "1"},
    ),
    "multipart, nothing": (MULTIPART, sent.build_form(), {}),
    "multipart, a field with a charset": (
        MULTIPART,
        sent.build_form(sent.build_part('name="a"', b"\xe9", "text/plain; charset=iso-8859-1")),
        {"a": "é"},
    ),
    "multipart, epilogue": (MULTIPART, sent.build_form(sent.build_part('name="a"', b"")) + b"bye", {"a": ""}),
    "text": ("text/plain", "Grüße\n".encode(), "Grüße\n"),
    "text, white space": ("text/plain", b"  ", "  "),
    "text that is JSON": ("text/plain;charset=UTF-8", b'{"a": 1}', '{"a": 1}'),
    "text, Shift_JIS": ("text/plain; charset=shift_jis", b"\x93\xfa", "日"),
    "text, unknown charset": ("text/plain; charset=klingon", b"a", "a"),
    "text, UTF-16": ("text/plain", "é".encode("utf-16"), "é"),
    "CSV": ("text/csv; header=present", b"a,b\r\n1,2\r\n", "a,b\r\n1,2\r\n"),
    "HTML": ("text/html", b"<p>&amp;</p>", "<p>&amp;</p>"),
    "XML": ("application/xml", sent.ATOM, sent.ATOM.decode()),
    "XML as text": ("text/xml; charset=utf-8", sent.ATOM, sent.ATOM.decode()),
    "Atom": ("application/atom+xml", sent.ATOM, sent.ATOM.decode()),
    "SVG": ("image/svg+xml", b"<svg/>", "<svg/>"),
    "XML in the charset that it names": (
        "application/xml",
        b'<?xml version="1.0" encoding="ISO-8859-1"?><a>\xe9</a>',
        '<?xml version="1.0" encoding="ISO-8859-1"?><a>é</a>',
    ),
    "PNG": ("image/png", sent.PNG, b64(sent.PNG)),
    "bytes": ("application/octet-stream", b"\x00\xff", b64(b"\x00\xff")),
    "an unknown type": ("x", b"{}", b64(b"{}")),
    "MessagePack": ("application/msgpack", b"\x81\xa1a\x01", b64(b"\x81\xa1a\x01")),
    "multipart/mixed": ("multipart/mixed; boundary=x", b"--x--", b64(b"--x--")),
}


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
@pytest.mark.parametrize("name", BODIES)
async def test_a_body_is_the_input_by_its_type(name: str, method: str) -> None:
    content_type, body, expected = BODIES[name]
    headers = {} if content_type is None else {"content-type": content_type}
    assert await show("input", method, headers=headers, content=body) == expected


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "GZIP", "identity"])
@pytest.mark.parametrize("name", ["JSON", "HTML form", "multipart", "text", "PNG", "JSON without a type"])
async def test_a_compressed_body(name: str, encoding: str) -> None:
    content_type, body, expected = BODIES[name]
    headers = {"content-encoding": encoding, **({"content-type": content_type} if content_type else {})}
    content = body if encoding == "identity" else gzip.compress(body)
    assert await show("input", "POST", headers=headers, content=content) == expected


@pytest.mark.parametrize("content_type", [None, JSON, FORM, MULTIPART, "text/plain", "image/png", "application/xml"])
@pytest.mark.parametrize("method", ALL)
async def test_without_a_body(method: str, content_type: str | None) -> None:
    headers = {} if content_type is None else {"content-type": content_type}
    seen = await show("input", method, "?a=1&b=x+y&a=2&timeout_ms=9999&trace=1&async=0", headers=headers)
    assert seen == ({"a": ["1", "2"], "b": "x y"} if method in ("GET", "DELETE") else {})


NAMELESS, TOO_LONG = sent.build_form(sent.build_part("x", b"")), sent.build_bomb(MAX_BODY_BYTES + 1)

# name: (headers, body, status, code)
REFUSED: dict[str, tuple[Mapping[str, str], bytes, int, str]] = {
    "no JSON": ({"content-type": JSON}, b"{a", 400, "INVALID_JSON"),
    "no JSON, without a type": ({}, b"a=1", 400, "INVALID_JSON"),
    "no JSON of curl": ({"content-type": FORM}, b"{a", 400, "INVALID_JSON"),
    "JSON, not UTF-8": ({"content-type": JSON}, b'"\xe9"', 400, "INVALID_JSON"),
    "JSON, not in its charset": ({"content-type": f"{JSON}; charset=shift_jis"}, b'"\x93', 400, "INVALID_JSON"),
    "JSON, too deep": ({"content-type": "a/b+json"}, b"[" * 200, 400, "INVALID_JSON"),
    "form, not UTF-8": ({"content-type": FORM}, b"a=%ff", 400, "INVALID_FORM"),
    "form, raw bytes": ({"content-type": FORM}, b"a=\xff", 400, "INVALID_FORM"),
    "form, too many fields": ({"content-type": FORM}, b"a&" * MAX_FORM_FIELDS, 400, "TOO_MANY_FIELDS"),
    "multipart, no boundary": ({"content-type": "multipart/form-data"}, b"x", 400, "INVALID_FORM"),
    "multipart, another boundary": ({"content-type": MULTIPART}, b"--x\r\n\r\n--x--", 400, "INVALID_FORM"),
    "multipart, cut": ({"content-type": MULTIPART}, sent.BROWSER_FORM[:-8], 400, "INVALID_FORM"),
    "multipart, cut in a header": ({"content-type": MULTIPART}, sent.BROWSER_FORM[:60], 400, "INVALID_FORM"),
    "multipart, no name": (
        {"content-type": MULTIPART},
        sent.build_form(sent.build_part("x", b"")),
        400,
        "INVALID_FORM",
    ),
    "multipart, a bad header": (
        {"content-type": MULTIPART},
        sent.build_form(f"--{sent.BOUNDARY}\r\na b: c\r\n\r\n\r\n".encode()),
        400,
        "INVALID_FORM",
    ),
    "multipart, a field that is no text": (
        {"content-type": MULTIPART},
        sent.build_form(sent.build_part('name="a"', b"\xff")),
        400,
        "INVALID_FORM",
    ),
    "multipart, too many fields": (
        {"content-type": MULTIPART},
        sent.build_form(*[sent.build_part('name="a"', b"")] * (MAX_FORM_FIELDS + 1)),
        400,
        "TOO_MANY_FIELDS",
    ),
    "multipart, what looks like delimiters": (
        {"content-type": "multipart/form-data; boundary=b"},
        b"--b\r\nContent-Disposition: form-data; name=a\r\n\r\n" + b"\r\n--bx" * 10_000,
        400,
        "TOO_MANY_FIELDS",
    ),
    "text, not UTF-8": ({"content-type": "text/plain"}, b"\xe9", 400, "INVALID_TEXT"),
    "XML, not UTF-8": ({"content-type": "application/xml"}, b"<a>\xe9</a>", 400, "INVALID_TEXT"),
    "no gzip": ({"content-encoding": "gzip"}, b"{}", 400, "INVALID_ENCODING"),
    "gzip, cut": ({"content-encoding": "gzip"}, gzip.compress(b"{}" * 99)[:-9], 400, "BODY_INCOMPLETE"),
    "gzip, a wrong sum": ({"content-encoding": "gzip"}, gzip.compress(b"{}")[:-8] + bytes(8), 400, "INVALID_ENCODING"),
    "gzip, two streams": ({"content-encoding": "gzip"}, gzip.compress(b"{}") * 2, 400, "INVALID_ENCODING"),
    "brotli": ({"content-encoding": "br"}, b"{}", 415, "UNSUPPORTED_ENCODING"),
    "deflate": ({"content-encoding": "deflate"}, b"{}", 415, "UNSUPPORTED_ENCODING"),
    "twice": ({"content-encoding": "gzip, gzip"}, b"{}", 415, "UNSUPPORTED_ENCODING"),
    "too large": ({"content-type": "text/plain"}, b" " * (MAX_BODY_BYTES + 1), 413, "PAYLOAD_TOO_LARGE"),
    "a bomb": ({"content-encoding": "gzip"}, sent.build_bomb(64 << 20), 413, "PAYLOAD_TOO_LARGE"),
    "gzip, one byte too large": (
        {"content-encoding": "gzip"},
        sent.build_bomb(MAX_BODY_BYTES + 1),
        413,
        "PAYLOAD_TOO_LARGE",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_a_body_that_is_refused(name: str) -> None:
    headers, body, status, code = REFUSED[name]
    response = await Hook(flow_showing("input")).send(headers=headers, content=body)
    assert (response.status_code, read_error(response)["code"]) == (status, code)


@pytest.mark.parametrize("flow", [flow_showing("request.query"), flow_showing("request.path")], ids=["read", "not"])
async def test_a_query_with_too_many_parameters_runs_nothing(flow: Any) -> None:
    hook = Hook(flow)
    answer = await hook.send(rest=f"?{'a&' * MAX_FORM_FIELDS}", json={})
    assert (answer.status_code, read_error(answer)["code"]) == (400, "TOO_MANY_FIELDS")
    assert hook.bench.runner.calls == []


async def test_the_largest_body_that_is_compressed() -> None:
    body = json.dumps("a" * (MAX_BODY_BYTES - 2)).encode()
    headers, content = {"content-encoding": "gzip"}, gzip.compress(body)
    assert await show("input | length", headers=headers, content=content) == MAX_BODY_BYTES - 2


REQUEST_HEADERS = {**sent.GITHUB_HEADERS, "content-type": "Text/Plain; charset=utf-8", "cf-connecting-ip": "192.0.2.7"}


@pytest.mark.parametrize(
    ("field", "method", "rest", "expected"),
    [
        ("method", "PUT", "", "PUT"),
        ("path", "POST", "", "/"),
        ("path", "POST", "/", "/"),
        ("path", "GET", "/orders/7", "/orders/7"),
        ("path", "GET", "/orders/7/", "/orders/7"),
        ("path", "GET", "/a%2Fb%20c%252e%C3%A9", "/a/b c%2eé"),
        ("path", "GET", "/.../a..b", "/.../a..b"),
        ("path", "GET", "/a%0D%0Ab%0A", "/a\r\nb\n"),
        ("query", "POST", "?a=1&a=2&b=x%20y+z&c", {"a": "1", "b": "x y z", "c": ""}),
        ("query_all", "POST", "?a=1&a=2&c&trace=0", {"a": ["1", "2"], "c": [""]}),
        ("query", "POST", "", {}),
        ("query", "POST", "?a=%ff&timeout_ms=5000", {"a": "\ufffd"}),
        ("content_type", "POST", "", "text/plain"),
        ("text", "POST", "", "Größe"),
        ("ip", "POST", "", "192.0.2.7"),
        ("headers.x-github-event", "POST", "", "issues"),
        ('headers["user-agent"]', "POST", "", "GitHub-Hookshot/044aadd"),
        ("received_at", "POST", "", "2026-09-21T14:13:20.000Z"),
    ],
)
async def test_what_templates_see(field: str, method: str, rest: str, expected: Any) -> None:
    seen = await show(f"request.{field}", method, rest, headers=REQUEST_HEADERS, content="Größe".encode())
    assert seen == expected


@pytest.mark.parametrize(
    ("content_type", "body", "text"),
    [
        (JSON, b'{"a":1}', '{"a":1}'),
        (FORM, b"a=%20", "a=%20"),
        ("application/xml", b"<a/>", "<a/>"),
        (MULTIPART, sent.build_form(), None),
        ("image/png", sent.PNG, None),
    ],
)
async def test_the_raw_text(content_type: str, body: bytes, text: str | None) -> None:
    assert await show("request.text", headers={"content-type": content_type}, content=body) == text


async def test_an_expression_and_a_list_read_the_request() -> None:
    flow = {
        **flow_showing("input"),
        "flow": [
            "input >> IF(request.method == 'GET' && request.headers.x-a == '1') >> a",
            "input >> FOREACH tag IN request.query_all.tag >> b",
            "a >> PIPE >> output",
            "input >> CONTINUE >> output",
        ],
        "config": {"a": {"component": "echo", "text": "met"}, "b": {"component": "echo", "text": "{{tag}}"}},
    }
    response = await Hook(flow).send("GET", "?tag=x&tag=y", {"x-a": "1"})
    assert response.json()["data"] == {"a": {"text": "met"}, "input": [{"text": "x"}, {"text": "y"}]}


async def test_a_called_workflow_sees_the_same_request() -> None:
    bench = build_bench({"echo": echo})
    await bench.service.push({**flow_showing("request.path"), "name": "inner"}, ADA)
    outer = {
        **flow_showing("input"),
        "flow": ["input >> CALLS_SUBFLOW >> call", "call >> PIPE >> output"],
        "config": {"call": {"workflow": "inner"}},
    }
    response = await Hook(outer, bench).send("GET", "/x")
    assert json.loads(response.json()["data"]["text"]) == "/x"


async def test_a_run_without_a_request_of_its_own() -> None:
    flow = flow_showing("request")
    async with build_client(build_bench({"echo": echo}).service) as client:
        response = await client.post("/execute", json={"workflow": flow, "input": {"a": 1}})
    assert json.loads(response.json()["data"]["text"]) == {
        "method": "POST",
        "path": "/",
        "query": {},
        "query_all": {},
        "headers": {},
        "content_type": "application/json",
        "text": '{"a": 1}',
        "received_at": "2026-09-21T14:13:20.000Z",
        "ip": None,
        "trigger": {"kind": "execute"},
    }


async def test_by_name_the_owner_runs_it_whatever_methods_the_webhook_takes() -> None:
    bench = build_bench({"echo": echo})
    await bench.service.push(flow_showing("request.method", methods=["GET"]), ADA)
    async with build_client(bench.service) as client:
        response = await client.post("/webhooks/named/show/trigger", json={})
        shown = await client.get("/webhooks/named/show")
    assert json.loads(response.json()["data"]["text"]) == "POST"
    assert shown.status_code == 200


@pytest.mark.parametrize("name", ["trigger", "named"])
async def test_a_workflow_may_have_the_name_of_a_part_of_the_path(name: str) -> None:
    bench = build_bench({"echo": echo})
    await bench.service.push({**flow_showing("input"), "name": name}, ADA)
    async with build_client(bench.service) as client:
        shown = await client.get(f"/webhooks/named/{name}")
        version = await client.get(f"/webhooks/named/{name}/versions/1")
        ran = await client.post(f"/webhooks/named/{name}/trigger", json={})
    assert [shown.status_code, version.status_code, ran.status_code] == [200, 200, 200]


@pytest.mark.parametrize(
    ("methods", "method", "status", "allow"),
    [
        pytest.param(None, "GET", 405, "POST, OPTIONS", id="GET by default"),
        pytest.param(None, "HEAD", 405, "POST, OPTIONS", id="HEAD by default"),
        pytest.param(None, "OPTIONS", 204, "POST, OPTIONS", id="OPTIONS by default"),
        pytest.param(["GET"], "POST", 405, "GET, HEAD, OPTIONS", id="POST where GET alone runs"),
        pytest.param(["GET"], "HEAD", 200, None, id="HEAD where GET runs"),
        pytest.param(["GET", "POST"], "OPTIONS", 204, "GET, POST, HEAD, OPTIONS", id="OPTIONS"),
        pytest.param(["GET", "POST"], "PROPFIND", 405, "GET, POST, HEAD, OPTIONS", id="another method"),
        pytest.param(["GET", "POST"], "TRACE", 405, "GET, POST, HEAD, OPTIONS", id="TRACE"),
        pytest.param(["DELETE"], "DELETE", 200, None, id="DELETE"),
        pytest.param(["PATCH"], "PUT", 405, "PATCH, OPTIONS", id="PUT"),
    ],
)
@pytest.mark.parametrize("rest", ["", "/", "/a/b"])
async def test_methods(methods: list[str] | None, method: str, status: int, allow: str | None, rest: str) -> None:
    flow = flow_showing("input", **({} if methods is None else {"methods": methods}))
    if methods is None:
        del flow["triggers"]
    hook = Hook(flow)
    response = await hook.send(method, rest)
    assert (response.status_code, response.headers.get("allow")) == (status, allow)
    assert len(hook.bench.runner.calls) == (status == 200 and method != "HEAD")
    if status == 405 and method != "HEAD":
        assert read_error(response)["code"] == "METHOD_NOT_ALLOWED"


@pytest.mark.parametrize("rest", ["/%2e%2e/x", "/a%2f..%2fb", "/..%5cx", "/a%00b", "/%2E%2E"], ids=lambda rest: rest)
@pytest.mark.parametrize("flow", [flow_showing("request.path"), flow_showing("input")], ids=["read", "not read"])
async def test_a_path_that_is_refused(flow: Any, rest: str) -> None:
    hook = Hook(flow)
    token = (await hook.bench.service.push(flow, ADA)).stored.token
    async with build_client(hook.bench.service, headers={}) as client:
        raw = f"/webhooks/{token}/trigger{rest}".encode()
        response = await client.send(client.build_request("POST", client.base_url.copy_with(raw_path=raw)))
    assert (response.status_code, read_error(response)["code"]) == (400, "INVALID_PATH")
    assert hook.bench.runner.calls == []


SECRETS = {
    "authorization": "Bearer s3cret-of-the-caller",
    "cookie": "theme=dark; session=c00kie-of-the-caller; user=Ada%20of%20L0velace",
    "x-gitlab-token": "gitlab-t0ken",
    "x-telegram-bot-api-secret-token": "telegram-s3cret",
    "proxy-authorization": "Basic " + base64.b64encode(b"ada:p4ssword-of-ada").decode(),
}
CANARIES = [
    "s3cret-of-the-caller",
    "c00kie-of-the-caller",
    "Ada of L0velace",
    "gitlab-t0ken",
    "telegram-s3cret",
    "p4ssword-of-ada",
]


async def test_headers_that_carry_secrets_are_for_the_workflow_and_for_no_record() -> None:
    hook = Hook(flow_showing("request.headers"))
    response = await hook.send(
        headers={**SECRETS, "x-plain": "plain-value", "x-arcrun-api-key": API_KEY}, rest="?trace=1"
    )
    (_, stdin) = hook.bench.runner.calls[0]
    given = json.loads(json.loads(stdin)["text"])
    assert {name: given.get(name) for name in SECRETS} == SECRETS
    assert "x-arcrun-api-key" not in given
    async with build_client(hook.bench.service) as client:
        record = await client.get(f"/runs/{response.json()['run_id']}")
        stored_input = await client.get(f"/runs/{response.json()['run_id']}/input")
    assert "plain-value" in record.text
    for canary in [*CANARIES, API_KEY]:
        assert canary not in response.text + record.text + stored_input.text


OPEN_COOKIES = flow_showing("request.headers.cookie", record_headers=["cookie"])


async def test_record_headers_widens_what_is_recorded() -> None:
    hook = Hook(flow_showing("request.headers", record_headers=["X-Gitlab-Token"]))
    response = await hook.send(headers=SECRETS)
    assert "gitlab-t0ken" in response.text
    assert "telegram-s3cret" not in response.text


async def test_the_api_key_in_authorization_is_not_shown_to_a_workflow() -> None:
    hook = Hook(flow_showing("request.headers"))
    await hook.send(headers={"authorization": f"Bearer {API_KEY}"})
    await hook.send(headers={"authorization": f"Bearer {API_KEY}", "x-arcrun-api-key": API_KEY})
    assert [API_KEY in stdin for _, stdin in hook.bench.runner.calls] == [False, False]


async def test_cookies_of_the_platform_are_not_shown_to_a_workflow() -> None:
    cookies = "a=1; __Host-session=c0nsole;b=2; __secure-x=y"
    assert await show("request.headers.cookie", headers={"cookie": cookies}, flow=OPEN_COOKIES) == "a=1; b=2"


@pytest.mark.parametrize("cookies", ["a=1, __Host-s=c0nsole", "a=1;=__Host-s=c0nsole", "a=1 ,\t__SECURE-s=c0nsole, x"])
async def test_nor_are_they_in_any_other_form(cookies: str) -> None:
    """Several headers may be joined by commas before they are here, and a cookie without a name shows its value."""
    assert await show("request.headers.cookie", headers={"cookie": cookies}, flow=OPEN_COOKIES) == "a=1"


async def test_an_accepted_run_sees_its_request() -> None:
    hook = Hook(flow_showing("request.path"))
    response = await hook.send("GET", "/later?async=1")
    assert response.status_code == 202
    (_, stdin) = hook.bench.runner.calls[0]
    assert json.loads(stdin)["text"] == '"/later"'


@pytest.mark.parametrize(
    ("headers", "body", "expected"),
    [
        pytest.param({"content-type": FORM}, b"a=1", {"a": "1"}, id="a form"),
        pytest.param({"content-type": JSON}, b'{"a": 1}', {"a": 1}, id="JSON"),
        pytest.param({"content-type": JSON, "content-encoding": "gzip"}, gzip.compress(b"[7]"), [7], id="gzip"),
        pytest.param({"content-type": JSON}, '"é"'.encode("utf-8-sig"), "é", id="a mark"),
        pytest.param({"content-type": "text/plain"}, b"{}", "{}", id="text"),
    ],
)
async def test_the_stored_input_is_the_input(headers: Any, body: bytes, expected: Any) -> None:
    hook = Hook(flow_showing("input"))
    response = await hook.send(headers=headers, content=body)
    async with build_client(hook.bench.service) as client:
        stored = await client.get(f"/runs/{response.json()['run_id']}/input")
    assert stored.json()["data"]["input"] == expected


async def test_a_tenant_has_it_as_well() -> None:
    bench = await build_hosted({"echo": echo})
    pushed = await bench.ask("POST", "/webhooks", bench.keys["a"], {"workflow": flow_showing("request")})
    url = f"/webhooks/{pushed.json()['data']['token']}/trigger"
    response = await bench.ask("GET", f"{url}/x?a=1", None)
    seen = json.loads(response.json()["data"]["text"])
    assert (seen["method"], seen["path"], seen["query"]) == ("GET", "/x", {"a": "1"})
    assert (await bench.ask("OPTIONS", url, None)).headers["allow"] == "GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS"
    with_key = await bench.ask("POST", url, bench.keys["a"], {"a": 1})
    assert bench.keys["a"] not in with_key.text + bench.runner.calls[-1][1]
