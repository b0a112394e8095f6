"""Proves on the real executor what a webhook answers: bodies of any bytes, statuses without one, redirects, several
cookies, failures, and CORS. tests/executor/webhooks/test_responses.py has the table.
"""

import base64
from typing import Any

import httpx
import pytest

from arcrun.limits import MAX_BODY_BYTES, MAX_INPUT_BYTES
from workerd.local_platform import LocalPlatform

BINARY = base64.b64encode(bytes(range(256)) * 4).decode()
PAGE = "https://page.example"


def call(platform: LocalPlatform, response: Any, method: str = "POST", **request: Any) -> httpx.Response:
    source = {
        "name": "responds",
        "triggers": {"webhook": {"methods": ["GET", "POST"], "cors": {"origins": [PAGE]}}},
        "response": response,
        "flow": ["input >> PIPE >> made"],
        "config": {"made": {"component": "set", "values": {"text": "{{input.text?}}"}}},
    }
    with platform.executor as owner:
        token = owner.post("/webhooks", json={"workflow": source}).json()["data"]["token"]
    url = f"{platform.urls['executor']}/webhooks/{token}/trigger"
    return httpx.request(method, url, timeout=60, **request)


@pytest.mark.parametrize(
    ("response", "status", "content_type", "body"),
    [
        ({"html": "<p>ü {{input.text}}"}, 200, "text/html; charset=utf-8", "<p>ü t".encode()),
        ({"json": {"a": "{{made.data.text}}"}, "status": 201}, 201, "application/json", b'{"a":"t"}'),
        ({"body": "<r/>", "headers": {"content-type": "text/xml"}}, 200, "text/xml", b"<r/>"),
        ({"file": {"base64": BINARY, "content_type": "image/png"}}, 200, "image/png", base64.b64decode(BINARY)),
        ({"status": 204}, 204, None, b""),
        ({"status": 205}, 205, None, b""),
        ({"status": 304}, 304, None, b""),
        ({"status": 599, "body": ""}, 599, "text/plain; charset=utf-8", b""),
        ({"redirect": "https://a.b/ü", "status": 307}, 307, None, b""),
        ({"body": "{{made.data.x}}", "on_failure": {"body": "{{error.code}}", "status": 400}}, 400,
         "text/plain; charset=utf-8", b"RESPONSE_FAILED"),
    ],
    ids=str,
)  # fmt: skip
def test_an_answer(platform: LocalPlatform, response: Any, status: int, content_type: str | None, body: bytes) -> None:
    answered = call(platform, response, json={"text": "t"})
    got = answered.status_code, answered.headers.get("content-type"), answered.content
    assert got == (status, content_type, body)
    assert answered.headers["content-security-policy"] == "sandbox allow-forms allow-scripts allow-popups"
    assert answered.headers["x-content-type-options"] == "nosniff"
    assert answered.headers["referrer-policy"] == "no-referrer"
    assert answered.headers.get("location") == ("https://a.b/%C3%BC" if status == 307 else None)


def test_headers(platform: LocalPlatform) -> None:
    headers = {"set-cookie": ["a=1", "b={{input.text}}; Secure"], "x-text": "{{input.text}}", "vary": "Accept"}
    policy = {"content-security-policy": "default-src 'none'"}
    answered = call(platform, {"headers": {**headers, **policy}}, json={"text": "t"}, headers={"origin": PAGE})
    path = answered.url.path
    assert answered.headers.get_list("set-cookie") == [f"a=1; Path={path}", f"b=t; Secure; Path={path}"]
    assert (answered.headers["x-text"], answered.headers["vary"]) == ("t", "Accept, Origin")
    policies = answered.headers["content-security-policy"].split(", ")
    assert policies == ["default-src 'none'", "sandbox allow-forms allow-scripts allow-popups"]
    assert answered.headers["access-control-allow-origin"] == PAGE


@pytest.mark.parametrize("origin", [PAGE, "null", "https://other.example"])
def test_a_preflight(platform: LocalPlatform, origin: str) -> None:
    headers = {"origin": origin, "access-control-request-method": "POST"}
    answered = call(platform, {}, "OPTIONS", headers=headers)
    assert (answered.status_code, answered.content) == (204, b"")
    assert answered.headers.get("access-control-allow-origin") == (PAGE if origin == PAGE else None)


@pytest.mark.parametrize(("size", "status"), [(MAX_INPUT_BYTES, 200), (MAX_INPUT_BYTES + 2, 500)])
def test_the_largest_body(platform: LocalPlatform, size: int, status: int) -> None:
    answered = call(platform, {"body": "{{input.text}}{{input.text}}"}, json={"text": "x" * (size // 2)})
    assert answered.status_code == status
    assert status != 200 or len(answered.content) == size


def test_head_and_get(platform: LocalPlatform) -> None:
    assert call(platform, {"body": "got"}, "GET").text == "got"
    head = call(platform, {"body": "got"}, "HEAD")
    assert (head.status_code, head.content) == (200, b"")


@pytest.mark.parametrize("is_announced", [True, False], ids=["announced", "in chunks"])
def test_a_body_that_is_too_large_may_be_read_by_the_page(platform: LocalPlatform, is_announced: bool) -> None:
    body = b" " * (MAX_BODY_BYTES + 1)
    content = body if is_announced else iter([body])
    answered = call(platform, {}, content=content, headers={"origin": PAGE})
    assert (answered.status_code, answered.json()["error"]["code"]) == (413, "PAYLOAD_TOO_LARGE")
    assert answered.headers["access-control-allow-origin"] == PAGE
    assert answered.headers["content-security-policy"] == "sandbox allow-forms allow-scripts allow-popups"
