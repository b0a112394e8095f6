"""What a webhook's body is as the input of a run: by its content type, after its content encoding is undone."""

import base64
import re
import zlib
from collections.abc import Collection, Iterable, Iterator
from enum import Enum
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes

from starlette.requests import Request

from arcrun.errors import RequestError, UnsupportedMediaTypeError
from arcrun.interruptible import Steps, run_steps, run_steps_pausing
from arcrun.limits import MAX_BODY_BYTES, MAX_FORM_FIELDS, SMALL_BODY_BYTES
from arcrun.ports import Clock, TextDecoder
from arcrun.wasm.body_text import decode_content
from arcrun_http.forms import Part, build_field_count_error, build_form_error, parse_multipart
from arcrun_http.requests import (
    ROOM,
    build_cut_body_error,
    build_json_error,
    build_too_large_error,
    parse_json_body,
    read_body,
)

PARAMETERS = frozenset({"timeout_ms", "async", "trace", "wait_ms"})  # of a trigger's query: they are arcrun's
QUERY_METHODS = ("GET", "DELETE")  # without a body, their input is the query
LARGE_BYTES = 256 * 1024
_GZIP = 31  # zlib's window bits: only gzip, with its header and check sum
_BYTES_A_SLICE, _UNITS_A_SLICE = 4 * 1024, 500  # of a form, whose escapes are decoded one by one
_XML_ENCODING = re.compile(rb"""<\?xml[^>]{1,100}?\sencoding\s*=\s*["']([A-Za-z0-9._:-]{1,40})["']""")


class Kind(Enum):
    """The kinds of bodies."""

    JSON = "json"
    FORM = "application/x-www-form-urlencoded"
    MULTIPART = "multipart/form-data"
    TEXT = "text"
    XML = "xml"
    BINARY = "binary"


class Body(NamedTuple):
    """A body without its content encoding. `content_type` is the header, empty if there is none."""

    content: bytes
    content_type: str
    kind: Kind


def media_type_of(content_type: str) -> str:
    """The media type in lower case, without its parameters."""
    return content_type.partition(";")[0].strip().lower()


async def read_content(request: Request, clock: Clock) -> Body:
    """Raises RequestError BODY_INCOMPLETE, INVALID_ENCODING; PayloadTooLargeError; UnsupportedMediaTypeError."""
    content = await read_body(request, MAX_BODY_BYTES)
    encoding = request.headers.get("content-encoding", "").strip().lower()
    if encoding not in ("", "identity") and content:
        content = await _decompress(request, content, encoding, clock)
    content_type = request.headers.get("content-type", "")
    return Body(content, content_type, _classify(media_type_of(content_type), content))


def _classify(media_type: str, content: bytes) -> Kind:
    kind, _, subtype = media_type.partition("/")
    if not media_type or subtype == "json" or subtype.endswith("+json"):
        return Kind.JSON
    if media_type == Kind.FORM.value:
        # A form's encoding escapes these signs: it is JSON, sent with the default type of a client such as curl.
        return Kind.JSON if content.lstrip()[:1] in (b"{", b"[") else Kind.FORM
    if media_type == Kind.MULTIPART.value:
        return Kind.MULTIPART
    if subtype == "xml" or subtype.endswith("+xml"):
        return Kind.XML
    return Kind.TEXT if kind == "text" else Kind.BINARY


async def _decompress(request: Request, compressed: bytes, encoding: str, clock: Clock) -> bytes:
    """Undo gzip, never beyond MAX_BODY_BYTES. A result that is no small one takes room, like a body of its size."""
    if encoding not in ("gzip", "x-gzip"):
        raise UnsupportedMediaTypeError(
            "The body's Content-Encoding is not supported.",
            code="UNSUPPORTED_ENCODING",
            next_actions=["Send it without one, or with Content-Encoding: gzip."],
            details={"supported": ["gzip"]},
        )
    stream = zlib.decompressobj(_GZIP)
    try:
        content = stream.decompress(compressed, SMALL_BODY_BYTES)
        if stream.unconsumed_tail:
            if (room := request.scope.get(ROOM)) is not None:
                await room.take(MAX_BODY_BYTES)
            content += stream.decompress(stream.unconsumed_tail, MAX_BODY_BYTES + 1 - len(content))
    except zlib.error:
        raise _build_encoding_error("is not gzip, as its Content-Encoding says") from None
    if stream.unused_data:
        raise _build_encoding_error("has something behind its gzip stream")
    if len(content) > MAX_BODY_BYTES:
        raise build_too_large_error(MAX_BODY_BYTES)
    if not stream.eof:
        raise build_cut_body_error()
    if len(content) > LARGE_BYTES:
        await clock.pause()
    return content


def _build_encoding_error(reason: str) -> RequestError:
    return RequestError(
        f"The body {reason}.",
        code="INVALID_ENCODING",
        next_actions=["Compress the whole body with gzip once, or omit Content-Encoding."],
    )


async def parse_input(request: Request, body: Body, decoder: TextDecoder | None, clock: Clock) -> Any:
    """The input of a run. Raises RequestError INVALID_JSON, INVALID_FORM, INVALID_TEXT, TOO_MANY_FIELDS."""
    content, content_type, kind = body
    if not content:
        return parse_query(request) if request.method in QUERY_METHODS else {}
    if kind is Kind.BINARY:
        return {"base64": base64.b64encode(content).decode()}
    if kind is Kind.MULTIPART:
        return gather_fields(_read_parts(parse_multipart(content, content_type, MAX_FORM_FIELDS), decoder))
    if kind is Kind.FORM:
        pairs = await run_steps_pausing(_parse_pairs(content, content_type, decoder), clock.pause)
        return gather_fields(pairs)
    text = read_text(body, decoder)
    if kind is not Kind.JSON:
        if text is None:
            raise _build_text_error()
        return text
    if text is None:
        raise build_json_error("is not JSON: it is not UTF-8")
    return parse_json_body(text)


def read_text(body: Body, decoder: TextDecoder | None) -> str | None:
    """The body as a string; None if it is binary, or invalid in its charset."""
    if body.kind in (Kind.BINARY, Kind.MULTIPART):
        return None
    content_type = body.content_type
    if body.kind is Kind.JSON and "charset" not in content_type.lower():  # RFC 8259, section 8.1: UTF-8
        content_type = f"{content_type};charset=utf-8"
    if body.kind is Kind.XML and "charset" not in content_type and (found := _XML_ENCODING.match(body.content)):
        content_type = f"{content_type};charset={found[1].decode()}"
    return decode_content(body.content, content_type, decoder)


def _build_text_error() -> RequestError:
    return RequestError(
        "The body is no text in its charset.",
        code="INVALID_TEXT",
        next_actions=["Send UTF-8, or name the charset: Content-Type: text/plain; charset=iso-8859-1."],
    )


def parse_query(request: Request) -> dict[str, Any]:
    """The query's parameters: repeated ones as a list. Those of arcrun itself are left out."""
    return gather_fields(list_query(request))


def list_query(request: Request) -> list[tuple[str, str]]:
    """The query's parameters in their order, without those of arcrun itself. Raises RequestError TOO_MANY_FIELDS."""
    query: bytes = request.scope["query_string"]
    pairs = run_steps(_parse_pairs(query, "", None, is_lenient=True))
    return [pair for pair in pairs if pair[0] not in PARAMETERS]


def gather_fields(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """The fields by name; the values of a name that is repeated are a list."""
    gathered = group_fields(pairs)
    return {name: values[0] if len(values) == 1 else values for name, values in gathered.items()}


def group_fields(pairs: Iterable[tuple[str, Any]]) -> dict[str, list[Any]]:
    grouped: dict[str, list[Any]] = {}
    for name, value in pairs:
        grouped.setdefault(name, []).append(value)
    return grouped


def _parse_pairs(
    content: bytes, content_type: str, decoder: TextDecoder | None, *, is_lenient: bool = False
) -> Steps[list[tuple[str, str]]]:
    """URL Standard, section 5.1. Invalid UTF-8 is refused, or replaced by U+FFFD if `is_lenient`."""
    if content.count(b"&") >= MAX_FORM_FIELDS:
        raise build_field_count_error(MAX_FORM_FIELDS)
    pairs = []
    for pair in content.strip(b"\r\n").split(b"&"):
        if not pair:
            continue
        name, _, value = pair.partition(b"=")
        texts = []
        for part in (name, value):
            plain = yield from _unescape(part)
            text = plain.decode(errors="replace") if is_lenient else decode_content(plain, content_type, decoder)
            if text is None:
                raise build_form_error("it is not UTF-8", Kind.FORM.value)
            texts.append(text)
        pairs.append((texts[0], texts[1]))
        yield 1
    return pairs


def _unescape(part: bytes) -> Steps[bytes]:
    """Undo the escapes, slice by slice, for there may be millions of them."""
    spaced = part.replace(b"+", b" ")
    if b"%" not in spaced:
        return spaced
    plain = []
    for piece in _slice(spaced):
        plain.append(unquote_to_bytes(piece))
        yield _UNITS_A_SLICE * len(piece) // _BYTES_A_SLICE
    return b"".join(plain)


def _slice(escaped: bytes) -> Iterator[bytes]:
    """Slices that divide no escape."""
    start = 0
    while start < len(escaped):
        end = start + _BYTES_A_SLICE
        tail = escaped.rfind(b"%", max(start, end - 2), end)
        end = tail if tail > start and len(escaped) > end else end
        yield escaped[start:end]
        start = end


def _read_parts(parts: Collection[Part], decoder: TextDecoder | None) -> Iterator[tuple[str, Any]]:
    """The fields as strings, the files as {"filename", "content_type", "size", "base64"}."""
    for part in parts:
        content = part.content
        if part.filename is None:
            text = decode_content(content, part.content_type, decoder)
            if text is None:
                raise build_form_error("a field is not UTF-8")
            yield part.name, text
            continue
        yield (
            part.name,
            {
                "filename": part.filename,
                "content_type": part.content_type or "application/octet-stream",
                "size": len(content),
                "base64": base64.b64encode(content).decode(),
            },
        )
