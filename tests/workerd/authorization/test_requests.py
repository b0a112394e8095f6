"""Proves on real workerd what each type of `auth` sends, that no other origin gets it, that neither answers nor records
have it, and that lists come page by page.
"""

import base64
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from arcrun.authorization.aws_sigv4 import sign_request
from arcrun.authorization.credential_forms import AwsKeys
from arcrun.ports import HttpRequest
from workerd.authorization.test_access_tokens import push, store
from workerd.local_platform import LocalPlatform

pytestmark = pytest.mark.workerd

SECRET, PASSWORD = "s3cret-canary/+= 77", "p4ss-canary-wörd"
KEYS = AwsKeys("AKIDEXAMPLE", "aws-canary-key/+EXAMPLE", "session-canary-token==")


class Echo(ThreadingHTTPServer):
    """Says what it got; /away redirects to `elsewhere`, /signed says whether a signature is right, /list has pages."""

    elsewhere = ""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Echo
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        length = self.headers.get("content-length")
        body = self.rfile.read(int(length)) if length else b""
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.got.append({"path": self.path, **headers})
        path, _, query = self.path.partition("?")
        if path == "/away":
            return self._answer(302, {}, {"location": f"{self.server.elsewhere}/got"})
        if path.startswith("/signed"):
            is_right = headers["authorization"] == self._sign(headers, body)
            return self._answer(200 if is_right else 403, {"bytes": len(body)}, {})
        if path == "/list":
            number = int(query.rpartition("=")[2] or 1)
            link = f'<{self.server.url}/list?page={number + 1}>; rel="next"'
            return self._answer(200, [number * 2 - 1, number * 2], {"link": link} if number < 3 else {})
        if path == "/astray":
            return self._answer(200, [1], {"link": f'<{self.server.elsewhere}/got>; rel="next"'})
        return self._answer(200, {"path": self.path, "headers": headers}, {})

    def do_PUT(self) -> None:
        self.do_GET()

    def _sign(self, headers: dict[str, str], body: bytes) -> str:
        at = datetime.strptime(headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        assert abs(at.timestamp() - time.time()) < 300
        scope = headers["authorization"].partition("Credential=")[2].partition(",")[0].split("/")
        kept = {name: value for name, value in headers.items() if name in ("content-type", "range")}
        request = HttpRequest(self.command, f"http://{headers['host']}{self.path}", kept, body)
        digest = hashlib.sha256(body).hexdigest()
        signed = sign_request(request, KEYS, scope[2], scope[3], now_ms=at.timestamp() * 1000, body_hash=digest)
        return signed.headers["authorization"]

    def _answer(self, status: int, body: Any, headers: dict[str, str]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"content-type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def echoing() -> Iterator[Echo]:
    server = Echo()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def echo() -> Iterator[Echo]:
    with echoing() as server:
        yield server


@pytest.fixture
def elsewhere() -> Iterator[Echo]:
    with echoing() as server:
        yield server


def trigger(platform: LocalPlatform, path: str, **value: Any) -> Any:
    with platform.executor as client:
        return client.post(path, json=value).json()


def has_told(platform: LocalPlatform, answer: Any) -> bool:
    """Whether the answer, or the record, has a secret in a form that says it."""
    time.sleep(0.5)
    with platform.executor as client:
        told = json.dumps(answer) + client.get(f"/runs/{answer['run_id']}").text
    encoded = base64.b64encode(f"ada:{PASSWORD}".encode()).decode()
    return any(canary in told for canary in ("canary", encoded[8:24]))


@pytest.mark.parametrize(
    ("secret", "auth", "sent"),
    [
        ("b4arer-canary-token", {"type": "bearer"}, ("authorization", "Bearer b4arer-canary-token")),
        (
            *(f"ada:{PASSWORD}", {"type": "basic"}),
            ("authorization", "Basic " + base64.b64encode(f"ada:{PASSWORD}".encode()).decode()),
        ),
        (
            *(json.dumps({"username": "ada", "password": PASSWORD}), {"type": "basic"}),
            ("authorization", "Basic " + base64.b64encode(f"ada:{PASSWORD}".encode()).decode()),
        ),
        (SECRET, {"type": "header", "name": "X-Api-Key", "prefix": "Key "}, ("x-api-key", f"Key {SECRET}")),
        (SECRET, {"type": "query", "name": "api key"}, ("path", "/got?a=1&api%20key=s3cret-canary%2F%2B%3D%2077")),
    ],
    ids=["bearer", "basic", "basic of JSON", "header", "query"],
)
@pytest.mark.parametrize("durable", [False, True], ids=["quick", "durable"])
def test_what_is_sent(
    platform: LocalPlatform, echo: Echo, secret: str, auth: Any, sent: tuple[str, str], *, durable: bool
) -> None:
    store(platform, "sent", secret)
    time.sleep(5.1)  # what an isolate remembers of the secret before
    path = push(platform, "sent", f"{echo.url}/got?a=1", {**auth, "credential": "sent"}, durable=durable)
    answer = trigger(platform, f"{path}?wait_ms=20000")
    assert answer["success"], answer
    name, value = sent
    assert echo.got[0][name] == value
    assert not has_told(platform, answer)


@pytest.mark.parametrize("kind", ["header", "query", "bearer"])
def test_no_other_origin_gets_it(platform: LocalPlatform, echo: Echo, elsewhere: Echo, kind: str) -> None:
    echo.elsewhere = elsewhere.url
    store(platform, "away", "canary-of-away")
    auth = {"type": kind, "credential": "away", **({} if kind == "bearer" else {"name": "x-api-key"})}
    assert trigger(platform, push(platform, "away", f"{echo.url}/away", auth))["success"]
    assert "canary" in json.dumps(echo.got)
    assert len(elsewhere.got) == 1
    assert "canary" not in json.dumps(elsewhere.got)


@pytest.mark.parametrize(
    ("service", "path", "fields"),
    [
        ("execute-api", "/signed/a b/ü//c?z=1&y=a+b&x=%2F", {}),
        ("s3", "/signed/a//b/$1(2).txt?list-type=2&prefix=a/b", {}),
        ("s3", "/signed/put.json", {"method": "PUT", "body_json": {"a": [1, "ü"]}, "headers": {"X-Other": "1"}}),
    ],
    ids=["a path", "a bucket", "an upload"],
)
def test_requests_are_signed(platform: LocalPlatform, echo: Echo, service: str, path: str, fields: Any) -> None:
    store(platform, "aws", json.dumps(vars(KEYS)))
    auth = {"type": "aws_sigv4", "credential": "aws", "region": "eu-central-1", "service": service}
    workflow = {
        "name": "aws",
        "flow": ["input >> PIPE >> ask"],
        "config": {"ask": {"component": "http_request", "url": f"{echo.url}{path}", "auth": auth, **fields}},
    }
    with platform.executor as client:
        pushed = client.post("/webhooks", json={"workflow": workflow})
    assert pushed.status_code in (200, 201), pushed.text
    answer = trigger(platform, "/webhooks/named/aws/trigger")
    assert answer["success"], (answer, echo.got)
    assert not has_told(platform, answer)


def test_a_list_comes_page_by_page(platform: LocalPlatform, echo: Echo, elsewhere: Echo) -> None:
    echo.elsewhere = elsewhere.url
    store(platform, "pages", "canary-of-pages")
    auth = {"type": "bearer", "credential": "pages"}
    config = {"component": "http_request", "url": f"{echo.url}/list", "auth": auth, "paginate": {"by": "link"}}
    with platform.executor as client:
        for name, path in (("pages", "/list"), ("astray", "/astray")):
            ask = {**config, "url": f"{echo.url}{path}"}
            workflow = {"name": name, "flow": ["input >> PIPE >> ask"], "config": {"ask": ask}}
            assert client.post("/webhooks", json={"workflow": workflow}).status_code in (200, 201)
    data = trigger(platform, "/webhooks/named/pages/trigger")["data"]
    assert (data["items"], data["pages"], data["truncated"]) == ([1, 2, 3, 4, 5, 6], 3, False)
    assert {got["authorization"] for got in echo.got} == {"Bearer canary-of-pages"}
    error = trigger(platform, "/webhooks/named/astray/trigger")["error"]
    assert (error["code"], elsewhere.got) == ("PAGE_ELSEWHERE", [])
