"""Builds JSON responses, and turns exceptions into them."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from arcrun.errors import ArcrunError, InternalError, MethodNotAllowedError, NotFoundError
from arcrun.json_text import build_json_writer
from arcrun_http.auth import SESSION

_write = build_json_writer(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


class JsonResponse(Response):
    """A JSON response. It writes a lone surrogate as an escape, where Starlette's JSONResponse raises."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return _write(content).encode("utf-8", "backslashreplace")


LINES = "application/x-ndjson"
EVENTS = "text/event-stream"
STREAMED = frozenset({LINES, EVENTS})  # a request that accepts one of these alone is answered part by part


class StreamedResponse(Response):
    """A response that comes part by part. Only a request that accepts its type alone gets one: the Worker's adapter
    then sends parts as they come. `ending` is what ends each.
    """

    ending = b""

    def __init__(self, parts: AsyncIterator[bytes]) -> None:
        super().__init__()
        del self.headers["content-length"]
        self.parts = parts

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async for part in self.parts:
            await send({"type": "http.response.body", "body": part + self.ending, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class JsonLines(StreamedResponse):
    """A response of lines, each a JSON value."""

    media_type = LINES
    ending = b"\n"


def build_success(data: Any, status: int = 200) -> JsonResponse:
    return JsonResponse({"success": True, "data": data}, status)


def render_error(error: ArcrunError, headers: Mapping[str, str] | None = None) -> JsonResponse:
    """The response for an error; `headers` are sent in addition to Retry-After, which `retry_after_s` sets."""
    wait = {} if error.retry_after_s is None else {"retry-after": str(error.retry_after_s)}
    return JsonResponse({"success": False, "error": error.to_json()}, error.http_status, {**wait, **(headers or {})})


async def _on_arcrun_error(request: Request, error: Exception) -> JsonResponse:
    assert isinstance(error, ArcrunError)
    return render_error(error, {"cache-control": "no-store"} if SESSION in request.scope else None)


async def _on_http_exception(request: Request, error: Exception) -> JsonResponse:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        message = f"{request.method} is not allowed here."
        refusal = MethodNotAllowedError(message, next_actions=["See docs/http.md for the routes."])
        return render_error(refusal, error.headers)
    return render_error(NotFoundError("There is no such route.", next_actions=["See docs/http.md for the routes."]))


async def _on_fault(_request: Request, _error: Exception) -> JsonResponse:
    return render_error(InternalError())  # Starlette raises the cause again, and the Worker's adapter logs it


EXCEPTION_HANDLERS: Mapping[Any, Any] = {
    ArcrunError: _on_arcrun_error,
    HTTPException: _on_http_exception,
    Exception: _on_fault,
}
