"""Serves an ASGI app in a Worker: one request in, one whole response out.

The SDK's own adapter runs the ASGI lifespan for each request, starts two tasks and a queue, and reads the body before
anyone has looked at its size. docs/adr/0006 has the figures. This one does what arcrun needs, in one task.
"""

import asyncio
import json
import logging
from typing import Any
from urllib.parse import unquote

import js
from pyodide.ffi import jsnull, to_js

from arcrun_http.bodies import MAX_BODY_BYTES, build_too_large_error
from arcrun_http.errors import render_error

logger = logging.getLogger("arcrun")


async def serve(app: Any, request: Any, max_body_bytes: int = MAX_BODY_BYTES) -> Any:
    """Answer `request`, JavaScript's or the SDK's, with `app`. Returns a JavaScript Response."""
    js_request = getattr(request, "js_object", request)
    headers: list[list[str]] = json.loads(js.JSON.stringify(getattr(js.Array, "from")(js_request.headers)))
    body = await _read_body(js_request, dict(headers).get("content-length"), max_body_bytes)
    if body is None:
        refusal = render_error(build_too_large_error(max_body_bytes))
        return _build_response(refusal.status_code, refusal.raw_headers, bytes(refusal.body))
    exchange = _Exchange(body)
    try:
        await app(_build_scope(js_request, headers), exchange.receive, exchange.send)
    except Exception:  # the app has answered it already, with 500
        logger.exception("The app raised")
    return _build_response(exchange.status, exchange.headers, b"".join(exchange.parts))


class _Exchange:
    """The two ASGI channels of one request."""

    def __init__(self, body: bytes) -> None:
        self._incoming = [{"type": "http.request", "body": body, "more_body": False}]
        self.status = 500
        self.headers: list[tuple[bytes, bytes]] = []
        self.parts: list[bytes] = []

    async def receive(self) -> dict[str, Any]:
        if self._incoming:
            return self._incoming.pop()
        await asyncio.Future()  # a disconnect is never reported: the platform cancels the whole request
        raise AssertionError

    async def send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], message["headers"]
        else:
            self.parts.append(message.get("body", b""))


def _build_scope(js_request: Any, headers: list[list[str]]) -> dict[str, Any]:
    scheme, _, rest = js_request.url.partition("://")
    authority, slash, target = rest.partition("/")
    raw_path, _, query = target.partition("?")
    host, _, port = authority.partition(":")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": js_request.method,
        "scheme": scheme,
        "server": (host, int(port) if port else {"http": 80, "https": 443}[scheme]),
        "path": unquote(slash + raw_path) or "/",
        "raw_path": (slash + raw_path).encode() or b"/",
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers],
    }


async def _read_body(js_request: Any, content_length: str | None, limit_bytes: int) -> bytes | None:
    """The body, None if it is longer than the limit. One that announces its length is refused unread."""
    if js_request.body is jsnull:
        return b""
    if content_length is not None:
        if int(content_length) > limit_bytes:
            return None
        whole: bytes = (await js_request.arrayBuffer()).to_bytes()
        return whole
    reader = js_request.body.getReader()
    parts: list[bytes] = []
    size = 0
    while not (chunk := await reader.read()).done:
        parts.append(chunk.value.to_bytes())
        size += len(parts[-1])
        if size > limit_bytes:
            await reader.cancel()
            return None
    return b"".join(parts)


def _build_response(status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> Any:
    pairs = [[name.decode("latin-1"), value.decode("latin-1")] for name, value in headers]
    return js.Response.new(to_js(body) if body else jsnull, status=status, headers=to_js(pairs))
