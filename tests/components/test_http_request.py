"""http_request builds the request that the host takes, and reads whatever comes back."""

import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arcrun.contracts.model import HostStub
from components import wasm_harness as harness

URL = "https://example.com/"


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
    assert build() == {"method": "GET", "url": URL, "headers": {}, "follow_redirects": True}


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
        "headers": {"X-A": "é", "X-B": "1.5", "X-C": "true"},
        "body": "text",
        "timeout_ms": 60_000,
        "follow_redirects": False,
    }


@pytest.mark.parametrize("body", [{"a": [1, "é", None]}, [], "text", 0, False], ids=str)
def test_body_json(body: Any) -> None:
    request = build(body_json=body)
    assert request["method"] == "POST"
    assert request["headers"] == {"content-type": "application/json"}
    assert json.loads(request["body"]) == body


def test_a_content_type_of_ones_own_stays() -> None:
    headers = {"Content-Type": "application/vnd.api+json"}
    assert build(body_json={}, headers=headers)["headers"] == headers


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


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"url": None}, "`url` must be a text, but it is missing."),
        ({"url": 1}, "`url` must be a text, not 1."),
        ({"method": "get"}, '`method` must be one of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, not "get".'),
        ({"method": "GET", "body": "x"}, "`body` cannot be sent with the method GET."),
        ({"method": "HEAD", "body_json": 1}, "`body_json` cannot be sent with the method HEAD."),
        ({"body": "x", "body_json": 1}, "Only one of `body` and `body_json` can be given."),
        ({"headers": []}, "`headers` must be an object, not a list."),
        ({"headers": {"a": ["b"]}}, "`headers.a` must be a text, not a list."),
        ({"headers": {"a b": "c"}}, '`headers` has the name "a b", which no header can have.'),
        ({"headers": {"a": "b\r\nc: d"}}, "`headers.a` must not hold control characters."),
        ({"query": "a=b"}, '`query` must be an object, not "a=b".'),
        ({"query": {"a": {}}}, "`query.a` must be a text, a number, true, false or a list of these, not an object."),
        ({"query": {"a": "\ud800"}}, "`query` must not hold lone surrogates."),
        ({"timeout_ms": 0}, "`timeout_ms` must be a whole number from 1 to 60000, not 0."),
        ({"follow_redirects": "no"}, '`follow_redirects` must be true or false, not "no".'),
        ({"response": "xml"}, '`response` must be one of json, text, base64, not "xml".'),
    ],
    ids=str,
)
def test_wrong_fields_are_refused_before_anything_is_sent(fields: dict[str, Any], message: str) -> None:
    assert refuse(**fields) == {"code": "INVALID_INPUT", "message": message}


@pytest.mark.parametrize(
    ("content_type", "body", "expected"),
    [
        ("application/json", '{"a": 1.50}', {"a": 1.5}),
        ("Application/JSON ; charset=utf-8", "[1]", [1]),
        ("application/problem+json", "null", None),
        ("text/json", '"\\ud800"', "\ud800"),
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
        ({"response": "json"}, {"body": "[" * 129 + "]" * 129}, "[" * 129 + "]" * 129, "128 levels deep"),
    ],
    ids=["not JSON", "not even text", "bytes without a form", "too deep"],
)
def test_a_body_that_cannot_be_read(
    fields: dict[str, Any], reply: dict[str, Any], body: str | None, reason: str
) -> None:
    output = exchange({"status": 200, "headers": {}, **reply}, **fields).output
    assert output["error"]["code"] == "INVALID_RESPONSE_BODY"
    assert reason in output["error"]["message"]
    assert output["data"] == {"status": 200, "headers": {}, "body": body}


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_2xx_is_a_success(status: int) -> None:
    assert exchange({"status": status, "headers": {}, "body": ""}).data["status"] == status


@pytest.mark.parametrize("status", [199, 300, 304, 400, 401, 404, 429, 500, 503])
@pytest.mark.parametrize(
    ("reply", "body"),
    [
        ({"body": "why"}, "why"),
        ({"body": "{", "headers": {"content-type": "application/json"}}, "{"),
        ({"body_base64": "/w=="}, None),
    ],
    ids=["text", "broken JSON", "bytes"],
)
def test_other_statuses_are_failures_that_carry_the_answer(status: int, reply: dict[str, Any], body: Any) -> None:
    whole = {"headers": {}, **reply, "status": status}
    message = f"The server answered with status {status}."
    assert exchange(whole).output == {
        "success": False,
        "error": {"code": "HTTP_STATUS", "message": message, "status": status},
        "data": {"status": status, "headers": whole["headers"], "body": body},
    }


@pytest.mark.parametrize(
    "code", ["HOST_NOT_ALLOWED", "HTTP_TIMEOUT", "HTTP_FAILED", "INVALID_URL", "TOO_MANY_REDIRECTS"]
)
def test_errors_of_the_host_are_passed_on(code: str) -> None:
    error = {"code": code, "message": "Why it failed."}
    assert exchange({"error": error}).output == {"success": False, "error": error}


def test_a_large_answer() -> None:
    body = "é" * 1_000_000
    assert answer({"body": body}) == body
