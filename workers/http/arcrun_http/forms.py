"""Reads multipart/form-data (RFC 7578) that is complete in memory.

Its parser, python-multipart, is imported when the first form comes: see arcrun_http/__init__.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from arcrun.errors import RequestError


@dataclass
class Part:
    """A part. `filename` is None for a field, `content_type` is empty if it names none."""

    name: str = ""
    filename: str | None = None
    content_type: str = ""
    pieces: list[bytes] = field(default_factory=list)

    @property
    def content(self) -> bytes:
        return b"".join(self.pieces)


class _Collector:
    """Receives what the parser finds, piece by piece."""

    def __init__(self, parse_options: Any) -> None:
        self._parse_options = parse_options
        self._header, self._value = b"", b""
        self.parts: list[Part] = []
        self.has_ended = False

    def on_part_begin(self) -> None:
        self.parts.append(Part())

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def on_header_end(self) -> None:
        name, value = self._header.lower(), self._value.decode("latin-1")
        self._header, self._value = b"", b""
        part = self.parts[-1]
        if name == b"content-type":
            part.content_type = value
        elif name == b"content-disposition":
            _, options = self._parse_options(value)
            part.name = options.get(b"name", b"").decode("utf-8", "replace")
            if b"filename" in options:
                part.filename = options[b"filename"].decode("utf-8", "replace")

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        self.parts[-1].pieces.append(data[start:end])

    def on_end(self) -> None:
        self.has_ended = True

    @property
    def callbacks(self) -> Any:
        names = ("part_begin", "header_field", "header_value", "header_end", "part_data", "end")
        return {f"on_{name}": getattr(self, f"on_{name}") for name in names}


def parse_multipart(body: bytes, content_type: str, most_parts: int) -> Sequence[Part]:
    """The parts of a form. Raises RequestError INVALID_FORM, TOO_MANY_FIELDS.

    Delimiters are counted first: what looks like one and is none would be parsed byte by byte.
    """
    from python_multipart.exceptions import FormParserError  # noqa: PLC0415 - see above
    from python_multipart.multipart import MultipartParser, parse_options_header  # noqa: PLC0415

    boundary = parse_options_header(content_type)[1].get(b"boundary", b"")
    if not boundary:
        raise build_form_error("its Content-Type names no boundary")
    if body.count(b"--" + boundary) > most_parts + 1:
        raise build_field_count_error(most_parts)
    collector = _Collector(parse_options_header)
    try:
        parser = MultipartParser(boundary, collector.callbacks)
        parser.write(body)
        parser.finalize()
    except FormParserError:
        raise build_form_error("it breaks the format") from None
    if not collector.has_ended:
        raise build_form_error("its last delimiter is missing")
    if not all(part.name for part in collector.parts):
        raise build_form_error("a part has no name")
    return collector.parts


def build_form_error(reason: str, kind: str = "multipart/form-data") -> RequestError:
    return RequestError(
        f"The body is not {kind}: {reason}.",
        code="INVALID_FORM",
        next_actions=["Let your HTTP client write the form, and its Content-Type with it."],
    )


def build_field_count_error(most: int) -> RequestError:
    return RequestError(
        f"There are more than {most} fields.",
        code="TOO_MANY_FIELDS",
        next_actions=["Send JSON, or fewer fields."],
        details={"limit": most},
    )
