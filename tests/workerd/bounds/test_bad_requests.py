"""Proves on the real Workers that bad input gets arcrun's error shape with the right status, and never a 500."""

import json
import socket
from collections.abc import Iterator

import httpx
import pytest

from workerd.local_platform import API_KEY, LOG, LocalPlatform

pytestmark = pytest.mark.workerd

KEY = {"X-Arcrun-API-Key": API_KEY}
UNKNOWN_NODE = {"workflow": {"name": "x", "flow": ["input >> ON_SUCCESS >> nope"]}}


def chunks() -> Iterator[bytes]:
    """10 MB without a Content-Length."""
    yield from (b" " * 1_000_000 for _ in range(10))


CASES = [
    pytest.param("/execute", KEY, b"{not json", 400, "INVALID_JSON", id="body not JSON"),
    pytest.param("/execute", KEY, b"\xff\xfe", 400, "INVALID_JSON", id="body not UTF-8"),
    pytest.param("/execute", KEY, b"[" * 100_000, 400, "INVALID_JSON", id="body nested too deeply"),
    pytest.param("/execute", KEY, b" " * 10_000_000, 413, "PAYLOAD_TOO_LARGE", id="10 MB body"),
    pytest.param("/execute", KEY, None, 413, "PAYLOAD_TOO_LARGE", id="10 MB body in chunks"),
    pytest.param("/execute", KEY, b'{"component": "nope"}', 404, "COMPONENT_NOT_FOUND", id="unknown component"),
    pytest.param("/execute", KEY, b'{"component": "../x"}', 404, "COMPONENT_NOT_FOUND", id="a path as component"),
    pytest.param("/execute", KEY, b'{"component": 1}', 400, "INVALID_REQUEST", id="component not a text"),
    pytest.param("/execute", KEY, b'{"workflow": "a: [b"}', 422, "INVALID_WORKFLOW", id="workflow not YAML"),
    pytest.param("/execute", KEY, b'{"workflow": "x", "workflo": 1}', 400, "UNKNOWN_KEY", id="unknown key"),
    pytest.param("/execute", {"X-Arcrun-API-Key": "wrong"}, b"{}", 401, "UNAUTHORIZED", id="wrong key"),
    pytest.param("/execute", {}, b"{}", 401, "UNAUTHORIZED", id="no key"),
    pytest.param("/webhooks", {}, b"{}", 401, "UNAUTHORIZED", id="no key to push"),
    pytest.param("/webhooks/" + "0" * 32 + "/trigger", {}, b"{}", 404, "WEBHOOK_NOT_FOUND", id="unknown token"),
    pytest.param("/webhooks/short/trigger", {}, b"{}", 404, "WEBHOOK_NOT_FOUND", id="malformed token"),
    pytest.param("/webhooks/named/nope/trigger", KEY, b"{}", 404, "WORKFLOW_NOT_FOUND", id="unknown name"),
    pytest.param("/nowhere", KEY, b"{}", 404, "NOT_FOUND", id="unknown route"),
    pytest.param("/health", KEY, b"{}", 405, "METHOD_NOT_ALLOWED", id="wrong method"),
]


@pytest.mark.parametrize(("path", "headers", "body", "status", "code"), CASES)
def test_the_error_has_its_shape_and_status(
    platform: LocalPlatform, path: str, headers: dict[str, str], body: bytes | None, status: int, code: str
) -> None:
    url = platform.urls["executor"] + path
    answer = httpx.post(url, headers=headers, content=chunks() if body is None else body, timeout=60)
    assert (answer.status_code, answer.json()["success"]) == (status, False)
    assert set(answer.json()) == {"success", "error"}
    assert set(answer.json()["error"]) == {"code", "message", "retriable", "next_actions", "details"}
    assert answer.json()["error"]["code"] == code
    assert "Traceback" not in answer.text


def test_a_workflow_with_an_unknown_node_names_it(platform: LocalPlatform) -> None:
    with platform.executor as client:
        answer = client.post("/execute", json=UNKNOWN_NODE)
    finding = answer.json()["error"]["details"]["diagnostics"][0]
    assert (answer.status_code, finding["code"]) == (422, "UNKNOWN_COMPONENT")


def test_a_failing_run_carries_its_trace(platform: LocalPlatform) -> None:
    flow = ["input >> ON_SUCCESS >> a", "a >> ON_SUCCESS >> b"]
    node = {"component": "string_ops", "operation": "{{input.operation}}", "input": "x"}
    workflow = {"name": "x", "flow": flow, "config": {"a": node, "b": node}}
    with platform.executor as client:
        answer = client.post("/execute?trace=1", json={"workflow": workflow, "input": {"operation": "explode"}})
    body = answer.json()
    assert (answer.status_code, body["error"]["details"]["node"]) == (422, "a")
    assert [entry["status"] for entry in body["trace"]] == ["failed", "skipped"]


@pytest.mark.parametrize("service", ["executor", "registry", "auth"])
def test_every_service_is_healthy(platform: LocalPlatform, service: str) -> None:
    answer = httpx.get(f"{platform.urls[service]}/health", timeout=60).json()
    assert (answer["ok"], set(answer)) == (True, {"ok", "version"})


SERVICES = ("executor", "registry", "auth")
# By service, a route that takes a GET with the API key, and one that reads a body.
LISTS = {"executor": b"/webhooks", "registry": b"/components", "auth": b"/health"}
BODIES = {"executor": b"/execute", "registry": b"/submit", "auth": b"/register"}
DIGITS = b"9" * 5_000


def request(line: bytes, *headers: bytes, body: bytes = b"", host: bytes = b"Host: h") -> bytes:
    """A complete request, after which the connection is closed. `line` is the request line without the version."""
    key = b"X-Arcrun-API-Key: " + API_KEY.encode()
    return b"\r\n".join(
        [line + b" HTTP/1.1", *([host] if host else []), key, *headers, b"Connection: close", b"", body]
    )


def send(platform: LocalPlatform, service: str, content: bytes) -> tuple[int, bytes]:
    """Send raw bytes and shut down the sending side. Returns the answer's status and complete body."""
    with socket.create_connection(("127.0.0.1", httpx.URL(platform.urls[service]).port or 0), timeout=20) as connection:
        connection.sendall(content)
        connection.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split(maxsplit=2)[1]), body


def code_in(body: bytes) -> str:
    """The code of an error, whose shape is checked."""
    answer = json.loads(body)
    assert (answer.keys(), answer["success"]) == ({"success", "error"}, False)
    assert answer["error"].keys() == {"code", "message", "retriable", "next_actions", "details"}
    return str(answer["error"]["code"])


@pytest.fixture(autouse=True)
def log_without_traceback(platform: LocalPlatform) -> Iterator[None]:
    log = platform.folder / LOG
    before = log.stat().st_size
    yield
    said = log.read_bytes()[before:].decode()
    assert "Traceback" not in said
    assert "Error" not in said


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize(
    "host", ["a:b:c", "::1", "a, b", "a b", "u:p@h", "a/b?c#d@e", "h:port", "h:99999", "[::1", "b\u00fccher.example"]
)
def test_a_host_that_is_none_is_refused(platform: LocalPlatform, service: str, host: str) -> None:
    content = request(b"GET " + LISTS[service], host=f"Host: {host}".encode())
    status, body = send(platform, service, content)
    assert (status, code_in(body)) == (400, "INVALID_HOST")


@pytest.mark.parametrize("service", SERVICES)
def test_two_hosts_are_refused(platform: LocalPlatform, service: str) -> None:
    status, body = send(platform, service, request(b"GET " + LISTS[service], b"Host: other"))
    assert (status, code_in(body)) == (400, "INVALID_HOST")


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("host", [b"[::1]:8787", b"[::1]", b"h:", b"h:65535", b"a%2Fb", b"a" * 5_000])
def test_an_unusual_host_is_one(platform: LocalPlatform, service: str, host: bytes) -> None:
    assert send(platform, service, request(b"GET " + LISTS[service], host=b"Host: " + host))[0] == 200


def test_a_webhook_has_its_url_whatever_the_host_of_the_request(platform: LocalPlatform) -> None:
    workflow = {"name": "at_host", "flow": ["input >> PIPE >> output"]}
    body = json.dumps({"workflow": workflow}).encode()
    length = f"Content-Length: {len(body)}".encode()
    status, answer = send(platform, "executor", request(b"POST /webhooks", length, body=body, host=b"Host: [::1]:8787"))
    shown = json.loads(answer)["data"]["webhook_url"].partition("/webhooks/")[0]
    assert (status, shown) == (201, platform.urls["executor"])


@pytest.mark.parametrize("service", SERVICES)
def test_no_host_at_all_is_refused_by_the_platform(platform: LocalPlatform, service: str) -> None:
    assert send(platform, service, request(b"GET " + LISTS[service], host=b""))[0] == 400


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize(
    ("line", "statuses"),
    [
        pytest.param(b"OPTIONS *", {404}, id="OPTIONS *"),
        pytest.param(b"GET *", {404}, id="GET *"),
        pytest.param(b"GET foo:bar", {400, 404}, id="a target of another scheme"),
        pytest.param(b"GET nothing", {400, 404}, id="a target without a slash"),
        pytest.param(b"GET http://other?x=1", {404}, id="an absolute target without a path"),
        pytest.param(b"GET //x/webhooks", {404}, id="two slashes"),
        pytest.param(b"GET /nowhere/%zz%", {404}, id="percent without digits"),
        pytest.param(b"GET /nowhere/%ff%00%ED%A0%80", {404}, id="no UTF-8"),
        pytest.param(b"GET /nowhere/" + b"a" * 20_000, {404}, id="a long path"),
    ],
)
def test_an_odd_target_is_no_route(platform: LocalPlatform, service: str, line: bytes, statuses: set[int]) -> None:
    status, body = send(platform, service, request(line))
    assert status in statuses
    assert code_in(body) in {"NOT_FOUND", "INVALID_HOST"}


@pytest.mark.parametrize("service", SERVICES)
def test_an_absolute_target_is_its_path(platform: LocalPlatform, service: str) -> None:
    assert send(platform, service, request(b"GET http://other:99" + LISTS[service]))[0] == 200


@pytest.mark.parametrize(
    ("service", "target", "status", "code"),
    [
        ("executor", b"/webhooks/%ff%fe%00", 404, "WEBHOOK_NOT_FOUND"),
        ("executor", b"/webhooks/" + b"%E5%AF%86" * 32, 404, "WEBHOOK_NOT_FOUND"),
        ("executor", b"/runs/%ED%A0%80", 404, "RUN_NOT_FOUND"),
        ("executor", b"/runs?limit=" + DIGITS, 400, "INVALID_REQUEST"),
        ("executor", b"/runs?limit=%D9%A1", 400, "INVALID_REQUEST"),
        ("executor", b"/runs?limit=%ff", 400, "INVALID_REQUEST"),
        ("registry", b"/components/%ff%00", 404, "COMPONENT_NOT_FOUND"),
        ("registry", b"/components?cursor=" + DIGITS, 400, "INVALID_CURSOR"),
        ("registry", b"/components?cursor=%ED%A0%80", 400, "INVALID_CURSOR"),
        ("registry", b"/components/set?version=v" + DIGITS, 400, "INVALID_REQUEST"),
        ("registry", b"/submit/%ff", 404, "SUBMISSION_NOT_FOUND"),
        ("auth", b"/me?%ff=%ED%A0%80", 401, "UNAUTHORIZED"),
    ],
)
def test_odd_names_and_numbers(platform: LocalPlatform, service: str, target: bytes, status: int, code: str) -> None:
    answered, body = send(platform, service, request(b"GET " + target))
    assert (answered, code_in(body)) == (status, code)


@pytest.mark.parametrize("cursor", [DIGITS, DIGITS + b".x", b"%ff%00", b"%ED%A0%80", b"%zz", b""])
@pytest.mark.parametrize("path", [b"/webhooks", b"/runs"])
def test_an_unknown_cursor_is_no_fault(platform: LocalPlatform, path: bytes, cursor: bytes) -> None:
    """The local runtime's KV accepts any cursor."""
    assert send(platform, "executor", request(b"GET " + path + b"?cursor=" + cursor))[0] in {200, 400}


CHUNKED, SHORT = b"Transfer-Encoding: chunked", b"Content-Length: 100"


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize(
    ("method", "headers", "body"),
    [
        pytest.param(b"POST ", CHUNKED, b"ff\r\nabc", id="a chunk that breaks off"),
        pytest.param(b"POST ", CHUNKED, b"3\r\nabc\r\n", id="chunks without an end"),
        pytest.param(b"POST ", CHUNKED, b"zz\r\nabc\r\n0\r\n\r\n", id="a chunk without a size"),
        pytest.param(b"POST ", SHORT, b"{}", id="less than announced"),
        pytest.param(b"GET ", SHORT, b"{}", id="less than announced, with GET"),
    ],
)
def test_a_body_that_is_not_whole(
    platform: LocalPlatform, service: str, method: bytes, headers: bytes, body: bytes
) -> None:
    status, answer = send(platform, service, request(method + BODIES[service], headers, body=body))
    assert (status, code_in(answer)) == (400, "BODY_INCOMPLETE")


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize(
    "header",
    [
        *(b"Content-Length: -1", b"Content-Length: x", b"Content-Length: " + DIGITS, b"Transfer-Encoding: foo"),
        *(b"X-A: a\x00b", b"X-\xff: a", b"no colon"),
    ],
)
def test_what_is_no_http_is_refused_by_the_platform(platform: LocalPlatform, service: str, header: bytes) -> None:
    assert send(platform, service, request(b"POST " + BODIES[service], header, body=b"{}"))[0] == 400


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("value", [b"\xff\xfe", "密".encode(), b"a" * 10_000, b""])
def test_odd_bytes_in_a_header_are_no_fault(platform: LocalPlatform, service: str, value: bytes) -> None:
    assert send(platform, service, request(b"GET /health", b"X-A: " + value))[0] == 200


@pytest.mark.parametrize("service", ["executor", "registry"])
@pytest.mark.parametrize("header", [b"X-Arcrun-API-Key: \xff\xfe", "Authorization: Bearer 密".encode()])
def test_odd_bytes_in_a_key_are_a_wrong_key(platform: LocalPlatform, service: str, header: bytes) -> None:
    content = b"\r\n".join(
        [b"GET " + LISTS[service] + b" HTTP/1.1", b"Host: h", header, b"Connection: close", b"", b""]
    )
    status, body = send(platform, service, content)
    assert (status, code_in(body)) == (401, "UNAUTHORIZED")
