"""HttpClient over the platform's `fetch`: one request, no redirects followed, the answer read up to a limit."""

import asyncio
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import js
from pyodide.ffi import JsException, jsnull, to_js

from arcrun.errors import HostFunctionError
from arcrun.host_failures import build_fetch_failure
from arcrun.ports import BodyStream, HttpRequest, HttpResponse
from arcrun_edge.javascript import to_object

if TYPE_CHECKING:
    from arcrun_edge.body_streams import Upload

# Miniflare's paths: its stand-ins for Cloudflare's REST API and for triggers.
_PLATFORM_PATHS = ("/cdn-cgi/local", "/cdn-cgi/explorer", "/cdn-cgi/handler", "/cdn-cgi/mf")


class FetchClient:
    """`network` is the service whose `fetch` is used: the local runtime's, which connects to public addresses only.

    No request goes to one of `refused_ports` on any host, because a name can resolve to any address. If there are any,
    components may call this machine; then they cannot reach the internal paths of any local platform either.
    """

    def __init__(self, network: Any | None = None, refused_ports: Collection[str] = ()) -> None:
        self._fetch = js.fetch if network is None else network.fetch
        self._is_closed = network is not None
        self._refused_ports = frozenset(filter(None, refused_ports))

    async def send(self, request: HttpRequest) -> HttpResponse:
        deadline, caller = js.AbortSignal.timeout(request.timeout_ms), js.AbortController.new()
        upload = None if request.stream is None else _open_upload(request.stream)
        built = _build_request(request, js.AbortSignal.any(to_js([deadline, caller.signal])), upload)
        self._require_foreign(js.URL.new(built.url))
        has_begun = False
        try:
            if upload is not None:
                upload.begin()
            response = await self._fetch(built)
            has_begun = True
            body = await _take_body(response, request)
        except asyncio.CancelledError:
            caller.abort()
            raise
        except JsException as error:
            if upload is not None and upload.failure is not None:
                raise upload.failure from None
            if deadline.aborted:
                message = f"No answer within {request.timeout_ms} ms."
                raise HostFunctionError(message, code="HTTP_TIMEOUT") from None
            failure = build_fetch_failure(request.url, error.message, has_begun=has_begun, is_closed=self._is_closed)
            raise failure from None
        finally:
            if upload is not None:
                await upload.end()
        headers = {name: value for name, value in dict(response.headers).items() if name != "set-cookie"}
        return HttpResponse(response.status, headers, body, tuple(response.headers.getSetCookie()))

    def _require_foreign(self, url: Any) -> None:
        """Raises HostFunctionError ADDRESS_NOT_ALLOWED for a local platform's own port or path."""
        if url.port in self._refused_ports:
            message = f"Port {url.port} is the local platform's own, which no component may call, on any host."
            raise HostFunctionError(message, code="ADDRESS_NOT_ALLOWED")
        if self._refused_ports and url.pathname.lower().startswith(_PLATFORM_PATHS):
            message = f"Paths below {_PLATFORM_PATHS[0]} are a local platform's own, which no component may call."
            raise HostFunctionError(message, code="ADDRESS_NOT_ALLOWED")


def _open_upload(stream: BodyStream) -> "Upload":
    from arcrun_edge.body_streams import Upload  # noqa: PLC0415 - few requests send one

    return Upload(stream)


def _build_request(request: HttpRequest, signal: Any, upload: "Upload | None" = None) -> Any:
    """A JavaScript Request. Raises HostFunctionError INVALID_URL, or INVALID_REQUEST if the platform cannot send it."""
    if not js.URL.canParse(request.url):
        raise HostFunctionError("`url` must be an absolute http or https URL.", code="INVALID_URL")
    init = {"method": request.method, "headers": dict(request.headers), "redirect": "manual", "signal": signal}
    if upload is not None:
        init["body"] = upload.readable
    elif request.body:
        init["body"] = request.body
    try:
        return js.Request.new(request.url, to_object(init))
    except JsException as error:
        message = f"The platform cannot send this request: {error.message.replace(request.url, 'the URL')}"
        raise HostFunctionError(message, code="INVALID_REQUEST") from None


async def _take_body(response: Any, request: HttpRequest) -> bytes:
    """The body, unless the request's sink takes it."""
    if request.sink is None or not 200 <= response.status < 300:
        return await _read_body(response, request.max_response_bytes)
    from arcrun_edge.body_streams import pour  # noqa: PLC0415 - as above

    await pour(response.body, request.sink)
    return b""


async def _read_body(response: Any, limit_bytes: int) -> bytes:
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
            message = f"The answer's body is larger than {limit_bytes} bytes."
            raise HostFunctionError(message, code="RESPONSE_TOO_LARGE")
