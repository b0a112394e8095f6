"""Reads a request's body, as bounded JSON, and its query parameters."""

from collections.abc import Collection
from typing import Any

from starlette.requests import Request

from arcrun.errors import PayloadTooLargeError, RequestError, build_cursor_error
from arcrun.json_text import JsonLimitError, parse_json
from arcrun.limits import KIB, MAX_BODY_BYTES, MAX_CURSOR_CHARACTERS, MIB

BODY = "arcrun.body"  # scope key of the body, set by the server or by read_body
ROOM = "arcrun.room"  # scope key of the BodyHold of a body with a content encoding, set by the server
PLAIN_JSON = (b"application/json", b"", b"application/json; charset=utf-8", b"application/json;charset=UTF-8")

_MARK = "\ufeff"
_SPACES = " \t\n\r\v\f"  # what bytes.isspace() takes for white space


def build_too_large_error(limit_bytes: int) -> PayloadTooLargeError:
    size = f"{limit_bytes // MIB} MiB" if limit_bytes >= MIB else f"{limit_bytes // KIB} KiB"
    return PayloadTooLargeError(
        f"The body is larger than {size}.",
        next_actions=["Send less, or send a URL from which a component fetches the rest."],
        details={"limit_bytes": limit_bytes},
    )


def build_cut_body_error() -> RequestError:
    return RequestError(
        "The body ended before it was complete.",
        code="BODY_INCOMPLETE",
        next_actions=["Send it again, with the correct Content-Length or all its chunks."],
    )


async def read_body(request: Request, limit_bytes: int) -> bytes:
    """The body as bytes. Raises PayloadTooLargeError as soon as it exceeds `limit_bytes`."""
    body: bytes | None = request.scope.get(BODY)
    if body is None:
        body = request.scope[BODY] = await _read_chunks(request, limit_bytes)
    elif len(body) > limit_bytes:
        raise build_too_large_error(limit_bytes)
    return body


async def _read_chunks(request: Request, limit_bytes: int) -> bytes:
    chunks, size = list[bytes](), 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit_bytes:
            raise build_too_large_error(limit_bytes)
        chunks.append(chunk)
    return b"".join(filter(None, chunks))  # a single chunk is returned without a copy


def body_of(request: Request) -> bytes:
    """The body, if it has been read; otherwise empty."""
    body: bytes = request.scope.get(BODY, b"")
    return body


async def read_json(request: Request, limit_bytes: int = MAX_BODY_BYTES) -> Any:
    """The body as JSON; an empty body is {}. Raises RequestError INVALID_JSON, PayloadTooLargeError."""
    body = await read_body(request, limit_bytes)
    try:
        return parse_json_body(body.decode())
    except UnicodeDecodeError:
        raise build_json_error("is not JSON: it is not UTF-8") from None


def parse_json_body(text: str) -> Any:
    """JSON; {} if it is empty. Raises RequestError INVALID_JSON."""
    if not text.strip(_SPACES):
        return {}
    try:
        return parse_json(text)
    except JsonLimitError as error:
        raise build_json_error(f"cannot be read: {error}", "Send less in one body, or numbers as strings.") from None
    except ValueError as error:
        if text.startswith(_MARK):
            return parse_json_body(text.removeprefix(_MARK))
        raise build_json_error(f"is not JSON: {error}") from None


def is_plain_json(request: Request) -> bool:
    """Whether the body is JSON in UTF-8 without a content encoding, as its headers say, or as nothing does."""
    content_type = b""
    for name, value in request.scope["headers"]:
        if name == b"content-type":
            content_type = value
        elif name == b"content-encoding":
            return False
    return content_type in PLAIN_JSON


def build_json_error(
    reason: str, next_action: str = "Send a JSON body with `Content-Type: application/json`."
) -> RequestError:
    return RequestError(f"The body {reason}.", code="INVALID_JSON", next_actions=[next_action])


async def read_object(request: Request, allowed: Collection[str], limit_bytes: int = MAX_BODY_BYTES) -> dict[str, Any]:
    """The body as a JSON object with keys from `allowed` only. Raises RequestError, PayloadTooLargeError."""
    body = await read_json(request, limit_bytes)
    if not isinstance(body, dict):
        raise RequestError("The body must be a JSON object.", details={"allowed_keys": list(allowed)})
    unknown = [key for key in body if key not in allowed]
    if unknown:
        raise RequestError(
            f"Unknown key `{unknown[0]}` in the body.",
            code="UNKNOWN_KEY",
            next_actions=[f"Allowed: {', '.join(allowed)}."],
            details={"unknown_keys": unknown},
        )
    return body


def read_count(request: Request, name: str, default: int) -> int:
    """A query parameter that is a non-negative integer. Raises RequestError."""
    count = parse_whole(request.query_params.get(name, str(default)))
    if count is None:
        raise RequestError(f"`{name}` must be an integer, 0 or more.")
    return count


def parse_whole(text: str) -> int | None:
    """Parse ASCII digits; None for any other string. Of more than 20, which Python may refuse, the first 20 count."""
    return int(text.lstrip("0")[:20] or "0") if text.isascii() and text.isdecimal() else None


def read_cursor(request: Request) -> str | None:
    """The `cursor` query parameter; None for the first page. Raises RequestError INVALID_CURSOR."""
    cursor = request.query_params.get("cursor") or None
    if cursor is not None and len(cursor) > MAX_CURSOR_CHARACTERS:
        raise build_cursor_error()
    return cursor
