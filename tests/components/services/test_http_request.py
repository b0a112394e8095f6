"""http_request builds the request that the host takes, and reads whatever comes back."""

import base64
import json
import time
from collections.abc import Callable
from email import message_from_bytes
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arcrun.contracts.model import HostStub
from arcrun.contracts.schema import find_mismatches
from arcrun.engine.engine import Trigger
from arcrun.engine.trigger import TriggerKind
from arcrun.ports import HttpRequest, HttpResponse
from components import wasm_harness as harness
from examples.bench import StubModel, StubServices, build_example_bench

URL = "https://example.com/"
AGENT = {"user-agent": "arcrun"}
MIB = 1 << 20


def exchange(reply: dict[str, Any], **fields: Any) -> harness.Result:
    return harness.run("http_request", {"url": URL, **fields}, harness.StubHost([HostStub({}, reply)]))


def build(**fields: Any) -> Any:
    """The request that the host gets."""
    result = exchange({"status": 200, "headers": {}, "body": ""}, **fields)
    assert result.output["success"] is True, result.output
    [(name, request)] = result.host.requests
    assert name == "http_request"
    return request


def answer(reply: dict[str, Any], **fields: Any) -> Any:
    """The body of the data."""
    return exchange({"status": 200, "headers": {}, **reply}, **fields).data["body"]


def refuse(**fields: Any) -> Any:
    result = harness.run("http_request", {"url": URL, **fields})
    assert result.host.requests == []
    return result.error


def test_the_smallest_request() -> None:
    assert build() == {"method": "GET", "url": URL, "headers": AGENT, "follow_redirects": True}


def test_the_largest_request() -> None:
    request = build(
        method="PATCH",
        headers={"X-A": "é", "X-B": 1.5, "X-C": True, "X-D": None},
        query={"a": 1},
        body="text",
        timeout_ms=60_000,
        follow_redirects=False,
        response="base64",
    )
    assert request == {
        "method": "PATCH",
        "url": URL + "?a=1",
        "headers": {"X-A": "é", "X-B": "1.5", "X-C": "true", **AGENT},
        "body": "text",
        "timeout_ms": 60_000,
        "follow_redirects": False,
        "as_base64": True,
    }


@pytest.mark.parametrize("body", [{"a": [1, "é", None]}, [], "text", 0, False, None], ids=str)
def test_body_json(body: Any) -> None:
    request = build(body_json=body)
    assert request["method"] == "POST"
    assert request["headers"] == {"content-type": "application/json", **AGENT}
    assert json.loads(request["body"]) == body


def test_a_content_type_of_ones_own_stays() -> None:
    headers = {"Content-Type": "application/vnd.api+json"}
    assert build(body_json={}, headers=headers)["headers"] == {**headers, **AGENT}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param({"User-Agent": "curl/8"}, {"User-Agent": "curl/8"}, id="one's own"),
        pytest.param({"USER-AGENT": ""}, {"USER-AGENT": ""}, id="empty"),
        pytest.param({"User-Agent": None}, AGENT, id="null"),
    ],
)
def test_a_user_agent_of_ones_own_stays(given: dict[str, Any], expected: dict[str, str]) -> None:
    assert build(headers=given)["headers"] == expected


FORM_TYPE = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        pytest.param({}, "", id="empty"),
        pytest.param({"a": 1, "b": True, "c": None, "d": ["x", None, 2.5]}, "a=1&b=true&d=x&d=2.5", id="kinds"),
        pytest.param({"é &": "=+ /?~*-._"}, "%C3%A9+%26=%3D%2B+%2F%3F%7E*-._", id="encoded"),
        pytest.param({"a": "1\r\n2"}, "a=1%0D%0A2", id="line breaks"),
    ],
)
def test_a_form(form: dict[str, Any], expected: str) -> None:
    request = build(form=form)
    assert (request["method"], request["body"]) == ("POST", expected)
    assert request["headers"] == {"content-type": FORM_TYPE, **AGENT}


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.text(min_size=1), st.text(), min_size=1))
def test_a_form_is_read_back_as_it_was(form: dict[str, str]) -> None:
    assert dict(parse_qsl(build(form=form)["body"], keep_blank_values=True, strict_parsing=True)) == form


@pytest.mark.parametrize(
    ("encoded", "expected"),
    [
        pytest.param("aGk=", {"body": "hi"}, id="text"),
        pytest.param("/w==", {"body_base64": "/w=="}, id="bytes"),
        pytest.param("_w", {"body_base64": "/w=="}, id="for URLs, unpadded"),
        pytest.param("", {"body": ""}, id="nothing"),
    ],
)
def test_a_body_in_base64(encoded: str, expected: dict[str, str]) -> None:
    request = build(body_base64=encoded)
    assert {key: request[key] for key in request if key.startswith("body")} == expected
    assert request["headers"] == AGENT


def read_parts(request: Any) -> list[tuple[str, str | None, str | None, bytes]]:
    """Name, file name, content type and content of each part, as Python's e-mail package reads them."""
    content = request["body"].encode() if "body" in request else base64.b64decode(request["body_base64"])
    head = f"content-type: {request['headers']['content-type']}\r\n\r\n".encode()
    parts = []
    for part in message_from_bytes(head + content).get_payload():
        assert not isinstance(part, str)
        payload = part.get_payload(decode=True)
        assert isinstance(payload, bytes)
        name = str(part.get_param("name", header="content-disposition"))
        parts.append((name, part.get_filename(), part["content-type"], payload))
    return parts


@pytest.mark.parametrize(
    ("multipart", "expected"),
    [
        pytest.param(
            {"a": "text", "b": 1.50, "c": True, "d": None, "e": ["x", None, "y"]},
            [
                ("a", None, None, b"text"),
                ("b", None, None, b"1.5"),
                ("c", None, None, b"true"),
                ("e", None, None, b"x"),
                ("e", None, None, b"y"),
            ],
            id="scalars",
        ),
        pytest.param(
            {"file": {"filename": "a.txt", "text": "hi"}},
            [("file", "a.txt", "text/plain; charset=utf-8", b"hi")],
            id="a text file",
        ),
        pytest.param(
            {"file": {"filename": "a.png", "content_type": "image/png", "base64": "iVBOR/8="}},
            [("file", "a.png", "image/png", b"\x89PNG\xff")],
            id="a file of bytes",
        ),
        pytest.param(
            {"raw": {"base64": "/w=="}}, [("raw", None, "application/octet-stream", b"\xff")], id="bytes alone"
        ),
        pytest.param(
            {"json": {"text": "{}", "content_type": "application/json"}},
            [("json", None, "application/json", b"{}")],
            id="a type without a file",
        ),
        pytest.param(
            [{"name": "a", "text": "1"}, {"name": "b", "filename": "b", "base64": ""}, {"name": "a", "text": "2"}],
            [("a", None, None, b"1"), ("b", "b", "application/octet-stream", b""), ("a", None, None, b"2")],
            id="a list",
        ),
        pytest.param(
            {'a"b\r\nc': {"filename": 'x"\ny', "text": "\r\n--"}},
            [("a%22b%0D%0Ac", "x%22%0Ay", "text/plain; charset=utf-8", b"\r\n--")],
            id="names that could break out",
        ),
    ],
)
def test_multipart(multipart: Any, expected: list[Any]) -> None:
    request = build(multipart=multipart)
    assert request["method"] == "POST"
    assert read_parts(request) == expected


def test_multipart_has_its_own_boundary_whatever_the_headers_say() -> None:
    request = build(multipart={"a": "b"}, headers={"Content-Type": "multipart/form-data; boundary=x", "X-A": "1"})
    kind = request["headers"].pop("content-type")
    assert kind.startswith("multipart/form-data; boundary=arcrun-")
    assert request["headers"] == {"X-A": "1", **AGENT}


class SeededHost(harness.StubHost):
    """The component's randomness is chosen."""

    def seed(self) -> bytes:
        return bytes(32)


def test_the_same_randomness_gives_the_same_boundary_unless_it_occurs() -> None:
    def boundary(text: str) -> str:
        host = SeededHost([HostStub({}, {"status": 200, "headers": {}, "body": ""})])
        harness.run("http_request", {"url": URL, "multipart": {"a": text}}, host)
        [(_, request)] = host.requests
        return str(request["headers"]["content-type"].partition("boundary=")[2])

    first = boundary("x")
    assert boundary("y") == first
    assert boundary(f"a {first} b") not in ("", first)


@pytest.mark.parametrize(
    ("url", "query", "expected"),
    [
        ("https://a.b", {"x": 1}, "https://a.b?x=1"),
        ("https://a.b/?", {"x": 1}, "https://a.b/?x=1"),
        ("https://a.b/?y=2", {"x": 1}, "https://a.b/?y=2&x=1"),
        ("https://a.b/?y=2&", {"x": 1}, "https://a.b/?y=2&x=1"),
        ("https://a.b/#top?", {"x": 1}, "https://a.b/?x=1#top?"),
        ("https://a.b/", {}, "https://a.b/"),
        ("https://a.b/", {"x": None, "y": []}, "https://a.b/"),
        ("https://a.b/", {"x": ["a", None, False, 2.50]}, "https://a.b/?x=a&x=false&x=2.5"),
        ("https://a.b/", {"é &": "=+ /?"}, "https://a.b/?%C3%A9%20%26=%3D%2B%20%2F%3F"),
    ],
)
def test_query(url: str, query: dict[str, Any], expected: str) -> None:
    assert build(url=url, query=query)["url"] == expected


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.text(min_size=1), st.text()))
def test_a_query_is_read_back_as_it_was(query: dict[str, str]) -> None:
    url = build(query=query)["url"]
    assert dict(parse_qsl(urlsplit(url).query, keep_blank_values=True, strict_parsing=bool(query))) == query


PART_FIELDS = "the fields are text, base64, blob, filename, content_type"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"url": None}, "`url` must be a text, but it is missing."),
        ({"url": 1}, "`url` must be a text, not 1."),
        ({"method": "get"}, '`method` must be one of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, not "get".'),
        ({"method": "GET", "body": "x"}, "`body` cannot be sent with the method GET."),
        ({"method": "HEAD", "body_json": 1}, "`body_json` cannot be sent with the method HEAD."),
        ({"method": "GET", "body_json": None}, "`body_json` cannot be sent with the method GET."),
        ({"body": "x", "body_json": None}, "Only one of `body` and `body_json` can be given."),
        ({"body_json": None, "form": {}}, "Only one of `body_json` and `form` can be given."),
        ({"body": "x", "body_json": 1}, "Only one of `body` and `body_json` can be given."),
        ({"form": {}, "multipart": {}}, "Only one of `form` and `multipart` can be given."),
        ({"body_base64": "", "form": {}}, "Only one of `body_base64` and `form` can be given."),
        ({"body_base64": "?"}, '`body_base64` must be base64, not "?".'),
        ({"form": "a=b"}, '`form` must be an object, not "a=b".'),
        ({"form": {"a": {}}}, "`form.a` must be a text, a number, true, false or a list of these, not an object."),
        ({"form": {"\udc00": "a"}}, "`form` must not hold lone surrogates."),
        ({"method": "GET", "form": {"a": 1}}, "`form` cannot be sent with the method GET."),
        ({"multipart": "x"}, '`multipart` must be an object or a list of parts, not "x".'),
        ({"multipart": {}}, "`multipart` must have a part."),
        (
            {"multipart": {"a": [["b"]]}},
            "`multipart.a` must be a text, a number, true, false or an object, not a list.",
        ),
        ({"multipart": {"a": {}}}, "`multipart.a` must have `text`, `base64` or `blob`."),
        (
            {"multipart": {"a": {"text": "", "base64": ""}}},
            "Only one of `multipart.a.text` and `multipart.a.base64` can be given.",
        ),
        ({"multipart": {"a": {"base64": "?"}}}, '`multipart.a.base64` must be base64, not "?".'),
        (
            {"multipart": {"a": {"text": "", "content_type": "a\r\nb"}}},
            "`multipart.a.content_type` must not hold control characters.",
        ),
        ({"multipart": {"a": "\ud800"}}, "`multipart.a` must not hold lone surrogates."),
        ({"multipart": {"a": {"text": "x", "file_name": "b"}}}, f"`multipart.a.file_name` is unknown; {PART_FIELDS}."),
        ({"multipart": {"a": ["y", {"name": "x", "text": "x"}]}}, f"`multipart.a.name` is unknown; {PART_FIELDS}."),
        (
            {"multipart": [{"name": "a", "text": "x", "Filename": None}]},
            f"`multipart[0].Filename` is unknown; {PART_FIELDS.replace('text', 'name, text', 1)}.",
        ),
        ({"multipart": ["x"]}, '`multipart[0]` must be an object with a name, not "x".'),
        ({"multipart": [{"text": "x"}]}, "`multipart[0].name` must be a text, but it is missing."),
        ({"headers": []}, "`headers` must be an object, not a list."),
        ({"headers": {"a": ["b"]}}, "`headers.a` must be a text, not a list."),
        ({"headers": {"a b": "c"}}, '`headers` has the name "a b", which no header can have.'),
        ({"headers": {"a": "b\r\nc: d"}}, "`headers.a` must not hold control characters."),
        ({"query": "a=b"}, '`query` must be an object, not "a=b".'),
        ({"query": {"a": {}}}, "`query.a` must be a text, a number, true, false or a list of these, not an object."),
        ({"query": {"a": "\ud800"}}, "`query` must not hold lone surrogates."),
        ({"timeout_ms": 0}, "`timeout_ms` must be a whole number from 1 to 60000, not 0."),
        ({"follow_redirects": "no"}, '`follow_redirects` must be true or false, not "no".'),
        ({"response": "xml"}, '`response` must be one of json, text, base64, blob, not "xml".'),
    ],
    ids=str,
)
def test_wrong_fields_are_refused_before_anything_is_sent(fields: dict[str, Any], message: str) -> None:
    assert refuse(**fields) == {"code": "INVALID_INPUT", "retriable": False, "message": message}


@pytest.mark.parametrize("field", ["body", "body_base64", "form", "multipart"])
def test_other_bodies_that_are_null_are_absent(field: str) -> None:
    """As `{{reference?}}` gives them; body_json alone takes null, and the schema says so."""
    assert build(**{field: None})["method"] == "GET"
    takes_null = harness.load_contract("http_request").filled_keys
    assert (field in takes_null, "body_json" in takes_null) == (True, False)


RESERVED = (
    *("Host", "Connection", "Content-Length", "Transfer-Encoding", "Keep-Alive"),
    *("Upgrade", "Expect", "TE", "Trailer", "Proxy-Connection"),
)


@pytest.mark.parametrize("write", [str, str.lower, str.upper], ids=["as usual", "lower", "upper"])
@pytest.mark.parametrize("name", RESERVED)
def test_headers_that_the_platform_would_drop_are_refused(name: str, write: Callable[[str], str]) -> None:
    message = f"`headers.{write(name)}` cannot be given: this header is the platform's own to set or leave out."
    error = refuse(headers={"X-A": "1", write(name): "x"})
    assert error == {"code": "INVALID_INPUT", "retriable": False, "message": message}
    assert build(headers={write(name): None})["headers"] == AGENT
    description = harness.load_contract("http_request").input_schema["properties"]["headers"]["description"]
    assert name in description.replace(",", "").replace(".", "").split()


@pytest.mark.parametrize("name", ["X-Host", "Hosts", "Authorization", "Cookie", "Accept-Encoding", "Content-Type"])
def test_other_headers_are_sent(name: str) -> None:
    assert build(headers={name: "x"})["headers"] == {name: "x", **AGENT}


@pytest.mark.parametrize(
    ("multipart", "field"),
    [
        pytest.param({"a": "x", "b": [1, None, {"text": "y", "filename": None}]}, None, id="an object"),
        pytest.param({"a": {"base64": "", "content_type": "image/png"}}, None, id="bytes"),
        pytest.param([{"name": "a", "text": "x"}], None, id="a list"),
        pytest.param({"a": {"text": "x", "file_name": "b"}}, "multipart.a.file_name", id="an unknown field"),
        pytest.param({"a": ["x", {"text": "x", "nme": "b"}]}, "multipart.a[1].nme", id="in a list of parts"),
        pytest.param([{"name": "a", "file": "x"}], "multipart[0].file", id="in the list"),
        pytest.param([{"text": "x"}], "multipart[0].name", id="without a name"),
        pytest.param(["x"], "multipart[0]", id="no object in the list"),
        pytest.param({"a": {"text": 1}}, "multipart.a.text", id="no text"),
        pytest.param({"a": [["x"]]}, "multipart.a[0]", id="a list in a list"),
    ],
)
def test_the_schema_of_parts(multipart: Any, field: str | None) -> None:
    """What a push refuses is what the component refuses."""
    given = {"url": URL, "multipart": multipart}
    mismatches = find_mismatches(harness.load_contract("http_request").validate_input, given)
    assert [mismatch.field for mismatch in mismatches] == ([] if field is None else [field])
    if field is None:
        build(multipart=multipart)
    else:
        assert refuse(multipart=multipart)["code"] == "INVALID_INPUT"


BIG = 1234567890123456789012345678901234567890
RELAY = {
    "name": "relay",
    "flow": ["input >> ON_SUCCESS >> get", "get >> ON_SUCCESS >> post", "post >> ON_SUCCESS >> output"],
    "config": {
        "get": {"component": "http_request", "url": URL},
        "post": {"component": "http_request", "url": URL, "body_json": "{{get.data.body}}"},
    },
}


class ScriptedServices(StubServices):
    """Answers in order, in JSON as it is written; `requests` keeps what was sent."""

    def __init__(self, *answers: str) -> None:
        super().__init__([])
        self._answers = list(answers)
        self.requests: list[HttpRequest] = []

    async def send(self, request: HttpRequest) -> HttpResponse:
        self.requests.append(request)
        return HttpResponse(200, {"content-type": "application/json"}, self._answers.pop(0).encode())


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("first", "sent"),
    [
        pytest.param(str(BIG), str(BIG), id="40 digits"),
        pytest.param(f'{{"ids": [-{BIG}]}}', f'{{"ids":[-{BIG}]}}', id="below zero"),
        pytest.param("9007199254740993", "9007199254740993", id="beyond 2^53"),
        pytest.param("0.12345678901234567890123", "0.12345678901234568", id="a fraction is a double"),
        pytest.param("1.50", "1.5", id="so its zeros go"),
        pytest.param("1e400", '"1e400"', id="beyond a double"),
        pytest.param("null", "null", id="null is sent too"),
    ],
)
async def test_what_a_next_step_gets_of_json(first: str, sent: str) -> None:
    """From component through the engine to component: whole numbers keep their digits, null is a body."""
    services = ScriptedServices(first, first)
    service = build_example_bench(services, StubModel(None)).service
    record = await service.execute_workflow(RELAY, Trigger(TriggerKind.EXECUTE, {}))
    assert [request.method for request in services.requests] == ["GET", "POST"]
    assert services.requests[1].body.decode() == sent
    assert record.data["body"] == json.loads(sent)


@pytest.mark.parametrize(
    ("content_type", "body", "expected"),
    [
        ("application/json", '{"a": 1.50}', {"a": 1.5}),
        ("Application/JSON ; charset=utf-8", "[1]", [1]),
        ("application/problem+json", "null", None),
        ("text/json", '"\\ud800"', "\ud800"),
        ("application/json", "\ufeff[1]", [1]),
        ("application/json", "[1e400, -1e400, 1E+309]", ["1e400", "-1e400", "1E+309"]),
        ("application/json", f"[{10**39}, {10**308}]", [10**39, 10**308]),
        ("application/json", f"[{10**309}, -{'9' * 5000}]", [str(10**309), "-" + "9" * 5000]),
        ("application/json", "[1e308, 1e-400, 0e999]", [1e308, 0.0, 0.0]),
        ("application/json", "", None),
        ("application/jsonp", "{}", "{}"),
        ("text/plain", "{}", "{}"),
        ("text/html", "", ""),
    ],
)
def test_the_content_type_decides(content_type: str, body: str, expected: Any) -> None:
    assert answer({"headers": {"Content-Type": content_type}, "body": body}) == expected


@pytest.mark.parametrize(
    ("form", "reply", "expected"),
    [
        ("json", {"body": "[1]"}, [1]),
        ("text", {"body": "[1]", "headers": {"content-type": "application/json"}}, "[1]"),
        ("base64", {"body": "é"}, "w6k="),
        ("base64", {"body_base64": "/w=="}, "/w=="),
        ("base64", {"body": ""}, ""),
    ],
)
def test_the_form_that_is_asked_for(form: str, reply: dict[str, Any], expected: Any) -> None:
    assert answer(reply, response=form) == expected


@pytest.mark.parametrize(
    ("fields", "reply", "body", "reason"),
    [
        ({"response": "json"}, {"body": "[1"}, "[1", "it is not JSON: the text ends too early (line 1, column 3)"),
        ({"response": "json"}, {"body_base64": "/w=="}, None, "it is not UTF-8 text; ask for `response: base64`"),
        ({}, {"body_base64": "/w=="}, None, "it is not UTF-8 text; ask for `response: base64`"),
        (
            {},
            {"body_base64": "/w==", "headers": {"content-type": "text/html; Charset=gbk"}},
            None,
            "it is not text in the charset that its content-type names; ask for `response: base64`",
        ),
        ({"response": "json"}, {"body": "[" * 129 + "]" * 129}, "[" * 129 + "]" * 129, "128 levels deep"),
    ],
    ids=["not JSON", "not even text", "bytes without a form", "not text in its charset", "too deep"],
)
def test_a_body_that_cannot_be_read(
    fields: dict[str, Any], reply: dict[str, Any], body: str | None, reason: str
) -> None:
    whole = {"status": 200, "headers": {}, **reply}
    output = exchange(whole, **fields).output
    assert (output["error"]["code"], output["error"]["retriable"]) == ("INVALID_RESPONSE_BODY", False)
    assert reason in output["error"]["message"]
    assert output["data"] == {"status": 200, "headers": whole["headers"], "body": body}


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_2xx_is_a_success(status: int) -> None:
    assert exchange({"status": status, "headers": {}, "body": ""}).data["status"] == status


@pytest.mark.parametrize(
    ("status", "retriable"),
    [
        *[(status, False) for status in (199, 300, 304, 400, 401, 403, 404, 409, 418, 501, 505, 526)],
        *[(status, True) for status in (408, 425, 429, 500, 502, 503, 504, 520, 530, 599)],
    ],
)
@pytest.mark.parametrize(
    ("reply", "body"),
    [
        ({"body": "why"}, "why"),
        ({"body": "{", "headers": {"content-type": "application/json"}}, "{"),
        ({"body_base64": "/w=="}, None),
    ],
    ids=["text", "broken JSON", "bytes"],
)
def test_other_statuses_are_failures_that_carry_the_answer(
    status: int, retriable: bool, reply: dict[str, Any], body: Any
) -> None:
    whole = {"headers": {}, **reply, "status": status}
    message = f"The server answered with status {status}."
    assert exchange(whole).output == {
        "success": False,
        "error": {"code": "HTTP_STATUS", "message": message, "retriable": retriable, "status": status},
        "data": {"status": status, "headers": whole["headers"], "body": body},
    }


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        pytest.param({}, None, id="none"),
        pytest.param({"Retry-After": "120"}, 120, id="seconds"),
        pytest.param({"retry-after": " 0 "}, 0, id="at once"),
        pytest.param({"retry-after": formatdate(time.time() - 60, usegmt=True)}, 0, id="a date that has passed"),
        pytest.param({"retry-after": "soon"}, None, id="no time"),
        pytest.param({"retry-after": ["1", "2"]}, None, id="a list"),
    ],
)
@pytest.mark.parametrize("status", [301, 404, 429, 503])
def test_how_long_to_wait(status: int, headers: dict[str, Any], expected: int | None) -> None:
    error = exchange({"status": status, "headers": headers, "body": ""}).error
    assert error.get("retry_after_s") == expected


def test_how_long_to_wait_by_a_date() -> None:
    due = formatdate(time.time() + 3600, usegmt=True)
    error = exchange({"status": 503, "headers": {"retry-after": due}, "body": ""}).error
    assert 3590 <= error["retry_after_s"] <= 3600


@pytest.mark.parametrize("retriable", [True, False])
@pytest.mark.parametrize("code", ["HOST_NOT_ALLOWED", "HTTP_TIMEOUT", "HTTP_FAILED", "INVALID_URL"])
def test_errors_of_the_host_are_passed_on(code: str, retriable: bool) -> None:
    error = {"code": code, "message": "Why it failed.", "retriable": retriable}
    assert exchange({"error": error}).output == {"success": False, "error": error}


def test_an_error_of_a_host_that_does_not_say_is_not_retriable() -> None:
    error = {"code": "HTTP_FAILED", "message": "Why.", "retriable": None}
    assert exchange({"error": error}).error["retriable"] is False


@pytest.mark.parametrize("stdin", ["", "[]", "{", b"\xff"], ids=["nothing", "a list", "not JSON", "not UTF-8"])
def test_even_input_that_is_no_object_says_whether_a_retry_can_help(stdin: str | bytes) -> None:
    assert harness.run_text("http_request", stdin).error["retriable"] is False


def test_a_header_that_came_twice_is_given_as_a_list() -> None:
    headers = {"set-cookie": ["a=1", "b=2"], "content-type": "text/plain"}
    assert exchange({"status": 200, "headers": headers, "body": ""}).data["headers"] == headers


def test_a_large_answer() -> None:
    body = "é" * 1_000_000
    assert answer({"body": body}) == body


@pytest.mark.parametrize(
    ("reply", "fields", "fits"),
    [
        pytest.param({"body": "x" * (4 * MIB - 200)}, {}, True, id="just under 4 MiB"),
        pytest.param({"body": "x" * 4 * MIB}, {}, False, id="4 MiB, without room for the rest"),
        pytest.param({"body": "\0" * (600 << 10)}, {}, True, id="600 KiB of control characters"),
        pytest.param({"body": "\0" * MIB}, {}, False, id="1 MiB of control characters"),
        pytest.param({"body": '"' * (2 * MIB - 200)}, {}, True, id="just under 2 MiB of quotes"),
        pytest.param({"body": '"' * 3 * MIB}, {}, False, id="3 MiB of quotes"),
        pytest.param(
            {"body_base64": base64.b64encode(bytes(3 * MIB - 200)).decode()}, {"response": "base64"}, True, id="3 MiB"
        ),
        pytest.param(
            {"body_base64": base64.b64encode(bytes(4 * MIB)).decode()}, {"response": "base64"}, False, id="4 MiB"
        ),
    ],
)
def test_an_answer_that_the_output_cannot_hold(reply: dict[str, Any], fields: dict[str, Any], fits: bool) -> None:
    result = exchange({"status": 200, "headers": {}, **reply}, **fields)
    assert result.output["success"] is fits
    if not fits:
        assert (result.error["code"], result.error["retriable"]) == ("RESPONSE_TOO_LARGE", False)
        assert "it may have 4194304 (4 MiB)" in result.error["message"]


def test_json_of_more_values_than_the_memory_holds() -> None:
    error = exchange({"status": 200, "headers": {}, "body": "[" + '{"a":1},' * 500_000 + "1]"}, response="json").error
    assert (error["code"], error["retriable"]) == ("RESPONSE_TOO_LARGE", False)
    assert "(64 MiB)" in error["message"]


def test_a_failure_that_the_output_cannot_hold_stays_without_its_data() -> None:
    output = exchange({"status": 503, "headers": {"retry-after": "9"}, "body": '"' * 3 * MIB}).output
    assert output == {
        "success": False,
        "error": {
            "code": "HTTP_STATUS",
            "message": "The server answered with status 503.",
            "retriable": True,
            "retry_after_s": 9,
            "status": 503,
        },
    }
