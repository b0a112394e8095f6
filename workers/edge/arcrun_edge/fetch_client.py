"""HttpClient over the platform's `fetch`: one request, no redirects followed, the answer read up to a limit."""

import asyncio

import js
from js import Object
from pyodide.ffi import JsException, jsnull, to_js

from arcrun.errors import HostFunctionError
from arcrun.ports import HttpRequest, HttpResponse


class FetchClient:
    async def send(self, request: HttpRequest) -> HttpResponse:
        deadline, caller = js.AbortSignal.timeout(request.timeout_ms), js.AbortController.new()
        init = {
            "method": request.method,
            "headers": dict(request.headers),
            "redirect": "manual",
            "signal": js.AbortSignal.any(to_js([deadline, caller.signal])),
        }
        if request.body:
            init["body"] = request.body
        try:
            response = await js.fetch(request.url, to_js(init, dict_converter=Object.fromEntries))
            body = await _read_body(response, request.max_response_bytes)
        except asyncio.CancelledError:
            caller.abort()
            raise
        except JsException as error:
            if deadline.aborted:
                message = f"No answer within {request.timeout_ms} ms."
                raise HostFunctionError(message, code="HTTP_TIMEOUT") from None
            raise HostFunctionError(f"The request failed: {error.message}", code="HTTP_FAILED") from None
        return HttpResponse(response.status, dict(response.headers), body)


async def _read_body(response: js.Response, limit_bytes: int) -> bytes:
    if response.body is jsnull:
        return b""
    reader = response.body.getReader()
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
            message = f"The answer is larger than {limit_bytes} bytes."
            raise HostFunctionError(message, code="RESPONSE_TOO_LARGE")
