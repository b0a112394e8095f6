"""Proves which bodies are read, their limits, and that anything but a JSON object is refused without a fault."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from arcrun.limits import MAX_BODY_BYTES
from arcrun_http.requests import read_json, read_object
from arcrun_http.responses import EXCEPTION_HANDLERS
from fakes.wire import read_error
from fixtures.json_limits import BEYOND_JSON

pytestmark = pytest.mark.anyio


async def send(path: str, content: bytes | AsyncIterator[bytes]) -> httpx.Response:
    async def echo_json(request: Request) -> Response:
        return _show(await read_json(request))

    async def echo_object(request: Request) -> Response:
        return _show(await read_object(request, allowed=("a", "b")))

    routes = [Route("/json", echo_json, methods=["POST"]), Route("/object", echo_object, methods=["POST"])]
    app = Starlette(routes=routes, exception_handlers=EXCEPTION_HANDLERS)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="https://service.test") as client:
        return await client.post(path, content=content)


def _show(value: Any) -> Response:
    return Response(json.dumps({"read": value}), media_type="application/json")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(b"", {}, id="nothing"),
        pytest.param(b" \r\n\t", {}, id="white space"),
        pytest.param(b"{}", {}, id="empty object"),
        pytest.param(b'{"a": [1, 2.5, null, true]}', {"a": [1, 2.5, None, True]}, id="object"),
        pytest.param(b"[1]", [1], id="list"),
        pytest.param(b'"text"', "text", id="text"),
        pytest.param(b"null", None, id="null"),
        pytest.param(b"0", 0, id="number"),
        pytest.param('{"名": "é"}'.encode(), {"名": "é"}, id="UTF-8"),
        pytest.param(b'"\\ud83d\\ude00"', "😀", id="surrogate pair"),
        pytest.param(b'"\\ud800"', "\ud800", id="half a surrogate pair"),
    ],
)
async def test_json_is_read(content: bytes, expected: Any) -> None:
    response = await send("/json", content)
    assert (response.status_code, response.json()) == (200, {"read": expected})


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"name: w", id="YAML"),
        pytest.param(b"a=1&b=2", id="form"),
        pytest.param(b"{", id="cut short"),
        pytest.param(b"{'a': 1}", id="single quotes"),
        pytest.param(b'{"a": 1} x', id="text behind it"),
        pytest.param(b'"\xff"', id="not UTF-8"),
        pytest.param('{"a": 1}'.encode("utf-16"), id="UTF-16"),
        pytest.param(b"\x00", id="NUL"),
        pytest.param(b'{"a": NaN}', id="NaN, which JSON does not have"),
        pytest.param(b'{"a": -Infinity}', id="Infinity, which JSON does not have"),
    ],
)
async def test_what_is_not_json_is_refused(content: bytes) -> None:
    response = await send("/json", content)
    error = read_error(response)
    assert (response.status_code, error["code"]) == (400, "INVALID_JSON")
    assert error["message"].startswith("The body is not JSON: ")
    assert error["next_actions"] == ["Send a JSON body with `Content-Type: application/json`."]


@pytest.mark.parametrize("depth", [100, 300, 600, 800, 900, 950, 970, 990, 2_000])
async def test_a_body_of_any_depth_is_read_or_refused(depth: int) -> None:
    response = await send("/json", b"[" * depth + b"]" * depth)
    assert response.status_code in (200, 400)


@pytest.mark.parametrize(("text", "problem"), BEYOND_JSON)
async def test_a_body_that_is_too_much_json_says_so(text: str, problem: str) -> None:
    error = read_error(await send("/json", text.encode()))
    assert (error["code"], error["message"]) == ("INVALID_JSON", f"The body cannot be read: {problem}.")
    assert error["next_actions"] == ["Send less in one body, or numbers as strings."]


async def test_where_json_breaks_is_told() -> None:
    error = read_error(await send("/json", b'{"a": }'))
    assert error["message"] == "The body is not JSON: Expecting value: line 1 column 7 (char 6)."


@pytest.mark.parametrize(
    ("size", "status"),
    [
        pytest.param(MAX_BODY_BYTES, 200, id="at the limit"),
        pytest.param(MAX_BODY_BYTES + 1, 413, id="above the limit"),
        pytest.param(5_000_000, 413, id="5 MB"),
    ],
)
@pytest.mark.parametrize("streamed", [False, True])
async def test_a_body_has_a_size_limit(size: int, status: int, streamed: bool) -> None:
    content = b'"' + b"x" * (size - 2) + b'"'
    response = await send("/json", in_chunks(content) if streamed else content)
    assert response.status_code == status
    if status == 413:
        assert read_error(response) == {
            "code": "PAYLOAD_TOO_LARGE",
            "message": "The body is larger than 4 MiB.",
            "retriable": False,
            "next_actions": ["Send less, or send a URL from which a component fetches the rest."],
            "details": {"limit_bytes": 4 * 1024 * 1024},
        }


async def in_chunks(content: bytes, size: int = 512 * 1024) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


async def test_a_stream_is_left_at_the_limit() -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 100 * MAX_BODY_BYTES:
            sent += 512 * 1024
            yield b" " * (512 * 1024)

    assert (await send("/json", endless())).status_code == 413
    assert sent == MAX_BODY_BYTES + 512 * 1024


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(b"", {}, id="nothing"),
        pytest.param(b'{"a": 1}', {"a": 1}, id="one key"),
        pytest.param(b'{"b": null, "a": {}}', {"b": None, "a": {}}, id="both"),
    ],
)
async def test_an_object_with_allowed_keys_is_read(content: bytes, expected: Any) -> None:
    assert (await send("/object", content)).json() == {"read": expected}


@pytest.mark.parametrize("content", [b"[]", b'"a"', b"1", b"null", b"true"])
async def test_what_is_no_object_is_refused(content: bytes) -> None:
    response = await send("/object", content)
    assert response.status_code == 400
    assert read_error(response) == {
        "code": "INVALID_REQUEST",
        "message": "The body must be a JSON object.",
        "retriable": False,
        "next_actions": [],
        "details": {"allowed_keys": ["a", "b"]},
    }


@pytest.mark.parametrize(
    ("content", "unknown"),
    [
        pytest.param(b'{"c": 1}', ["c"], id="one"),
        pytest.param(b'{"A": 1, "a": 1}', ["A"], id="case counts"),
        pytest.param(b'{"a": 1, "c": 1, "": 2}', ["c", ""], id="two"),
    ],
)
async def test_unknown_keys_are_refused_with_the_allowed_ones(content: bytes, unknown: list[str]) -> None:
    response = await send("/object", content)
    assert response.status_code == 400
    assert read_error(response) == {
        "code": "UNKNOWN_KEY",
        "message": f"Unknown key `{unknown[0]}` in the body.",
        "retriable": False,
        "next_actions": ["Allowed: a, b."],
        "details": {"unknown_keys": unknown},
    }
