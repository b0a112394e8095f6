"""Serves an ASGI app in a Worker. The SDK's adapter reads the whole body first, so its size is checked before that."""

from typing import Any

import js
from js import Object
from pyodide.ffi import jsnull, to_js

from arcrun_http.bodies import MAX_BODY_BYTES, build_too_large_error
from arcrun_http.errors import render_error
from workers import asgi


async def serve(app: Any, request: Any, env: Any) -> Any:
    """Answer `request` (JavaScript or the SDK's) with `app`."""
    js_request = getattr(request, "js_object", request)
    length = js_request.headers.get("content-length")
    if isinstance(length, str):
        if int(length) > MAX_BODY_BYTES:
            return _too_large()
    elif js_request.body is not jsnull:
        body = await _read_at_most(js_request.body, MAX_BODY_BYTES)
        if body is None:
            return _too_large()
        init = to_js({"body": body, "headers": js_request.headers}, dict_converter=Object.fromEntries)
        js_request = js.Request.new(js_request, init)
    return await asgi.fetch(app, js_request, env)


def _too_large() -> Any:
    answer = render_error(build_too_large_error())
    init = {"status": answer.status_code, "headers": {"content-type": "application/json"}}
    return js.Response.new(bytes(answer.body).decode(), to_js(init, dict_converter=Object.fromEntries))


async def _read_at_most(stream: Any, limit_bytes: int) -> bytes | None:
    """A body whose length was not announced; None if it is longer than the limit."""
    reader = stream.getReader()
    parts: list[bytes] = []
    size = 0
    while True:
        chunk = await reader.read()
        if chunk.done:
            return b"".join(parts)
        parts.append(chunk.value.to_bytes())
        size += len(parts[-1])
        if size > limit_bytes:
            await reader.cancel()
            return None
