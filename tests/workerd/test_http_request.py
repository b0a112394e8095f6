"""Proves on real workerd how http_request handles platform behaviour that fakes cannot show, byte by byte.

Failed connections, charsets, cookies, redirects without a URL, answers at the size limit.
"""

import base64
import gzip
import json
import socket
import threading
from collections.abc import Iterator, Mapping
from http.client import parse_headers
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any

import pytest

from fixtures.modules import asking, build_contract, build_module, with_network
from workerd.local_platform import LocalPlatform

pytestmark = pytest.mark.workerd

MIB = 1 << 20


def build_answer(body: bytes = b"", *headers: bytes, status: bytes = b"200 OK", length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    lines = [b"HTTP/1.1 " + status, *headers, b"Content-Length: %d" % size, b"Connection: close"]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def build_text(charset: str, body: bytes) -> bytes:
    return build_answer(body, f"Content-Type: text/plain; charset={charset}".encode())


def redirect(location: bytes) -> bytes:
    return build_answer(b"", b"Location: " + location, status=b"302 Found")


ANSWERS: Mapping[str, bytes] = {
    "/nothing": b"",
    "/no-http": b"SSH-2.0-OpenSSH\r\n",
    "/half": build_answer(b"half", length=100),
    "/half-chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe",
    "/no-gzip": build_answer(b"half", b"Content-Encoding: gzip"),
    "/gzip": build_answer(gzip.compress(b"packed"), b"Content-Encoding: gzip"),
    "/cookies": build_answer(b"", b"Set-Cookie: a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT", b"Set-Cookie: b=2"),
    "/cookie": build_answer(b"", b"Set-Cookie: a=1"),
    "/twice": build_answer(b"", b"X-A: 1", b"X-A: 2"),
    "/busy": build_answer(b"", b"Retry-After: 7", status=b"503 Service Unavailable"),
    "/json-mark": build_answer(b"\xef\xbb\xbf[1e400]", b"Content-Type: application/json"),
    "/to-script": redirect(b"javascript:alert(1)"),
    "/to-bracket": redirect(b"http://["),
    "/to-spaces": redirect(b"http://a b/"),
    "/to-latin-1": redirect(b"/\xe9"),
    "/to-utf-8": redirect("/é".encode()),
    "/to-nothing": redirect(b""),
    "/%C3%A9": build_answer(b"found"),
    "/full": build_answer(b"x" * 4 * MIB),
    "/over": build_answer(b"x" * (4 * MIB + 1)),
    "/nearly-full": build_answer(b"x" * (4 * MIB - 300)),
    "/quotes": build_answer(b'"' * 4 * MIB),
    "/controls": build_answer(bytes(2 * MIB)),
    "/bytes": build_answer(b"\xff" * (3 * MIB - 300)),
}


class Handler(StreamRequestHandler):
    """Sends the bytes of ANSWERS and closes; /echo answers the request's line, headers and body."""

    def handle(self) -> None:
        line = self.rfile.readline()
        if not line.endswith(b"HTTP/1.1\r\n"):  # a TLS handshake
            return
        path = line.split(b" ")[1].decode()
        headers = parse_headers(self.rfile)
        body = self.rfile.read(int(headers.get("content-length", "0")))
        if path.partition("?")[0] == "/echo":
            seen = {
                "line": line.decode().removesuffix(" HTTP/1.1\r\n"),
                "headers": {name.lower(): value for name, value in headers.items()},
                "body": body.decode("latin-1"),
            }
            self.wfile.write(build_answer(json.dumps(seen).encode(), b"Content-Type: application/json"))
        elif path.startswith("/charset/"):
            _, _, charset, encoded = path.split("/")
            self.wfile.write(build_text(charset, bytes.fromhex(encoded)))
        else:
            self.wfile.write(ANSWERS[path])


class Server(ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """Ignore errors: a client that has read enough may close the connection."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with Server(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield f"127.0.0.1:{running.server_address[1]}"
        running.shutdown()
        thread.join()


PAYLOAD = {
    "method": "PUT",
    "headers": {"Authorization": "x"},
    "query": {"k": "other"},
    "body": "evil",
    "follow_redirects": False,
}


@pytest.mark.parametrize(
    "flow",
    [
        pytest.param(["input >> PIPE >> g"], id="behind the trigger"),
        pytest.param(["input >> PIPE >> first", "first >> PIPE >> g"], id="behind another request"),
        pytest.param(["input >> FOREACH item IN input.items >> g"], id="in a loop"),
    ],
)
def test_a_caller_changes_nothing_of_a_request(platform: LocalPlatform, server: str, flow: list[str]) -> None:
    """Nor does the answer of an earlier request, whose headers and body have the same names."""
    config: dict[str, Any] = {
        "g": {"component": "http_request", "url": f"http://{server}/echo?k=fixed"},
        "first": {"component": "http_request", "url": f"http://{server}/cookies", "method": "POST", "body": "first"},
    }
    used = {name: entry for name, entry in config.items() if any(f">> {name}" in line for line in flow)}
    with platform.executor as client:
        workflow = {"name": "fixed_request", "flow": flow, "config": used}
        hook = client.post("/webhooks", json={"workflow": workflow}).raise_for_status().json()["data"]
        answer = client.post(f"/webhooks/{hook['token']}/trigger", json={**PAYLOAD, "items": [PAYLOAD]}).json()
    sent = (answer["data"][0] if "FOREACH" in flow[0] else answer["data"])["body"]
    assert (sent["line"], sent["body"]) == ("GET /echo?k=fixed", "")
    assert not {"authorization", "cookie", "set-cookie", "content-type"} & sent["headers"].keys()


@pytest.fixture(scope="module")
def closed_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def call(platform: LocalPlatform, url: str, **fields: Any) -> Any:
    answer = platform.execute("http_request", {"url": url, **fields})
    assert "reference =" not in answer.text
    return answer.json()


def test_a_refused_connection(platform: LocalPlatform, closed_port: int) -> None:
    error = call(platform, f"http://ada:secret@127.0.0.1:{closed_port}/")["error"]
    assert (error["code"], error["retriable"]) == ("HTTP_CONNECTION_FAILED", True)
    message = f"127.0.0.1:{closed_port} refused the connection, or ended it without an HTTP answer."
    assert error["message"] == message


@pytest.mark.parametrize(
    ("url", "code", "retriable"),
    [
        pytest.param("http://nowhere.invalid/", "HTTP_HOST_NOT_FOUND", True, id="unknown host"),
        pytest.param("https://nowhere.invalid/", "HTTP_HOST_UNREACHABLE", True, id="unknown host, https"),
        pytest.param("http://256.256.256.256/", "INVALID_URL", False, id="no address"),
        pytest.param("http://exa mple.com/", "INVALID_URL", False, id="a space in the host"),
    ],
)
def test_a_host_that_is_not_there(platform: LocalPlatform, url: str, code: str, retriable: bool) -> None:
    error = call(platform, url)["error"]
    assert (error["code"], error["retriable"]) == (code, retriable)


@pytest.mark.parametrize(
    ("path", "code", "retriable"),
    [
        pytest.param("/nothing", "HTTP_CONNECTION_FAILED", True, id="closed before the answer"),
        pytest.param("/no-http", "HTTP_CONNECTION_FAILED", True, id="another protocol"),
        pytest.param("/half", "HTTP_CONNECTION_LOST", True, id="closed in the middle"),
        pytest.param("/half-chunk", "HTTP_CONNECTION_LOST", True, id="closed in the middle of a chunk"),
        pytest.param("/no-gzip", "INVALID_RESPONSE_BODY", False, id="not compressed as it says"),
        pytest.param("/to-script", "INVALID_REDIRECT", False, id="redirect to a script"),
        pytest.param("/to-bracket", "INVALID_REDIRECT", False, id="redirect to a bracket"),
        pytest.param("/to-spaces", "INVALID_REDIRECT", False, id="redirect to a host with a space"),
        pytest.param("/to-latin-1", "INVALID_REDIRECT", False, id="redirect in Latin-1"),
        pytest.param("/to-nothing", "HTTP_STATUS", False, id="redirect to nothing"),
        pytest.param("/busy", "HTTP_STATUS", True, id="busy"),
        pytest.param("/over", "RESPONSE_TOO_LARGE", False, id="a body beyond 4 MiB"),
        pytest.param("/full", "RESPONSE_TOO_LARGE", False, id="a body of 4 MiB"),
        pytest.param("/quotes", "RESPONSE_TOO_LARGE", False, id="4 MiB of quotes"),
        pytest.param("/controls", "RESPONSE_TOO_LARGE", False, id="2 MiB of control characters"),
    ],
)
def test_an_answer_that_fails(platform: LocalPlatform, server: str, path: str, code: str, retriable: bool) -> None:
    error = call(platform, f"http://{server}{path}")["error"]
    assert (error["code"], error["retriable"]) == (code, retriable)


def test_how_long_a_server_asks_to_wait(platform: LocalPlatform, server: str) -> None:
    assert call(platform, f"http://{server}/busy")["error"]["retry_after_s"] == 7


def test_tls_with_a_server_that_does_not_speak_it(platform: LocalPlatform, server: str) -> None:
    error = call(platform, f"https://{server}/echo")["error"]
    assert (error["code"], error["retriable"]) == ("HTTP_TLS_FAILED", False)


@pytest.mark.parametrize(
    ("path", "fields", "size"),
    [
        pytest.param("/nearly-full", {}, 4 * MIB - 300, id="text"),
        pytest.param("/bytes", {"response": "base64"}, 4 * MIB - 400, id="base64"),
    ],
)
def test_a_body_just_under_the_limit(
    platform: LocalPlatform, server: str, path: str, fields: dict[str, Any], size: int
) -> None:
    assert len(call(platform, f"http://{server}{path}", **fields)["data"]["body"]) == size


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        pytest.param(
            "/cookies", {"set-cookie": ["a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT", "b=2"]}, id="two cookies"
        ),
        pytest.param("/cookie", {"set-cookie": "a=1"}, id="one cookie"),
        pytest.param("/twice", {"x-a": "1, 2"}, id="another header twice"),
    ],
)
def test_headers(platform: LocalPlatform, server: str, path: str, headers: dict[str, Any]) -> None:
    found = call(platform, f"http://{server}{path}")["data"]["headers"]
    assert {name: found[name] for name in headers} == headers


@pytest.mark.parametrize(
    ("charset", "text", "codec"),
    [
        ("windows-1252", "é €", "cp1252"),
        ("ISO-8859-1", "é €", "cp1252"),
        ("iso-8859-2", "ž", "iso-8859-2"),
        ("windows-1251", "да", "cp1251"),
        ("koi8-r", "да", "koi8-r"),
        ("Shift_JIS", "日本 ①", "cp932"),
        ("euc-jp", "日本", "euc-jp"),
        ("iso-2022-jp", "日本", "iso-2022-jp"),
        ("gbk", "中文", "gbk"),
        ("gb2312", "中文", "gbk"),
        ("gb18030", "中文𝄞", "gb18030"),
        ("big5", "中文", "big5"),
        ("euc-kr", "한국", "euc-kr"),
        ("utf-16le", "aé", "utf-16-le"),
        ("utf-16be", "aé", "utf-16-be"),
        ("utf-8", "aé", "utf-8"),
        ("klingon", "aé", "utf-8"),
        ("windows-1252", "aé", "utf-8-sig"),
        ("utf-8", "aé", "utf-16"),
    ],
)
def test_a_text_is_read_by_its_charset(
    platform: LocalPlatform, server: str, charset: str, text: str, codec: str
) -> None:
    url = f"http://{server}/charset/{charset}/{text.encode(codec).hex()}"
    assert call(platform, url)["data"]["body"] == text
    raw = call(platform, url, response="base64")["data"]["body"]
    assert base64.b64decode(raw) == text.encode(codec)


@pytest.mark.parametrize("charset", ["utf-8", "shift_jis", "klingon"])
def test_bytes_that_are_not_text_in_their_charset(platform: LocalPlatform, server: str, charset: str) -> None:
    error = call(platform, f"http://{server}/charset/{charset}/93")["error"]
    assert error["code"] == "INVALID_RESPONSE_BODY"


@pytest.mark.parametrize(("path", "expected"), [("/json-mark", ["1e400"]), ("/gzip", "packed"), ("/to-utf-8", "found")])
def test_bodies(platform: LocalPlatform, server: str, path: str, expected: Any) -> None:
    assert call(platform, f"http://{server}{path}")["data"]["body"] == expected


def test_what_the_server_gets(platform: LocalPlatform, server: str) -> None:
    seen = call(platform, f"http://ad%C3%A9:se%3Acret@{server}/echo", form={"a": "é b"})["data"]["body"]
    headers = seen["headers"]
    assert headers["authorization"] == "Basic " + base64.b64encode("adé:se:cret".encode()).decode()
    assert headers["content-type"] == "application/x-www-form-urlencoded"
    assert headers["user-agent"] == "arcrun"
    assert seen["body"] == "a=%C3%A9+b"


def test_a_file_arrives(platform: LocalPlatform, server: str) -> None:
    part = {"filename": "a.bin", "base64": "AP8="}
    seen = call(platform, f"http://{server}/echo", multipart={"file": part})["data"]["body"]
    boundary = seen["headers"]["content-type"].partition("boundary=")[2]
    assert seen["body"] == (
        f"--{boundary}\r\n"
        'Content-Disposition: form-data; name="file"; filename="a.bin"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
        f"\x00\xff\r\n--{boundary}--\r\n"
    )


def test_a_header_is_sent_in_utf_8(platform: LocalPlatform, server: str) -> None:
    seen = call(platform, f"http://{server}/echo", headers={"x-a": "漢"})["data"]["body"]
    assert seen["headers"]["x-a"].encode("latin-1").decode() == "漢"


def test_a_request_that_the_platform_cannot_send(platform: LocalPlatform, server: str) -> None:
    request = json.dumps({"url": f"http://{server}/echo", "method": "GET", "body": "x"})
    contract = with_network(build_contract("get_with_a_body"), "127.0.0.1")
    platform.put_component(build_module(asking("http_request", request)), contract)
    reply = platform.execute("get_with_a_body", {}).json()["data"]
    assert (reply["error"]["code"], reply["error"]["retriable"]) == ("INVALID_REQUEST", False)
