"""A request that is saved in a file as it is sent: RFC 9112, with CRLF or LF at the ends of lines."""

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from acr.errors import CliError

_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) (\S+) HTTP/[0-9](?:\.[0-9])?")
_VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
_HEAD_END = re.compile(rb"\r?\n\r?\n|\r?\n\Z|\Z")
_TRIGGER = re.compile(r"/webhooks/(?:named/)?[^/]+/trigger(?=/|$)")
# Those of the connection that it came by, and the key of the platform that it is played to.
_DROPPED = b"host content-length connection keep-alive proxy-connection expect te upgrade x-arcrun-api-key".split()


@dataclass(frozen=True)
class SavedRequest:
    """`rest` is what follows the webhook's URL, still encoded: a path, a query, or nothing."""

    method: str
    rest: str
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


def parse_saved_request(content: bytes) -> SavedRequest:
    """Raises CliError REQUEST_FILE_INVALID, which names the line."""
    end = _HEAD_END.search(content)
    assert end is not None  # the end of the file is one
    lines = content[: end.start()].replace(b"\r\n", b"\n").split(b"\n")
    first = _LINE.fullmatch(lines[0])
    if first is None:
        raise _build_error(1, "it must be a request line", "For example: POST /orders?id=7 HTTP/1.1")
    headers = [_parse_header(number, line) for number, line in enumerate(lines[1:], 2)]
    named = {name.lower(): value for name, value in headers}
    if b"transfer-encoding" in named:
        raise CliError(
            "The request has a Transfer-Encoding.",
            "Save the body itself, without chunks, and remove this header.",
            code="REQUEST_FILE_INVALID",
        )
    return SavedRequest(
        first[1].decode(),
        _find_rest("".join(chr(byte) if byte < 0x7F else f"%{byte:02X}" for byte in first[2])),
        tuple((name, value) for name, value in headers if name.lower() not in _DROPPED),
        _cut_body(content[end.end() :], named.get(b"content-length")),
    )


def _parse_header(number: int, line: bytes) -> tuple[bytes, bytes]:
    name, colon, value = line.partition(b":")
    if line[:1] in (b" ", b"\t"):
        raise _build_error(number, "it continues the header above", "Write the header in one line.")
    if not colon or not _TOKEN.fullmatch(name):
        raise _build_error(number, "it is no header", "Write NAME: VALUE, and an empty line before the body.")
    if not _VALUE.fullmatch(value):
        raise _build_error(number, "the header's value has a control character", "Remove it.")
    return name, value.strip(b" \t")


def _find_rest(target: str) -> str:
    """Of a target such as /webhooks/TOKEN/trigger/a?b=c what follows /trigger; of any other, all of it."""
    if target == "*":
        return ""
    parts = urlsplit(target)
    if not parts.path.startswith("/"):
        raise _build_error(1, f"{target!r} is no path", "For example: POST /orders?id=7 HTTP/1.1")
    trigger = _TRIGGER.match(parts.path)
    path = parts.path[trigger.end() :] if trigger else parts.path
    if ".." in unquote(path).replace("\\", "/").split("/"):
        raise CliError(
            "The path of the request must not have `..`: it could lead to another route of the platform.",
            "Remove it: the platform refuses it too.",
            code="INVALID_PATH",
        )
    return f"{path.rstrip('/')}{f'?{parts.query}' if parts.query else ''}"


def _cut_body(rest: bytes, content_length: bytes | None) -> bytes:
    """What Content-Length says, or all that follows: editors add an end of line to a file."""
    if content_length is None:
        return rest
    if not content_length.isdigit() or int(content_length) > len(rest):
        raise CliError(
            f"The body has {len(rest)} bytes, and the Content-Length of the request is not as many.",
            "Correct the header, or remove it: then all that follows the empty line is the body.",
            code="REQUEST_FILE_INVALID",
        )
    return rest[: int(content_length)]


def _build_error(number: int, problem: str, hint: str) -> CliError:
    return CliError(f"Line {number} of the request: {problem}.", hint, code="REQUEST_FILE_INVALID")
