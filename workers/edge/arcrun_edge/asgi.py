"""Serves an ASGI app in a Worker: one request in, one complete response out; or, for a request that accepts only lines
of JSON or events, a stream of them.

The SDK's adapter runs the ASGI lifespan for each request, starts two tasks and a queue, and reads the body before its
size is checked (figures: docs/adr/0006). This adapter does what arcrun needs in one task.
"""

import asyncio
import json
import logging
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any, NoReturn

import js
from pyodide.ffi import JsException, jsnull, to_js

from arcrun.errors import ArcrunError
from arcrun.limits import MAX_BODY_BYTES, SMALL_BODY_BYTES
from arcrun_edge.event_loop import shorten_turns
from arcrun_edge.javascript import to_object
from arcrun_edge.system import SystemClock
from arcrun_http.body_quota import BodyHold, BodyQuota
from arcrun_http.requests import BODY, ROOM, build_cut_body_error, build_too_large_error, parse_whole
from arcrun_http.responses import STREAMED, render_error
from arcrun_http.targets import parse_target

logger = logging.getLogger("arcrun")


LARGE_BYTES = 256 * 1024
SHORT_BYTES = 16 * 1024
_clock = SystemClock()
_quota = BodyQuota(_clock)


async def serve(
    app: Any,
    request: Any,
    max_body_bytes: int = MAX_BODY_BYTES,
    *,
    refuses_itself: Callable[[str], bool] = lambda _: False,
) -> Any:
    """Answer `request` (JavaScript's or the SDK's) with `app`. Returns a JavaScript Response.

    `refuses_itself` is whether the app answers a request to a path whose body cannot be read; any other is refused
    before the app has it.
    """
    shorten_turns()
    hold = BodyHold(_quota)
    try:
        return await _serve(app, getattr(request, "js_object", request), max_body_bytes, hold, refuses_itself)
    finally:
        if not hold.is_lasting:
            hold.give_back()


async def _serve(
    app: Any, js_request: Any, max_body_bytes: int, hold: BodyHold, refuses_itself: Callable[[str], bool]
) -> Any:
    array_from, stringify = _functions()
    headers: list[list[str]] = json.loads(stringify(array_from(js_request.headers)))
    named = dict(headers)
    try:
        scope = _build_scope(js_request, headers, named.get("host"))
        is_compressed = "content-encoding" in named
        length = named.get("content-length")
    except ArcrunError as error:
        return _refuse(error)
    try:
        body = await _read_body(js_request, length, max_body_bytes, hold, is_compressed=is_compressed)
    except ArcrunError as error:
        return await _refuse_by(app, scope, error) if refuses_itself(scope["path"]) else _refuse(error)
    scope[BODY] = body
    if is_compressed:
        scope[ROOM] = hold
    if named.get("accept") in STREAMED:
        return await _serve_parts(app, scope, body, hold)
    exchange = _Exchange(body)
    await _run(app, scope, exchange)
    return _build_response(exchange.status, exchange.headers, b"".join(exchange.parts))


async def _run(app: Any, scope: Any, exchange: "_Exchange") -> None:
    try:
        await app(scope, exchange.receive, exchange.send)
    except Exception:  # the app has already answered with 500
        logger.exception("The app raised")


def _refuse(error: ArcrunError) -> Any:
    refusal = render_error(error)
    return _build_response(refusal.status_code, refusal.raw_headers, bytes(refusal.body))


async def _refuse_by(app: Any, scope: Any, error: ArcrunError) -> Any:
    """Let the app answer a request whose body could not be read: it gets `error` when it reads it."""
    exchange = _RefusedExchange(error)
    await _run(app, scope, exchange)
    return _build_response(exchange.status, exchange.headers, b"".join(exchange.parts))


async def _serve_parts(app: Any, scope: Any, body: bytes, hold: BodyHold) -> Any:
    """Return the response at the first part, and send the rest as it comes; a complete one as usual."""
    exchange = _PartsExchange(body)
    hold.is_lasting = True

    async def run() -> None:
        try:
            await _run(app, scope, exchange)
        finally:
            hold.give_back()
            exchange.end()

    task = asyncio.ensure_future(run())
    await exchange.begun.wait()
    if exchange.stream is None:
        await task
        return _build_response(exchange.status, exchange.headers, b"".join(exchange.parts))
    _open_tasks.add(task)
    task.add_done_callback(_open_tasks.discard)
    return _new_response()(exchange.stream.readable, _build_init(exchange.status, *exchange.headers))


_open_tasks: set[asyncio.Task[None]] = set()  # the event loop itself holds tasks weakly


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


class _RefusedExchange(_Exchange):
    """The exchange of a request whose body raises `error`."""

    def __init__(self, error: ArcrunError) -> None:
        super().__init__(b"")
        self._error = error

    async def receive(self) -> NoReturn:
        raise self._error


class _PartsExchange(_Exchange):
    """Parts go to `stream`, a TransformStream, once the first has come that is not the last. `begun` is set then, or at
    the end. A client that has gone does not stop the app.
    """

    def __init__(self, body: bytes) -> None:
        super().__init__(body)
        self.begun = asyncio.Event()
        self.stream: Any = None
        self._writer: Any = None

    async def send(self, message: dict[str, Any]) -> None:
        if self.stream is None and message.get("more_body"):
            self.stream = js.TransformStream.new()
            self._writer = self.stream.writable.getWriter()
        if self.stream is None:
            await super().send(message)
            return
        self.begun.set()
        if message.get("body"):
            self._writer.write(to_js(message["body"])).catch(_ignore())

    def end(self) -> None:
        if self._writer is not None:
            self._writer.close().catch(_ignore())
        self.begun.set()


@cache
def _ignore() -> Any:
    """A JavaScript function that does nothing. It handles the failures of writing to a client that has gone."""
    return js.Function.prototype


@cache
def _functions() -> tuple[Any, Any]:
    """Array.from and JSON.stringify, cached because a lookup takes longer than a call. They cannot be looked up at a
    module's top level: the deploy's memory snapshot cannot hold JavaScript objects.
    """
    return getattr(js.Array, "from"), js.JSON.stringify


def _build_scope(js_request: Any, headers: list[list[str]], host: str | None) -> dict[str, Any]:
    """The ASGI scope of a request. Raises RequestError INVALID_HOST."""
    target = parse_target(js_request.url, host)
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": js_request.method,
        "scheme": target.scheme,
        "server": (target.host, target.port),
        "path": target.path,
        "raw_path": target.raw_path.encode("utf-8", "replace"),
        "root_path": "",
        "query_string": target.query.encode("utf-8", "replace"),
        "headers": [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers],
    }


async def _read_body(
    js_request: Any, content_length: str | None, limit_bytes: int, hold: BodyHold, *, is_compressed: bool
) -> bytes:
    """The body as bytes. A body that announces too large a length is refused unread. One that is compressed, and no
    longer small, takes a hold of `limit_bytes`, because it may become as large.

    Raises RequestError PAYLOAD_TOO_LARGE, BODY_INCOMPLETE; RateLimitedError.
    """
    if js_request.body is jsnull:
        return b""
    announced = None if content_length is None else parse_whole(content_length)
    if announced is not None and announced > limit_bytes:
        raise build_too_large_error(limit_bytes)
    try:
        if announced is None:
            return await _read_stream(js_request.body.getReader(), limit_bytes, hold)
        await hold.take(limit_bytes if is_compressed and announced > SMALL_BODY_BYTES else announced)
        buffer = await js_request.arrayBuffer()
        whole: bytes = buffer.to_bytes()
    except JsException:  # the connection ended, or the body broke its own framing
        raise build_cut_body_error() from None
    if len(whole) > limit_bytes:
        raise build_too_large_error(limit_bytes)
    if len(whole) > LARGE_BYTES:
        buffer.transfer(0)  # frees it now; V8 would wait for its next collection
        await _clock.pause()  # reading and parsing are two stretches of work
    return whole


async def _read_stream(reader: Any, limit_bytes: int, hold: BodyHold) -> bytes:
    """Read a body of unknown length. Once it is no longer small, it takes a hold of `limit_bytes`."""
    parts: list[bytes] = []
    size = 0
    while not (chunk := await reader.read()).done:
        parts.append(chunk.value.to_bytes())
        size += len(parts[-1])
        if size > limit_bytes:
            await reader.cancel()
            raise build_too_large_error(limit_bytes)
        if size > SMALL_BODY_BYTES:
            await hold.take(limit_bytes)
    if size > LARGE_BYTES:
        await _clock.pause()
    return b"".join(parts)


def _build_response(status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> Any:
    content, build_init = _hand_over(body), _build_init
    if isinstance(content, str):  # the platform sets its content-length
        headers, build_init = [pair for pair in headers if pair[0] != b"content-length"], _build_known_init
    return _new_response()(content, build_init(status, *headers))


def _build_init(status: int, *headers: tuple[bytes, bytes]) -> Any:
    pairs = [[name.decode("latin-1"), value.decode("latin-1")] for name, value in headers]
    return to_object({"status": status, "headers": pairs})


_build_known_init = lru_cache(maxsize=64)(_build_init)  # most answers share their headers except the length


@cache
def _new_response() -> Any:
    return js.Response.new


def _hand_over(body: bytes) -> Any:
    """The body for JavaScript. A short string is faster to pass than its bytes."""
    if not body:
        return jsnull
    if len(body) <= SHORT_BYTES:
        try:
            return body.decode()
        except UnicodeDecodeError:
            pass
    return to_js(body)
