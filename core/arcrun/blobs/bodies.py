"""A request's body of parts, texts and blobs, as a stream: [{"text"}, {"base64"}, {"blob", "encoding"}].

A blob's bytes are sent as they are, in base64 (RFC 4648), or as `mime`: base64 in lines of 76 characters (RFC 2045).
"""

import base64
import binascii
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from arcrun.errors import HostFunctionError
from arcrun.limits import MAX_STREAMED_BODY_BYTES, MIB

_LINE_BYTES, _LINE_CHARACTERS = 57, 76  # 76 characters of base64 stand for 57 bytes
ENCODINGS = ("bytes", "base64", "mime")
Open = Callable[[], AsyncIterator[bytes]]


@dataclass(frozen=True)
class Part:
    """`size` is the length in bytes, as it is sent."""

    size: int
    open: Open


@dataclass(frozen=True)
class PartsBody:
    """A BodyStream (arcrun/ports.py)."""

    parts: Sequence[Part]

    @property
    def size(self) -> int:
        return sum(part.size for part in self.parts)

    async def open(self) -> AsyncIterator[bytes]:
        for part in self.parts:
            async for chunk in part.open():
                yield chunk

    def require_bounds(self) -> None:
        """Raises HostFunctionError REQUEST_TOO_LARGE."""
        if self.size > MAX_STREAMED_BODY_BYTES:
            most = MAX_STREAMED_BODY_BYTES // MIB
            message = f"The body would have {self.size} bytes; one with blobs has at most {most} MiB."
            raise HostFunctionError(message, code="REQUEST_TOO_LARGE")


def read_text_part(part: Mapping[str, Any]) -> Part:
    """A part that is no blob. Raises HostFunctionError INVALID_REQUEST."""
    text, encoded = part.get("text"), part.get("base64")
    if isinstance(text, str):
        content = text.encode("utf-8", "replace")
    elif isinstance(encoded, str):
        try:
            content = base64.b64decode(encoded, validate=True)
        except ValueError:
            raise HostFunctionError("`base64` of a part of the body is not base64.", code="INVALID_REQUEST") from None
    else:
        raise HostFunctionError("A part of the body is a text, base64 or a blob.", code="INVALID_REQUEST")

    async def open_content() -> AsyncIterator[bytes]:
        yield content

    return Part(len(content), open_content)


def encode_part(size: int, encoding: str, open_bytes: Open) -> Part:
    """The part that sends `size` bytes in an encoding."""
    if encoding == "base64":
        return Part(_base64_length(size), lambda: _encode(open_bytes(), 3, _to_base64))
    if encoding == "mime":
        lines, rest = divmod(size, _LINE_BYTES)
        length = lines * (_LINE_CHARACTERS + 2) + (_base64_length(rest) + 2 if rest else 0)
        return Part(length, lambda: _encode(open_bytes(), _LINE_BYTES, _to_lines))
    return Part(size, open_bytes)


def _base64_length(size: int) -> int:
    return 4 * -(-size // 3)


async def _encode(chunks: AsyncIterator[bytes], group: int, encode: Callable[[bytes], bytes]) -> AsyncIterator[bytes]:
    """Chunks, each encoded with what was left of the one before; all but the last are whole groups of bytes."""
    left = b""
    async for chunk in chunks:
        gathered = left + chunk
        whole = len(gathered) // group * group
        left = gathered[whole:]
        if whole:
            yield encode(gathered[:whole])
    if left:
        yield encode(left)


def _to_base64(content: bytes) -> bytes:
    return binascii.b2a_base64(content, newline=False)


def _to_lines(content: bytes) -> bytes:
    encoded = _to_base64(content)
    lines = [encoded[at : at + _LINE_CHARACTERS] for at in range(0, len(encoded), _LINE_CHARACTERS)]
    return b"\r\n".join([*lines, b""])
