"""What the host functions allow and refuse: hosts, redirects (according to the Fetch standard), bodies, timeouts,
waits. A refusal is a reply, never an exception, and nothing is sent after it.
"""

import base64
import json
from typing import Any

import pytest

from arcrun.contracts.model import Contract
from arcrun.errors import HostFunctionError
from arcrun.limits import MAX_REPLY_BYTES
from arcrun.ports import HttpRequest, HttpResponse
from arcrun.wasm.host import PortHostFunctions
from fakes.contracts import build_contract, build_network_contract
from fakes.ports.http_client import FakeHttpClient, redirect, respond
from fakes.ports.system import FixedClock, SeededRandom
from fakes.ports.text_decoder import FakeTextDecoder
from fixtures.addresses import FORBIDDEN
from fixtures.json_limits import BEYOND_JSON

pytestmark = pytest.mark.anyio

ANY_HOST = build_network_contract("*")


def build_host(
    contract: Contract, http: FakeHttpClient | None = None, clock: FixedClock | None = None
) -> PortHostFunctions:
    """Host functions that may reach local addresses too; their refusal has its own tests."""
    client = http or FakeHttpClient(respond())
    return PortHostFunctions(contract, client, clock or FixedClock(), SeededRandom(), reaches_local=True)


async def ask(host: PortHostFunctions, name: str, request: Any) -> dict[str, Any]:
    reply: dict[str, Any] = json.loads(await host.answer(name, json.dumps(request)))
    return reply


async def fetch(contract: Contract, http: FakeHttpClient, **request: Any) -> dict[str, Any]:
    return await ask(build_host(contract, http), "http_request", {"url": "https://a.example/", **request})


def code_of(reply: dict[str, Any]) -> str | None:
    """The code of a refusal, None for a success; the reply must have one of the two shapes."""
    if reply["ok"]:
        assert reply.keys() == {"ok", "value"}
        return None
    assert reply.keys() == {"ok", "error"}
    assert reply["error"].keys() == {"code", "message", "retriable"}
    return str(reply["error"]["code"])


@pytest.mark.parametrize(
    ("allowed", "url"),
    [
        pytest.param("api.example.com", "https://api.example.com/x", id="exact"),
        pytest.param("api.example.com", "http://api.example.com", id="http, no path"),
        pytest.param("api.example.com", "https://API.Example.COM/x", id="host in capitals"),
        pytest.param("API.example.com", "https://api.example.com/x", id="pattern in capitals"),
        pytest.param("api.example.com", "HTTPS://api.example.com/x", id="scheme in capitals"),
        pytest.param("api.example.com", "https://api.example.com:8443/x", id="any port"),
        pytest.param("api.example.com", "https://api.example.com?to=https://evil.com", id="other URL in the query"),
        pytest.param("api.example.com", "https://api.example.com#@evil.com", id="at sign in the fragment"),
        pytest.param("api.example.com", "https://api.example.com/@evil.com", id="at sign in the path"),
        pytest.param("*.example.com", "https://api.example.com/", id="wildcard"),
        pytest.param("*.example.com", "https://a.b.example.com/", id="wildcard, two labels"),
        pytest.param("*.Example.com", "https://api.EXAMPLE.com/", id="wildcard, capitals"),
        pytest.param("*", "https://anything.test/", id="any host"),
        pytest.param("*", "http://127.0.0.1:8080/", id="any host, an address"),
        pytest.param("127.0.0.1", "http://127.0.0.1/", id="IPv4 address"),
        pytest.param("::1", "http://[::1]:8080/", id="IPv6 address"),
    ],
)
async def test_allowed_hosts_are_called(allowed: str, url: str) -> None:
    http = FakeHttpClient(respond())
    assert code_of(await fetch(build_network_contract("other.test", allowed), http, url=url)) is None
    assert http.urls == [url]


@pytest.mark.parametrize(
    ("allowed", "url"),
    [
        pytest.param("allowed.com", "https://evil.com/", id="another host"),
        pytest.param("allowed.com", "http://allowed.com@evil.com/", id="allowed host as user name"),
        pytest.param("allowed.com", "http://allowed.com:80@evil.com/", id="allowed host as user name and password"),
        pytest.param("allowed.com", "http://a@allowed.com@evil.com/", id="two at signs"),
        pytest.param("allowed.com", "http://evil.com/allowed.com", id="allowed host in the path"),
        pytest.param("allowed.com", "http://evil.com?allowed.com", id="allowed host in the query"),
        pytest.param("allowed.com", "http://evil.com#@allowed.com", id="allowed host in the fragment"),
        pytest.param("allowed.com", "http://allowed.com.evil.com/", id="allowed host as prefix"),
        pytest.param("allowed.com", "http://notallowed.com/", id="allowed host as suffix of a label"),
        pytest.param("allowed.com", "http://sub.allowed.com/", id="below the allowed host"),
        pytest.param("allowed.com", "http://allowed.com%2eevil.com/", id="percent-encoded dot"),
        pytest.param("allowed.com", "http://allowed.com\t.evil.com/", id="tab, which URL parsers drop"),
        pytest.param("allowed.com", "http://allowed.com\n@evil.com/", id="line feed before the at sign"),
        pytest.param("allowed.com", "http://127.0.0.1/", id="address"),
        pytest.param("*.example.com", "https://example.com/", id="wildcard, the domain itself"),
        pytest.param("*.example.com", "https://notexample.com/", id="wildcard, suffix of a label"),
        pytest.param("*.example.com", "https://x.example.com.evil.com/", id="wildcard as prefix"),
        pytest.param("*.example.com", "https://x.example.com@evil.com/", id="wildcard as user name"),
    ],
)
async def test_other_hosts_are_refused_and_not_called(allowed: str, url: str) -> None:
    http = FakeHttpClient(respond())
    assert code_of(await fetch(build_network_contract(allowed), http, url=url)) == "HOST_NOT_ALLOWED"
    assert http.urls == []


@pytest.mark.parametrize(
    ("allowed", "url"),
    [
        pytest.param("allowed.com", "http://evil.com\\@allowed.com/", id="exact"),
        pytest.param("*.example.com", "http://evil.com\\.example.com/", id="wildcard"),
        pytest.param("allowed.com", "http:\\\\evil.com\\@allowed.com/", id="for both slashes"),
    ],
)
async def test_a_backslash_does_not_hide_a_host(allowed: str, url: str) -> None:
    """`fetch` treats a backslash as a slash (WHATWG URL), so these go to evil.com; urllib reads another host."""
    http = FakeHttpClient(respond())
    reply = await fetch(build_network_contract(allowed), http, url=url)
    assert code_of(reply) in ("INVALID_URL", "HOST_NOT_ALLOWED")
    assert http.urls == []


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("", id="empty"),
        pytest.param("a.example", id="no scheme"),
        pytest.param("/path", id="relative"),
        pytest.param("//a.example/", id="scheme-relative"),
        pytest.param("ftp://a.example/", id="ftp"),
        pytest.param("file:///etc/passwd", id="file"),
        pytest.param("data:text/plain,x", id="data"),
        pytest.param("javascript:alert(1)", id="javascript"),
        pytest.param("http://", id="no host"),
        pytest.param("http:///path", id="empty host"),
        pytest.param("http:a.example", id="no slashes"),
        pytest.param("http://:80/", id="port alone"),
        pytest.param("http://user@/", id="user alone"),
        pytest.param("http://a.example:0/", id="port 0"),
        pytest.param("http://a.example:65536/", id="port above 65535"),
        pytest.param("http://a.example:x/", id="port that is no number"),
        pytest.param("http://[::1/", id="broken IPv6 address"),
        pytest.param("http://a.example/\ud800", id="half a surrogate pair"),
        pytest.param("http://a%3Ab:c@a.example/", id="a colon in the user name"),
        pytest.param("http://a:b%0A@a.example/", id="a line feed in the password"),
        pytest.param("http://a\uff0fb.example/", id="character that normalizes to a slash"),
        pytest.param(7, id="number"),
        pytest.param(None, id="null"),
    ],
)
async def test_what_is_not_an_http_url_is_refused(url: Any) -> None:
    http = FakeHttpClient(respond())
    assert code_of(await fetch(ANY_HOST, http, url=url)) == "INVALID_URL"
    assert http.urls == []


@pytest.mark.parametrize(
    "request_fields",
    [
        pytest.param({"method": "TRACE"}, id="method TRACE"),
        pytest.param({"method": "CONNECT"}, id="method CONNECT"),
        pytest.param({"method": ""}, id="empty method"),
        pytest.param({"method": None}, id="null method"),
        pytest.param({"method": "GET / HTTP/1.1\r\nX: y"}, id="method with a line break"),
        pytest.param({"headers": ["a", "b"]}, id="headers as a list"),
        pytest.param({"headers": "a: b"}, id="headers as a text"),
        pytest.param({"headers": {"n": 1}}, id="header value that is a number"),
        pytest.param({"headers": {"n": None}}, id="header value that is null"),
        pytest.param({"timeout_ms": 0}, id="timeout 0"),
        pytest.param({"timeout_ms": -1}, id="negative timeout"),
        pytest.param({"timeout_ms": 300_001}, id="timeout above 300 s"),
        pytest.param({"timeout_ms": "1000"}, id="timeout as a text"),
        pytest.param({"timeout_ms": True}, id="timeout as true"),
        pytest.param({"timeout_ms": None}, id="timeout null"),
        pytest.param({"timeout_ms": float("nan")}, id="timeout NaN"),
        pytest.param({"timeout_ms": float("inf")}, id="timeout Infinity"),
        pytest.param({"body": {"a": 1}}, id="body that is an object"),
        pytest.param({"body": 1}, id="body that is a number"),
        pytest.param({"body_base64": "not base64!"}, id="body that is not base64"),
        pytest.param({"body_base64": "QQ"}, id="base64 without its padding"),
        pytest.param({"body_base64": "得"}, id="base64 beyond ASCII"),
    ],
)
async def test_a_bad_request_is_refused_and_not_sent(request_fields: dict[str, Any]) -> None:
    http = FakeHttpClient(respond())
    assert code_of(await fetch(ANY_HOST, http, **request_fields)) == "INVALID_REQUEST"
    assert http.requests == []


@pytest.mark.parametrize(
    ("request_fields", "expected"),
    [
        pytest.param({}, HttpRequest("GET", "https://a.example/", {}, b"", 30_000), id="defaults"),
        pytest.param(
            {"method": "post", "headers": {"X-Id": "1"}, "body": "é", "timeout_ms": 1500},
            HttpRequest("POST", "https://a.example/", {"X-Id": "1"}, "é".encode(), 1500),
            id="everything",
        ),
        pytest.param({"headers": None}, HttpRequest("GET", "https://a.example/"), id="null headers"),
        pytest.param({"timeout_ms": 60_000}, HttpRequest("GET", "https://a.example/", timeout_ms=60_000), id="60 s"),
        pytest.param({"timeout_ms": 0.5}, HttpRequest("GET", "https://a.example/", timeout_ms=1), id="half a ms"),
        pytest.param({"body": None}, HttpRequest("GET", "https://a.example/"), id="null body"),
        pytest.param(
            {"method": "PUT", "body_base64": base64.b64encode(b"\x00\xff").decode()},
            HttpRequest("PUT", "https://a.example/", {}, b"\x00\xff"),
            id="bytes",
        ),
        pytest.param(
            {"method": "PUT", "body": "a \ud800 b"},
            HttpRequest("PUT", "https://a.example/", {}, b"a ? b"),
            id="half a surrogate pair",
        ),
    ],
)
async def test_a_request_is_sent_as_asked(request_fields: dict[str, Any], expected: HttpRequest) -> None:
    http = FakeHttpClient(respond())
    assert code_of(await fetch(ANY_HOST, http, **request_fields)) is None
    assert http.requests == [expected]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_every_method_of_a_web_api_is_allowed(method: str) -> None:
    http = FakeHttpClient(respond())
    await fetch(ANY_HOST, http, method=method)
    assert [request.method for request in http.requests] == [method]


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        pytest.param(
            respond(200, "é".encode(), {"Content-Type": "text/plain"}),
            {"status": 200, "headers": {"content-type": "text/plain"}, "body": "é"},
            id="text",
        ),
        pytest.param(
            respond(200, b"\x89PNG\xff"), {"status": 200, "headers": {}, "body_base64": "iVBOR/8="}, id="bytes"
        ),
        pytest.param(respond(204), {"status": 204, "headers": {}, "body": ""}, id="nothing"),
        pytest.param(respond(500, b"oops"), {"status": 500, "headers": {}, "body": "oops"}, id="an error of the host"),
        pytest.param(respond(304), {"status": 304, "headers": {}, "body": ""}, id="not modified"),
        pytest.param(respond(302, b"x"), {"status": 302, "headers": {}, "body": "x"}, id="redirect to nowhere"),
        pytest.param(
            respond(201, b"", {"location": "/made"}),
            {"status": 201, "headers": {"location": "/made"}, "body": ""},
            id="location without a redirect",
        ),
    ],
)
async def test_a_response_is_given_as_it_came(response: HttpResponse, expected: dict[str, Any]) -> None:
    http = FakeHttpClient(response)
    assert await fetch(ANY_HOST, http) == {"ok": True, "value": expected}
    assert len(http.requests) == 1


@pytest.mark.parametrize(
    ("code", "retriable"),
    [
        ("HTTP_TIMEOUT", True),
        ("HTTP_CONNECTION_FAILED", True),
        ("HTTP_CONNECTION_LOST", True),
        ("HTTP_HOST_NOT_FOUND", True),
        ("HTTP_HOST_UNREACHABLE", True),
        ("HTTP_FAILED", True),
        ("HTTP_TLS_FAILED", False),
        ("RESPONSE_TOO_LARGE", False),
        ("INVALID_RESPONSE_BODY", False),
        ("INVALID_REQUEST", False),
        ("INVALID_URL", False),
        ("SUBREQUEST_LIMIT", False),
    ],
)
async def test_a_failure_of_the_client_is_a_reply_that_says_whether_a_retry_can_help(
    code: str, retriable: bool
) -> None:
    http = FakeHttpClient(HostFunctionError("It went wrong.", code=code))
    error = {"code": code, "message": "It went wrong.", "retriable": retriable}
    assert await fetch(ANY_HOST, http) == {"ok": False, "error": error}


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        pytest.param("https://b.example/x", "https://b.example/x", id="absolute"),
        pytest.param("/x?y=1", "https://a.example/x?y=1", id="absolute path"),
        pytest.param("x", "https://a.example/dir/x", id="relative path"),
        pytest.param("../x", "https://a.example/x", id="parent folder"),
        pytest.param("?y=1", "https://a.example/dir/page?y=1", id="query alone"),
        pytest.param("//b.example/x", "https://b.example/x", id="scheme-relative"),
        pytest.param("http://a.example/x", "http://a.example/x", id="down to http"),
        pytest.param("HTTPS://b.example", "https://b.example", id="scheme in capitals, no path"),
        pytest.param("//b.example?y=1", "https://b.example?y=1", id="scheme-relative, without a path"),
        pytest.param("a//b", "https://a.example/dir/a//b", id="empty segment"),
        pytest.param("./a/./b/../c/.", "https://a.example/dir/a/c/", id="dots"),
        pytest.param("%2e%2E/.%2e/x", "https://a.example/x", id="dots in percent-encoding, beyond the root"),
        pytest.param("https://b.example/a/../x", "https://b.example/x", id="dots of an absolute URL"),
        pytest.param("..", "https://a.example/", id="parent folder alone"),
        pytest.param("#part", "https://a.example/dir/page#part", id="fragment alone"),
        pytest.param("?a:b//c\\d", "https://a.example/dir/page?a:b//c\\d", id="signs within a query"),
        pytest.param("x/a:b", "https://a.example/dir/x/a:b", id="colon within a path"),
        pytest.param(" /x\t/y ", "https://a.example/x/y", id="spaces around, a tab within"),
        pytest.param("x\\y", "https://a.example/dir/x/y", id="backslash in a path"),
        pytest.param("/\\b.example/x", "https://b.example/x", id="scheme-relative with a backslash"),
        pytest.param("https:\\\\b.example\\x", "https://b.example/x", id="absolute with backslashes"),
        pytest.param("//[2606:4700::1111]:8443/x", "https://[2606:4700::1111]:8443/x", id="IPv6 address"),
        pytest.param("//bücher.example/x", "https://bücher.example/x", id="name beyond ASCII"),
    ],
)
async def test_a_redirect_is_followed(location: str, expected: str) -> None:
    http = FakeHttpClient(redirect(location), respond(200, b"there"))
    reply = await fetch(ANY_HOST, http, url="https://a.example/dir/page")
    assert reply["value"]["body"] == "there"
    assert http.urls == ["https://a.example/dir/page", expected]


@pytest.mark.parametrize(
    ("location", "code"),
    [
        pytest.param("https://evil.com/", "HOST_NOT_ALLOWED", id="another host"),
        pytest.param("//evil.com/", "HOST_NOT_ALLOWED", id="scheme-relative"),
        pytest.param("https://a.example@evil.com/", "HOST_NOT_ALLOWED", id="allowed host as user name"),
        pytest.param("http://169.254.169.254/latest/meta-data", "HOST_NOT_ALLOWED", id="metadata address"),
        pytest.param("ftp://a.example/", "INVALID_REDIRECT", id="another scheme"),
        pytest.param("data:text/plain,x", "INVALID_REDIRECT", id="data URL"),
        pytest.param("javascript:alert(1)", "INVALID_REDIRECT", id="script"),
        pytest.param("http://[", "INVALID_REDIRECT", id="a bracket"),
        pytest.param("http://[::1", "INVALID_REDIRECT", id="broken IPv6 address"),
        pytest.param("//[", "INVALID_REDIRECT", id="broken and scheme-relative"),
        pytest.param("https://a.example:99999/", "INVALID_REDIRECT", id="port out of range"),
        pytest.param("http:///echo", "INVALID_REDIRECT", id="three slashes"),
        pytest.param("http:////a.example/", "INVALID_REDIRECT", id="four slashes"),
        pytest.param("http://", "INVALID_REDIRECT", id="scheme alone"),
        pytest.param("http:", "INVALID_REDIRECT", id="scheme without slashes"),
        pytest.param("//", "INVALID_REDIRECT", id="slashes alone"),
        pytest.param("///echo", "INVALID_REDIRECT", id="three slashes without a scheme"),
        pytest.param("/\\/echo", "INVALID_REDIRECT", id="three slashes, one a backslash"),
        pytest.param("https:foo", "INVALID_REDIRECT", id="own scheme without slashes"),
        pytest.param("https:/foo", "INVALID_REDIRECT", id="own scheme with one slash"),
        pytest.param("http:foo", "INVALID_REDIRECT", id="other scheme without slashes"),
        pytest.param("https://?x", "INVALID_REDIRECT", id="query without a host"),
        pytest.param("https://#x", "INVALID_REDIRECT", id="fragment without a host"),
        pytest.param("https://:80/", "INVALID_REDIRECT", id="port without a host"),
        pytest.param("https://u:p@/", "INVALID_REDIRECT", id="user without a host"),
        pytest.param("https://a.example:x/", "INVALID_REDIRECT", id="port that is no number"),
        pytest.param("https://a.example:0/", "INVALID_REDIRECT", id="port 0"),
        pytest.param("https://a.example:+80/", "INVALID_REDIRECT", id="port with a sign"),
        pytest.param("https://[::1]a.example/", "INVALID_REDIRECT", id="text behind an IPv6 address"),
        pytest.param("https://a b/", "INVALID_REDIRECT", id="space in the host"),
        pytest.param("https://a|b/", "INVALID_REDIRECT", id="forbidden sign in the host"),
        pytest.param("\\\\evil.com\\", "HOST_NOT_ALLOWED", id="scheme-relative with backslashes"),
        pytest.param("/\\evil.com", "HOST_NOT_ALLOWED", id="scheme-relative with one backslash"),
        pytest.param("https:\\\\evil.com", "HOST_NOT_ALLOWED", id="absolute with backslashes"),
        pytest.param("https://evil.com\\@a.example/", "HOST_NOT_ALLOWED", id="backslash behind the host"),
        pytest.param("/\t/evil.com", "HOST_NOT_ALLOWED", id="tab between the slashes"),
        pytest.param("\x01//evil.com", "HOST_NOT_ALLOWED", id="control character first"),
        pytest.param("/\ufffd", "INVALID_REDIRECT", id="bytes that are not UTF-8"),
        pytest.param("/\ud800", "INVALID_REDIRECT", id="half a surrogate pair"),
        pytest.param("https://a%3Ab:c@a.example/", "INVALID_REDIRECT", id="a colon in the user name"),
    ],
)
async def test_the_target_of_a_redirect_is_checked(location: str, code: str) -> None:
    http = FakeHttpClient(redirect(location), respond())
    assert code_of(await fetch(build_network_contract("a.example"), http)) == code
    assert http.urls == ["https://a.example/"]


async def test_a_redirect_that_fetch_takes_for_no_url_is_the_server_s_mistake() -> None:
    http = FakeHttpClient(redirect("http://a.example.x y/"), HostFunctionError("No URL.", code="INVALID_URL"))
    assert code_of(await fetch(ANY_HOST, http)) == "INVALID_REDIRECT"


@pytest.mark.parametrize(
    ("url", "given", "authorization"),
    [
        pytest.param("https://ada:secret@a.example/x?y=1", {}, "Basic YWRhOnNlY3JldA==", id="user and password"),
        pytest.param("https://ada@a.example/x?y=1", {}, "Basic YWRhOg==", id="user alone"),
        pytest.param("https://:secret@a.example/x?y=1", {}, "Basic OnNlY3JldA==", id="password alone"),
        pytest.param("https://a%40b:p%3A%25@a.example/x?y=1", {}, "Basic YUBiOnA6JQ==", id="percent-encoded"),
        pytest.param("https://ä:é%C3%A9@a.example/x?y=1", {}, "Basic w6Q6w6nDqQ==", id="UTF-8"),
        pytest.param("https://a@b:c@a.example/x?y=1", {}, "Basic YUBiOmM=", id="two at signs"),
        pytest.param("https://@a.example/x?y=1", {}, None, id="nothing before the at sign"),
        pytest.param("https://ada:secret@a.example/x?y=1", {"Authorization": "Bearer t"}, "Bearer t", id="the header"),
    ],
)
async def test_a_url_s_user_and_password_are_sent_as_basic_authorization(
    url: str, given: dict[str, str], authorization: str | None
) -> None:
    http = FakeHttpClient(respond())
    assert code_of(await fetch(ANY_HOST, http, url=url, headers=given)) is None
    assert http.urls == ["https://a.example/x?y=1"]
    sent = {name.lower(): value for name, value in http.requests[0].headers.items()}
    assert sent == ({"authorization": authorization} if authorization else {})


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        pytest.param("/next", {"authorization": "Basic YTpi"}, id="same origin"),
        pytest.param("https://b.example/", {}, id="another origin"),
        pytest.param("https://c:d@b.example/", {"authorization": "Basic Yzpk"}, id="another origin with its own"),
    ],
)
async def test_a_url_s_password_stays_within_its_origin(location: str, expected: dict[str, str]) -> None:
    http = FakeHttpClient(redirect(location), respond())
    await fetch(ANY_HOST, http, url="https://a:b@a.example/")
    assert http.requests[1].headers == expected
    assert "@" not in http.urls[1]


@pytest.mark.parametrize(
    ("set_cookies", "expected"),
    [
        pytest.param((), {}, id="none"),
        pytest.param(("a=1",), {"set-cookie": "a=1"}, id="one"),
        pytest.param(
            ("a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT", "b=2"),
            {"set-cookie": ["a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT", "b=2"]},
            id="two",
        ),
    ],
)
async def test_cookies_that_a_response_sets(set_cookies: tuple[str, ...], expected: dict[str, Any]) -> None:
    http = FakeHttpClient(HttpResponse(200, {}, b"", set_cookies))
    assert (await fetch(ANY_HOST, http))["value"]["headers"] == expected


@pytest.mark.parametrize(
    ("content_type", "body", "expected"),
    [
        pytest.param("text/plain; charset=windows-1252", b"\x80 \xe9", "€ é", id="windows-1252"),
        pytest.param('text/plain;format=flowed; Charset="Shift_JIS"', b"\x93\xfa", "日", id="quoted, in capitals"),
        pytest.param("text/plain; charset=utf-8", b"\xc3\xa9", "é", id="UTF-8"),
        pytest.param("text/plain; charset=klingon", b"\xc3\xa9", "é", id="unknown, and UTF-8"),
        pytest.param("text/plain; charset=shift_jis", b"\x93", None, id="neither its charset nor UTF-8"),
        pytest.param("text/plain; charset=klingon", b"\xff", None, id="unknown, and not UTF-8"),
        pytest.param("text/plain; charset=utf-8", b"\xff", None, id="not UTF-8"),
        pytest.param("text/plain", b"\xe9", None, id="no charset, not UTF-8"),
        pytest.param("", b"\xef\xbb\xbf{}", "{}", id="UTF-8's mark"),
        pytest.param("text/plain; charset=windows-1252", b"\xef\xbb\xbf\xc3\xa9", "é", id="a mark wins"),
        pytest.param("", "é𝄞".encode("utf-16"), "é𝄞", id="UTF-16's mark"),
        pytest.param("", b"\xfe\xff\x00a", "a", id="UTF-16's mark, big end first"),
        pytest.param("", b"\xff\xfe\x00", None, id="half a code unit"),
        pytest.param("", b"", "", id="nothing"),
    ],
)
async def test_a_body_is_text_by_its_mark_or_charset(content_type: str, body: bytes, expected: str | None) -> None:
    response = respond(200, body, {"content-type": content_type})
    clock, http = FixedClock(), FakeHttpClient(response)
    host = PortHostFunctions(ANY_HOST, http, clock, SeededRandom(), decoder=FakeTextDecoder())
    value = (await ask(host, "http_request", {"url": "https://a.example/"}))["value"]
    assert value.get("body") == expected
    assert ("body_base64" in value) == (expected is None)


async def test_bytes_are_given_as_they_came_if_asked() -> None:
    http = FakeHttpClient(respond(200, b"\xef\xbb\xbfabc", {"content-type": "text/plain; charset=windows-1252"}))
    value = (await fetch(ANY_HOST, http, as_base64=True))["value"]
    assert base64.b64decode(value["body_base64"]) == b"\xef\xbb\xbfabc"
    assert "body" not in value


@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param("é".encode() * (2 << 20), None, id="4 MiB of two bytes each"),
        pytest.param("漢".encode() * (4 << 18), None, id="3 MiB of three bytes each"),
        pytest.param(b"\xff" * (4 << 20), None, id="4 MiB of bytes"),
        pytest.param(b"\n" * (3 << 20), None, id="3 MiB of line feeds"),
        pytest.param(b'"' * (4 << 20), "RESPONSE_TOO_LARGE", id="4 MiB of quotes"),
        pytest.param(b"\0" * (4 << 20), "RESPONSE_TOO_LARGE", id="4 MiB of control characters"),
    ],
)
async def test_what_a_component_cannot_take_is_refused_by_its_name(body: bytes, code: str | None) -> None:
    text = await build_host(ANY_HOST, FakeHttpClient(respond(200, body))).answer(
        "http_request", '{"url": "https://a.example/"}'
    )
    assert code_of(json.loads(text)) == code
    assert len(text.encode()) <= MAX_REPLY_BYTES
    assert code is None or "8388608 (8 MiB)" in text


async def test_every_hop_is_checked() -> None:
    http = FakeHttpClient(redirect("https://b.example/"), redirect("https://evil.com/"), respond())
    assert code_of(await fetch(build_network_contract("a.example", "b.example"), http)) == "HOST_NOT_ALLOWED"
    assert http.urls == ["https://a.example/", "https://b.example/"]


async def test_a_redirect_is_not_followed_if_asked() -> None:
    http = FakeHttpClient(redirect("https://evil.com/"), respond())
    reply = await fetch(build_network_contract("a.example"), http, follow_redirects=False)
    assert reply["value"] == {"status": 302, "headers": {"location": "https://evil.com/"}, "body": ""}
    assert len(http.requests) == 1


@pytest.mark.parametrize(
    ("redirects", "code"),
    [pytest.param(5, None, id="five"), pytest.param(6, "TOO_MANY_REDIRECTS", id="six")],
)
async def test_redirects_are_counted(redirects: int, code: str | None) -> None:
    http = FakeHttpClient(*[redirect(f"/{i}") for i in range(redirects)], respond())
    assert code_of(await fetch(ANY_HOST, http)) == code
    assert len(http.requests) == 6


@pytest.mark.parametrize(
    ("status", "method", "expected"),
    [
        pytest.param(301, "POST", "GET", id="301 POST"),
        pytest.param(302, "POST", "GET", id="302 POST"),
        pytest.param(303, "POST", "GET", id="303 POST"),
        pytest.param(307, "POST", "POST", id="307 POST"),
        pytest.param(308, "POST", "POST", id="308 POST"),
        pytest.param(301, "PUT", "PUT", id="301 PUT"),
        pytest.param(302, "DELETE", "DELETE", id="302 DELETE"),
        pytest.param(303, "PUT", "GET", id="303 PUT"),
        pytest.param(303, "DELETE", "GET", id="303 DELETE"),
        pytest.param(303, "HEAD", "HEAD", id="303 HEAD"),
        pytest.param(302, "HEAD", "HEAD", id="302 HEAD"),
        pytest.param(303, "GET", "GET", id="303 GET"),
    ],
)
async def test_a_redirect_changes_the_method_as_fetch_does(status: int, method: str, expected: str) -> None:
    http = FakeHttpClient(redirect("/next", status), respond())
    await fetch(ANY_HOST, http, method=method, body="b")
    assert http.requests[1].method == expected
    assert http.requests[1].body == (b"" if expected == "GET" != method else b"b")


@pytest.mark.parametrize(
    "name", ["content-type", "Content-Length", "content-encoding", "Content-Language", "content-location"]
)
async def test_a_lost_body_takes_its_headers_along(name: str) -> None:
    http = FakeHttpClient(redirect("/next", 303), respond())
    await fetch(ANY_HOST, http, method="POST", body="b", headers={name: "x", "X-Id": "1"})
    assert http.requests[1].headers == {"X-Id": "1"}


async def test_a_kept_body_keeps_its_headers() -> None:
    http = FakeHttpClient(redirect("/next", 307), respond())
    await fetch(ANY_HOST, http, method="POST", body="b", headers={"Content-Type": "text/plain"})
    assert http.requests[1].headers == {"Content-Type": "text/plain"}


@pytest.mark.parametrize(
    ("location", "kept"),
    [
        pytest.param("/next", True, id="same origin"),
        pytest.param("https://a.example:443/next", True, id="same origin, its port written out"),
        pytest.param("https://A.Example/next", True, id="same origin in capitals"),
        pytest.param("https://b.example/", False, id="another host"),
        pytest.param("http://a.example/", False, id="another scheme"),
        pytest.param("https://a.example:8443/", False, id="another port"),
        pytest.param("https://sub.a.example/", False, id="below the host"),
    ],
)
@pytest.mark.parametrize("name", ["Authorization", "cookie", "Proxy-Authorization"])
async def test_secrets_stay_within_their_origin(name: str, location: str, kept: bool) -> None:
    http = FakeHttpClient(redirect(location), respond())
    await fetch(ANY_HOST, http, headers={name: "secret", "X-Id": "1"})
    assert http.requests[1].headers == ({name: "secret", "X-Id": "1"} if kept else {"X-Id": "1"})


async def test_secrets_do_not_come_back_after_a_detour() -> None:
    http = FakeHttpClient(redirect("https://b.example/"), redirect("https://a.example/"), respond())
    await fetch(ANY_HOST, http, headers={"Authorization": "secret"})
    assert [dict(request.headers) for request in http.requests] == [{"Authorization": "secret"}, {}, {}]


async def test_a_redirect_keeps_the_limits() -> None:
    http = FakeHttpClient(redirect("/next"), respond())
    await fetch(ANY_HOST, http, timeout_ms=1234)
    assert [(r.timeout_ms, r.max_response_bytes) for r in http.requests] == [(1234, 4 * 1024 * 1024)] * 2


@pytest.mark.parametrize(
    ("ms", "code"),
    [
        pytest.param(0, None, id="0"),
        pytest.param(12.5, None, id="a fraction"),
        pytest.param(30_000, None, id="30 s"),
        pytest.param(30_001, "INVALID_REQUEST", id="above 30 s"),
        pytest.param(-1, "INVALID_REQUEST", id="negative"),
        pytest.param("10", "INVALID_REQUEST", id="text"),
        pytest.param(True, "INVALID_REQUEST", id="true"),
        pytest.param(None, "INVALID_REQUEST", id="null"),
        pytest.param(float("nan"), "INVALID_REQUEST", id="NaN"),
        pytest.param(float("inf"), "INVALID_REQUEST", id="Infinity"),
        pytest.param(10**400, "INVALID_REQUEST", id="beyond a double"),
    ],
)
async def test_a_wait_is_bounded(ms: Any, code: str | None) -> None:
    clock = FixedClock()
    reply = await ask(build_host(build_contract(capabilities=["sleep"]), clock=clock), "sleep", {"ms": ms})
    assert code_of(reply) == code
    assert clock.slept_ms == ([ms] if code is None else [])


@pytest.mark.parametrize(("ms", "slept"), [(0, 0), (12.5, 12.5), (30_001, 30_000)])
async def test_a_poll_that_waits_too_long_ends_early(ms: float, slept: float) -> None:
    clock = FixedClock()
    assert code_of(await ask(build_host(build_contract(), clock=clock), "poll", {"ms": ms})) is None
    assert clock.slept_ms == [slept]


async def test_a_wait_answers_how_long_it_was() -> None:
    host = build_host(build_contract(capabilities=["sleep"]))
    assert await ask(host, "sleep", {"ms": 20}) == {"ok": True, "value": {"waited_ms": 20}}


@pytest.mark.parametrize(
    ("name", "request_fields", "capability"),
    [
        pytest.param("http_request", {"url": "https://a.example/"}, "network", id="http_request"),
        pytest.param("sleep", {"ms": 1}, "sleep", id="sleep"),
        pytest.param("ai_run", {}, "ai", id="ai_run"),
    ],
)
async def test_an_undeclared_capability_is_refused(name: str, request_fields: Any, capability: str) -> None:
    http, clock = FakeHttpClient(respond()), FixedClock()
    reply = await ask(build_host(build_contract(), http, clock), name, request_fields)
    message = f"The contract does not declare `{capability}`."
    error = {"code": "CAPABILITY_NOT_DECLARED", "message": message, "retriable": False}
    assert reply == {"ok": False, "error": error}
    assert (http.requests, clock.slept_ms) == ([], [])


async def test_poll_needs_no_capability() -> None:
    clock = FixedClock()
    assert code_of(await ask(build_host(build_contract(), clock=clock), "poll", {"ms": 5})) is None
    assert clock.slept_ms == [5]


async def test_an_unknown_function_is_refused() -> None:
    contract = build_network_contract("*", capabilities=["sleep", "ai"])
    assert code_of(await ask(build_host(contract), "exec", {})) == "CAPABILITY_NOT_DECLARED"


@pytest.mark.parametrize("name", ["http_request", "sleep", "ai_run", "poll", "exec"])
@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("no json", id="text"),
        pytest.param("[]", id="list"),
        pytest.param("null", id="null"),
    ],
)
async def test_a_request_that_is_no_json_object_is_refused(name: str, text: str) -> None:
    reply = json.loads(await build_host(ANY_HOST).answer(name, text))
    error = {"code": "INVALID_REQUEST", "message": "The request is not a JSON object.", "retriable": False}
    assert reply == {"ok": False, "error": error}


@pytest.mark.parametrize(("text", "problem"), BEYOND_JSON)
async def test_a_request_that_is_too_much_json_says_so(text: str, problem: str) -> None:
    reply = json.loads(await build_host(build_contract(capabilities=["sleep"])).answer("sleep", text))
    error = {"code": "INVALID_REQUEST", "message": f"The request cannot be read: {problem}.", "retriable": False}
    assert reply == {"ok": False, "error": error}


def test_the_seed_has_32_bytes_and_comes_from_the_port() -> None:
    host = build_host(build_contract())
    assert host.seed() == SeededRandom().token_bytes(32)
    assert len(host.seed()) == 32


def test_the_time_is_that_of_the_clock() -> None:
    clock = FixedClock(5)
    host = build_host(build_contract(), clock=clock)
    clock.advance(1)
    assert host.now_ms() == 6


def url_of(host: str, port: int | None = None) -> str:
    written = f"[{host}]" if ":" in host else host
    return f"http://{written}{f':{port}' if port else ''}/x"


FORBIDDEN_URLS = [pytest.param(url_of(host), id=name) for name, host in FORBIDDEN.items() if host]


@pytest.mark.parametrize("url", FORBIDDEN_URLS)
async def test_an_address_that_is_not_public_is_not_called(url: str) -> None:
    http = FakeHttpClient(respond())
    host = PortHostFunctions(ANY_HOST, http, FixedClock(), SeededRandom())
    code = code_of(await ask(host, "http_request", {"url": url}))
    assert code in ("ADDRESS_NOT_ALLOWED", "INVALID_URL")
    assert http.urls == []


@pytest.mark.parametrize("url", FORBIDDEN_URLS)
async def test_a_redirect_to_such_an_address_is_not_followed(url: str) -> None:
    http = FakeHttpClient(redirect(url), respond())
    host = PortHostFunctions(ANY_HOST, http, FixedClock(), SeededRandom())
    code = code_of(await ask(host, "http_request", {"url": "https://a.example/"}))
    assert code in ("ADDRESS_NOT_ALLOWED", "INVALID_REDIRECT")
    assert http.urls == ["https://a.example/"]


@pytest.mark.parametrize(
    ("allowed", "url", "is_called"),
    [
        pytest.param("a.example:8443", "https://a.example:8443/", True, id="its port"),
        pytest.param("a.example:8443", "https://a.example/", False, id="another port"),
        pytest.param("a.example:443", "https://a.example/", True, id="the scheme's port"),
        pytest.param("a.example:443", "http://a.example/", False, id="the other scheme's port"),
        pytest.param("*.example:80", "http://a.example/", True, id="a port below a domain"),
        pytest.param("*:8080", "http://a.example:8080/", True, id="a port of any host"),
        pytest.param("*:8080", "http://a.example/", False, id="another port of any host"),
        pytest.param("a.example", "http://a.example:9/", True, id="any port"),
        pytest.param("a.example:x", "http://a.example/", False, id="no port"),
        pytest.param("[2606:4700::1111]:8080", "http://[2606:4700::1111]:8080/", True, id="IPv6 with a port"),
        pytest.param("[2606:4700::1111]:8080", "http://[2606:4700::1111]/", False, id="IPv6 with another port"),
    ],
)
async def test_a_port_may_be_part_of_an_allowed_host(allowed: str, url: str, is_called: bool) -> None:
    http = FakeHttpClient(respond())
    code = code_of(await fetch(build_network_contract(allowed), http, url=url))
    assert (code, http.urls) == ((None, [url]) if is_called else ("HOST_NOT_ALLOWED", []))
