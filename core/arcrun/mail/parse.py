"""The bytes of a message (RFC 5322, MIME) -> Message. Python's `email` parses them; here is what bounds its work.

It keeps what is broken rather than refusing it: a part that cannot be decoded is taken as it is, a boundary that never
comes ends with the message. What would take too much work is refused (InputError MESSAGE_TOO_COMPLEX).
"""

import binascii
import email.message
import email.utils
import re
from collections.abc import Iterator, Sequence
from datetime import UTC
from email.feedparser import BytesFeedParser
from itertools import accumulate
from typing import Any

from arcrun.errors import InputError
from arcrun.interruptible import STRETCH_UNITS, Steps
from arcrun.limits import (
    KIB,
    MAX_COMMENT_DEPTH,
    MAX_CONTENT_HEADER_CHARACTERS,
    MAX_FILENAME_CHARACTERS,
    MAX_MESSAGE_ADDRESSES,
    MAX_MESSAGE_CONTAINERS,
    MAX_MESSAGE_HEADER_BYTES,
    MAX_MESSAGE_HEADERS,
    MAX_MESSAGE_PARTS,
    MAX_MESSAGE_WORK,
)
from arcrun.mail.authentication import AUTHENTICATION_RESULTS
from arcrun.mail.model import Attachment, Mailbox, Message
from arcrun.mail.texts import clean_line, decode_header, decode_text

FED_BYTES = 64 * KIB  # to the parser, in one stretch of work
_HEADERS_END = re.compile(rb"\r?\n\r?\n|\r\r")
# What the parser descends into: each of them is looked for at every line within it.
_CONTAINER = re.compile(rb"content-type\s*:\s*(?:multipart|message)/", re.IGNORECASE)
_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,127}/[a-z0-9!#$&^_.+-]{1,127}")
_PARENTHESES = re.compile(r"[()]")
_UNTYPED = "application/octet-stream"
_PATHS = re.compile(r"[\\/:*?\"<>|]")
_Part = email.message.Message


def parse_message(raw: bytes) -> Steps[tuple[Message, Sequence[str]]]:
    """The message, and its Authentication-Results headers, topmost first. Raises InputError MESSAGE_TOO_COMPLEX."""
    _check_size(raw)
    parser = BytesFeedParser(_PartCounter())  # its own policy leaves values alone until they are asked for
    for start in range(0, len(raw), FED_BYTES):
        parser.feed(raw[start : start + FED_BYTES])
        yield STRETCH_UNITS
    top: _Part = parser.close()
    yield STRETCH_UNITS
    headers = _read_headers(top)
    reader = _PartReader()
    for part in top.walk():
        if reader.add(part):
            yield STRETCH_UNITS
    values = _Values(headers)
    results = [clean_line(value) for name, value in headers if name == AUTHENTICATION_RESULTS]
    message = Message(
        senders=values.mailboxes("from"),
        to=values.mailboxes("to"),
        cc=values.mailboxes("cc"),
        reply_to=values.mailboxes("reply-to"),
        subject=values.first("subject"),
        date=_read_date(values.first("date")),
        message_id=values.first("message-id"),
        text=reader.text,
        html=reader.html,
        headers=values.by_name(),
        attachments=reader.attachments,
    )
    return message, results


def _check_size(raw: bytes) -> None:
    """What the parser's work depends on, counted before it begins."""
    end = _HEADERS_END.search(raw)
    header_bytes = end.start() if end else len(raw)
    if header_bytes > MAX_MESSAGE_HEADER_BYTES:
        raise _build_error(f"its headers have {header_bytes} bytes, more than {MAX_MESSAGE_HEADER_BYTES}")
    containers = sum(1 for _ in _CONTAINER.finditer(raw))
    if containers > MAX_MESSAGE_CONTAINERS:
        raise _build_error(f"it has {containers} parts with parts in them, more than {MAX_MESSAGE_CONTAINERS}")
    lines = raw.count(b"\n") + raw.count(b"\r")
    if (containers + 1) * lines > MAX_MESSAGE_WORK:
        raise _build_error(f"{containers} parts with parts in them over {lines} lines are too much to look through")


class _PartCounter:
    """Makes the parser's parts. Raises InputError beyond MAX_MESSAGE_PARTS."""

    def __init__(self) -> None:
        self._count = 0

    def __call__(self, **options: Any) -> _Part:
        self._count += 1
        if self._count > MAX_MESSAGE_PARTS:
            raise _build_error(f"it has more than {MAX_MESSAGE_PARTS} parts")
        return email.message.Message(**options)


def _read_headers(top: _Part) -> list[tuple[str, str]]:
    """Names in lower case with raw values, in the order of the message."""
    headers = [(clean_line(name).lower(), str(value)) for name, value in top.raw_items()]
    if len(headers) > MAX_MESSAGE_HEADERS:
        raise _build_error(f"it has {len(headers)} headers, more than {MAX_MESSAGE_HEADERS}")
    return headers


class _Values:
    def __init__(self, headers: Sequence[tuple[str, str]]) -> None:
        self._headers = headers

    def first(self, name: str) -> str:
        """The value of the first header of that name, decoded; empty if there is none."""
        return next((decode_header(value) for each, value in self._headers if each == name), "")

    def by_name(self) -> dict[str, str]:
        found: dict[str, list[str]] = {}
        for name, value in self._headers:
            found.setdefault(name, []).append(decode_header(value))
        return {name: "\n".join(values) for name, values in found.items()}

    def mailboxes(self, name: str) -> tuple[Mailbox, ...]:
        """Of all headers of that name. Encoded words are decoded after the addresses are read: what is in them is no
        address. Raises InputError.
        """
        values = [clean_line(value) for each, value in self._headers if each == name]
        if any(_find_depth(value) > MAX_COMMENT_DEPTH for value in values):
            raise _build_error(f"its header {name} has comments more than {MAX_COMMENT_DEPTH} levels deep")
        found = [
            Mailbox(decode_header(address), decode_header(shown))
            for shown, address in email.utils.getaddresses(values)
            if address
        ]
        if len(found) > MAX_MESSAGE_ADDRESSES:
            raise _build_error(f"its header {name} has more than {MAX_MESSAGE_ADDRESSES} addresses")
        return tuple(found)


def _find_depth(value: str) -> int:
    """How deep the comments of a header are nested, at most: the library follows them by recursion."""
    steps = (1 if each == "(" else -1 for each in _PARENTHESES.findall(value))
    return max(accumulate(steps, lambda depth, step: max(0, depth + step)), default=0)


class _PartReader:
    """Gathers the bodies and attachments of a message's parts. What is below a forwarded message belongs to that: it
    becomes one attachment.
    """

    def __init__(self) -> None:
        self.text: str | None = None
        self.html: str | None = None
        self.attachments: list[Attachment] = []
        self._forwarded: set[int] = set()  # ids of the parts within forwarded messages

    def add(self, part: _Part) -> bool:
        """Returns whether there was something to decode."""
        if id(part) in self._forwarded:
            return False
        content_type = _read_type(part)
        if part.is_multipart() and content_type.startswith("message/"):
            self._forwarded.update(id(each) for each in _list_below(part))
            self.attachments.append(self._build(part, content_type, _render_inner(part)))
            return True
        if part.is_multipart():
            return False
        content = _decode_content(part)
        filename = self._read_filename(part)
        is_attached = bool(filename) or _is_attachment(part)
        if content_type == "text/plain" and self.text is None and not is_attached:
            self.text = self._read_text(part, content)
        elif content_type == "text/html" and self.html is None and not is_attached:
            self.html = self._read_text(part, content)
        elif content or filename:
            self.attachments.append(self._build(part, content_type, content))
        return True

    def _build(self, part: _Part, content_type: str, content: bytes) -> Attachment:
        content_id = clean_line(str(part.get("content-id", ""))).strip("<>")
        return Attachment(self._read_filename(part), content_type, content, content_id[:MAX_FILENAME_CHARACTERS])

    def _read_text(self, part: _Part, content: bytes) -> str:
        return decode_text(content, _read_parameter(part, "charset"))

    def _read_filename(self, part: _Part) -> str:
        """A name without a path: whoever saves the file under it stays in his folder."""
        if not _has_readable_headers(part):
            return ""
        try:
            name = part.get_filename("")
        except (LookupError, ValueError, TypeError):
            return ""
        return _PATHS.sub("_", decode_header(str(name))).lstrip(".")[:MAX_FILENAME_CHARACTERS]


def _list_below(part: _Part) -> Iterator[_Part]:
    parts = part.walk()
    next(parts)
    return parts


def _render_inner(part: _Part) -> bytes:
    """The source of a forwarded message, or of the blocks of a report."""
    inner = part.get_payload()
    blocks = [block.as_bytes() for block in inner if isinstance(block, email.message.Message)]
    return b"\n".join(blocks)


def _has_readable_headers(part: _Part) -> bool:
    """Whether the headers that say what a part is are short enough to be read: their parser's work grows faster."""
    headers = (part.get(name, "") for name in ("content-type", "content-disposition"))
    return all(len(str(value)) <= MAX_CONTENT_HEADER_CHARACTERS for value in headers)


def _read_type(part: _Part) -> str:
    """In lower case; of a part that says nothing usable, octets."""
    if not _has_readable_headers(part):
        return _UNTYPED
    content_type = part.get_content_type()
    return content_type if _TYPE.fullmatch(content_type) else _UNTYPED


def _read_parameter(part: _Part, name: str) -> str:
    if not _has_readable_headers(part):
        return ""
    try:
        value = part.get_param(name, "")
    except (LookupError, ValueError, TypeError):
        return ""
    return str(value[2] if isinstance(value, tuple) else value)


def _is_attachment(part: _Part) -> bool:
    return _has_readable_headers(part) and part.get_content_disposition() == "attachment"


def _decode_content(part: _Part) -> bytes:
    """The octets of a part. What its encoding does not fit is taken as it is."""
    try:
        content = part.get_payload(decode=True)
    except (binascii.Error, LookupError, ValueError, TypeError):
        content = None
    if isinstance(content, bytes):
        return content
    return str(part.get_payload()).encode("utf-8", "surrogateescape")


def _read_date(value: str) -> str | None:
    try:
        read = email.utils.parsedate_to_datetime(value)
        return (read.replace(tzinfo=UTC) if read.tzinfo is None else read).isoformat()
    except (TypeError, ValueError, IndexError, OverflowError):
        return None


def _build_error(problem: str) -> InputError:
    return InputError(
        f"The message cannot be read: {problem}.",
        code="MESSAGE_TOO_COMPLEX",
        next_actions=["Send less in one message."],
    )
