"""Proves on the real executor what a webhook's request is to its workflow: bodies as services send them, compressed
ones, methods, raw paths, and the headers as workerd gives them. tests/executor/test_webhook_requests.py has the table.
"""

import gzip
import json
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from arcrun.limits import MAX_BODY_BYTES
from fixtures import webhook_bodies as sent
from workerd.local_platform import API_KEY, LOG, LocalPlatform

SOURCE: dict[str, Any] = {
    "name": "sees_all",
    "triggers": {"webhook": {"methods": ["GET", "POST", "PUT", "DELETE"]}},
    "flow": ["input >> ON_SUCCESS >> seen", "seen >> ON_SUCCESS >> output"],
    "config": {"seen": {"component": "set", "values": {"input": "{{input}}", "request": "{{request}}"}}},
}


@pytest.fixture(scope="module")
def client(platform: LocalPlatform) -> Iterator[httpx.Client]:
    """A client of the webhook, without a key."""
    with platform.executor as owner:
        pushed = owner.post("/webhooks", json={"workflow": SOURCE}).json()
    url = f"{platform.urls['executor']}/webhooks/{pushed['data']['token']}/trigger"
    with httpx.Client(base_url=url, timeout=60) as caller:
        yield caller


def seen_by(response: httpx.Response) -> dict[str, Any]:
    assert response.status_code == 200, response.text
    data: dict[str, Any] = response.json()["data"]
    return data


@pytest.mark.parametrize(
    ("headers", "body", "expected"),
    [
        pytest.param({"content-type": sent.FORM}, sent.GITHUB_FORM, {"payload": json.dumps(sent.GITHUB)}, id="GitHub"),
        pytest.param({"content-type": sent.FORM}, sent.SLACK, sent.SLACK_INPUT, id="Slack"),
        pytest.param({"content-type": f"{sent.FORM}; charset=UTF-8"}, sent.TWILIO, sent.TWILIO_INPUT, id="Twilio"),
        pytest.param({"content-type": "application/json; charset=utf-8"}, sent.STRIPE_BODY, sent.STRIPE, id="Stripe"),
        pytest.param({"content-type": sent.FORM}, sent.HTML_FORM, sent.HTML_FORM_INPUT, id="HTML form"),
        pytest.param({"content-type": sent.MULTIPART}, sent.BROWSER_FORM, sent.BROWSER_FORM_INPUT, id="multipart"),
        pytest.param({"content-type": sent.FORM}, b'{"name": "Ada"}', {"name": "Ada"}, id="JSON of curl"),
        pytest.param({"content-type": "application/atom+xml"}, sent.ATOM, sent.ATOM.decode(), id="Atom"),
        pytest.param({"content-type": "text/plain; charset=shift_jis"}, b"\x93\xfa", "日", id="Shift_JIS"),
        pytest.param({"content-type": "application/json; charset=iso-8859-1"}, b'"\xe9"', "é", id="JSON in Latin-1"),
        pytest.param({}, b'{"a": 1}', {"a": 1}, id="JSON without a type"),
        pytest.param({"content-encoding": "gzip"}, gzip.compress(b'{"a": 1}'), {"a": 1}, id="gzip"),
        pytest.param(
            {"content-encoding": "gzip", "content-type": sent.FORM},
            gzip.compress(sent.HTML_FORM),
            sent.HTML_FORM_INPUT,
            id="a form in gzip",
        ),
        pytest.param(
            {"content-type": "text/plain", "content-encoding": "gzip"},
            gzip.compress(b"a" * 500_000),
            "a" * 500_000,
            id="large when it is decompressed",
        ),
        pytest.param(
            {"content-type": "image/png"},
            sent.PNG,
            {"base64": sent.describe_file("", sent.PNG, "")["base64"]},
            id="PNG",
        ),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_body_is_the_input_by_its_type(
    client: httpx.Client, method: str, headers: dict[str, str], body: bytes, expected: Any
) -> None:
    assert seen_by(client.request(method, "", headers=headers, content=body))["input"] == expected


def test_httpx_sends_a_form_with_files(client: httpx.Client) -> None:
    files = [("file", ("é.txt", b"one", "text/plain")), ("file", ("b", bytes(range(256)) * 400, None))]
    seen = seen_by(client.post("", data={"a": ["1", "2"], "b": "ü"}, files=files))
    assert (seen["input"]["a"], seen["input"]["b"]) == (["1", "2"], "ü")
    assert [(file["filename"], file["size"]) for file in seen["input"]["file"]] == [("é.txt", 3), ("b", 102_400)]
    assert seen["request"]["text"] is None


def test_what_templates_see(client: httpx.Client) -> None:
    headers = {**sent.GITHUB_HEADERS, "X-Twice": "a"}
    seen = seen_by(client.get("/orders/a%2Fb%20%C3%A9/?a=1&a=2&trace=1", headers=headers))
    request = seen["request"]
    assert seen["input"] == {"a": ["1", "2"]}
    assert (request["method"], request["path"]) == ("GET", "/orders/a/b é")
    assert (request["query"], request["query_all"]) == ({"a": "1"}, {"a": ["1", "2"]})
    assert request["headers"]["x-github-event"] == "issues"
    assert (request["content_type"], request["text"]) == (None, "")
    assert request["received_at"].endswith("Z")
    assert request.keys() == {
        *("method", "path", "query", "query_all", "headers", "content_type", "text", "received_at", "ip", "trigger")
    }


def test_methods(client: httpx.Client) -> None:
    options, head, patch = client.options(""), client.head("/a/"), client.patch("")
    assert (options.status_code, options.headers["allow"]) == (204, "GET, POST, PUT, DELETE, HEAD, OPTIONS")
    assert (head.status_code, head.content) == (200, b"")
    assert (patch.status_code, patch.json()["error"]["code"]) == (405, "METHOD_NOT_ALLOWED")


@pytest.mark.parametrize(
    ("headers", "body", "status", "code"),
    [
        pytest.param({"content-type": sent.MULTIPART}, sent.BROWSER_FORM[:-8], 400, "INVALID_FORM", id="cut form"),
        pytest.param({"content-encoding": "br"}, b"x", 415, "UNSUPPORTED_ENCODING", id="brotli"),
        pytest.param({"content-encoding": "gzip"}, b"{}", 400, "INVALID_ENCODING", id="no gzip"),
        pytest.param({"content-encoding": "gzip"}, sent.build_bomb(64 << 20), 413, "PAYLOAD_TOO_LARGE", id="a bomb"),
        pytest.param({"content-type": "image/png"}, bytes(MAX_BODY_BYTES + 1), 413, "PAYLOAD_TOO_LARGE", id="large"),
        pytest.param({"content-type": "text/plain"}, b"\xff", 400, "INVALID_TEXT", id="no text"),
    ],
)
def test_what_is_refused(client: httpx.Client, headers: dict[str, str], body: bytes, status: int, code: str) -> None:
    response = client.post("", headers=headers, content=body)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)


@pytest.mark.parametrize("rest", ["/../../x", "/a/..", "/%2e%2e/x", "/a%2f..", "/..%5Cx", "/a%00b"])
def test_a_raw_path_that_is_refused(client: httpx.Client, rest: str) -> None:
    """As it stands in the request line, for clients' libraries would normalize it."""
    url = client.base_url
    line = f"GET {url.path.rstrip('/')}{rest} HTTP/1.1\r\nHost: {url.host}:{url.port}\r\nConnection: close\r\n\r\n"
    with socket.create_connection((url.host, url.port or 0), timeout=20) as connection:
        connection.sendall(line.encode())
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert answer.startswith(b"HTTP/1.1 400 "), answer
    assert b'"INVALID_PATH"' in answer


def test_secret_headers_are_in_no_record(platform: LocalPlatform) -> None:
    secrets = {"Authorization": "Bearer s3cret-of-a-caller", "Cookie": "a=b; session=c00kie-of-a-caller"}
    with platform.executor as owner:
        workflow = {**SOURCE, "name": "is_recorded_first", "record": "before_answer"}
        pushed = owner.post("/webhooks", json={"workflow": workflow}).json()
        url = f"/webhooks/{pushed['data']['token']}/trigger"
        answer = owner.post(url, headers=secrets, params={"trace": "1"}, json={})
        record = owner.get(f"/runs/{answer.json()['run_id']}").text
    for text in (answer.text, record):
        assert "[REDACTED]" in text
        for canary in ("s3cret-of-a-caller", "c00kie-of-a-caller", API_KEY):
            assert canary not in text


def test_nothing_was_logged(platform: LocalPlatform) -> None:
    assert "Traceback" not in (platform.folder / LOG).read_text()
