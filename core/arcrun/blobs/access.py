"""What a call of a component may do with blobs: read those of its run, and write new ones.

The host function `blob` takes one operation:

    open    {"blob"} -> {"bytes"}
    read    {"blob", "offset", "length"} -> {"base64", "bytes"}
    create  {"content_type", "name"} -> {"writing"}, a number that counts within the call
    append  {"writing", "text" or "base64"} -> {"bytes"}, so far
    finish  {"writing"} -> the blob's value
"""

import base64
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from arcrun.blobs.bodies import ENCODINGS, Part, PartsBody, encode_part, read_text_part
from arcrun.blobs.names import (
    TOKEN_BYTES,
    BlobName,
    BlobPlace,
    build_unknown_error,
    describe_blob,
    name_by_answer,
    parse_blob_name,
    read_content_type,
    read_filename,
)
from arcrun.blobs.vault import BlobVault
from arcrun.blobs.writing import BlobWriter
from arcrun.errors import HostFunctionError, SubrequestLimitError
from arcrun.limits import (
    BLOB_PIECE_BYTES,
    MAX_BLOB_READ_BYTES,
    MAX_BLOB_REPLAYS,
    MAX_BODY_PARTS,
    MAX_UNFINISHED_BLOBS,
)
from arcrun.ports import Random


def _take_none() -> None:
    """Count no subrequest."""


@dataclass
class _Writing:
    writer: BlobWriter
    content_type: str
    filename: str
    size: int = 0


class Received:
    """A body that may become a blob."""

    def __init__(self, begin: Callable[[], Awaitable[BlobWriter]]) -> None:
        self._begin = begin
        self._writer: BlobWriter | None = None

    async def write(self, chunk: bytes) -> None:
        """Raises HostFunctionError."""
        if self._writer is None:
            self._writer = await self._begin()
        await self._writer.write(chunk)

    async def finish(self) -> BlobName:
        """Raises HostFunctionError."""
        await self.write(b"")
        assert self._writer is not None
        return await self._writer.finish()

    async def discard(self) -> None:
        if self._writer is not None:
            await self._writer.discard()


@dataclass
class BlobAccess:
    """The blobs as one attempt of a call sees them: those of the run `run_id`, and of `origin`, the run that it is a
    replay of. `take` counts a subrequest, and raises SubrequestLimitError.
    """

    vault: BlobVault
    random: Random
    run_id: str
    origin: str = ""
    take: Callable[[], object] = _take_none
    _writing: dict[int, _Writing] = field(default_factory=dict, init=False)
    _begun: int = field(default=0, init=False)
    _readable: set[str] = field(default_factory=set, init=False)
    _attachment: tuple[BlobName, bytes] | None = field(default=None, init=False)  # the last one that was read

    async def do(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Raises HostFunctionError."""
        operations: Mapping[str, Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]] = {
            "open": self._open,
            "read": self._read,
            "create": self._create,
            "append": self._append,
            "finish": self._finish,
        }
        operation = request.get("op")
        if not isinstance(operation, str) or operation not in operations:
            raise _invalid(f"`op` must be one of {', '.join(operations)}.")
        return await operations[operation](request)

    async def open_body(self, parts: Any) -> PartsBody:
        """The stream of a request's `body_parts`. Raises HostFunctionError."""
        if not isinstance(parts, list) or not 0 < len(parts) <= MAX_BODY_PARTS:
            raise _invalid(f"`body_parts` must be a list of 1 to {MAX_BODY_PARTS} parts.")
        body = PartsBody([await self._open_part(part) for part in parts])
        body.require_bounds()
        return body

    async def begin(self) -> BlobWriter:
        """A new blob of the run. Raises HostFunctionError BLOBS_FULL, and what BlobVault does."""
        self._take()
        await self.vault.expect(self.run_id)
        token = self.random.token_bytes(TOKEN_BYTES).hex()
        return BlobWriter(self.vault, BlobPlace(self.run_id, token), self._take)

    def receive(self) -> "Received":
        """A blob that is begun when its first bytes come."""
        return Received(self.begin)

    def describe_answer(self, name: BlobName, url: str, headers: Mapping[str, Any]) -> dict[str, Any]:
        """The value of a blob that is the body of an answer."""
        return describe_blob(
            name,
            read_content_type(headers.get("content-type")),
            name_by_answer(url, headers.get("content-disposition")),
        )

    async def _open_part(self, part: Any) -> Part:
        if not isinstance(part, Mapping):
            raise _invalid("A part of the body must be an object.")
        if "blob" not in part:
            return read_text_part(part)
        encoding = part.get("encoding", ENCODINGS[0])
        if encoding not in ENCODINGS:
            raise _invalid(f"`encoding` of a blob must be one of {', '.join(ENCODINGS)}.")
        name = await self._find(part["blob"])
        return encode_part(await self._measure(name), encoding, lambda: self._read_pieces(name))

    async def _open(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"bytes": await self._measure(await self._find(request.get("blob")))}

    async def _read(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        name = await self._find(request.get("blob"))
        offset, length = _read_whole(request, "offset", 0), _read_whole(request, "length", MAX_BLOB_READ_BYTES)
        if length > MAX_BLOB_READ_BYTES:
            raise _invalid(f"`length` is at most {MAX_BLOB_READ_BYTES}.")
        end = min(offset + length, await self._measure(name))
        content = await self._read_range(name, offset, end) if offset < end else b""
        return {"base64": base64.b64encode(content).decode(), "bytes": len(content)}

    async def _read_range(self, name: BlobName, start: int, end: int) -> bytes:
        if name.number:
            return (await self._read_attachment(name))[start:end]
        first, last = start // BLOB_PIECE_BYTES, (end - 1) // BLOB_PIECE_BYTES
        content = b"".join([await self._read_piece(name, number) for number in range(first, last + 1)])
        return content[start - first * BLOB_PIECE_BYTES : end - first * BLOB_PIECE_BYTES]

    async def _create(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        if len(self._writing) >= MAX_UNFINISHED_BLOBS:
            raise _invalid(f"A call writes at most {MAX_UNFINISHED_BLOBS} blobs at once: finish one.")
        content_type, filename = read_content_type(request.get("content_type")), read_filename(request.get("name"))
        writer = await self.begin()
        self._begun += 1
        self._writing[self._begun] = _Writing(writer, content_type, filename)
        return {"writing": self._begun}

    async def _append(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        number, writing = self._find_writing(request)
        chunks = [chunk async for chunk in read_text_part(request).open()]
        try:
            for chunk in chunks:
                await writing.writer.write(chunk)
                writing.size += len(chunk)
        except HostFunctionError:
            del self._writing[number]
            await writing.writer.discard()
            raise
        return {"bytes": writing.size}

    async def _finish(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        number, writing = self._find_writing(request)
        del self._writing[number]
        name = await writing.writer.finish()
        return describe_blob(name, writing.content_type, writing.filename)

    def _find_writing(self, request: Mapping[str, Any]) -> tuple[int, _Writing]:
        number = request.get("writing")
        if not isinstance(number, int) or number not in self._writing:
            raise _invalid("`writing` must be the number of a blob that this call has created and not finished.")
        return number, self._writing[number]

    async def _find(self, named: Any) -> BlobName:
        """A blob that the run may read. Raises HostFunctionError BLOB_NOT_FOUND."""
        name = parse_blob_name(named)
        if name.run_id != self.run_id and not await self._is_readable(name.run_id):
            raise build_unknown_error()
        return name

    async def _is_readable(self, run_id: str) -> bool:
        """Whether a run is one that the caller's is a replay of."""
        origin = self.origin
        for _ in range(MAX_BLOB_REPLAYS):
            if not origin or origin == run_id or run_id in self._readable:
                break
            self._readable.add(origin)
            self._take()
            origin = await self.vault.find_origin(origin)
        if origin == run_id:
            self._readable.add(origin)
        return run_id in self._readable

    async def _measure(self, name: BlobName) -> int:
        return len(await self._read_attachment(name)) if name.number else name.bytes

    async def _read_pieces(self, name: BlobName) -> AsyncIterator[bytes]:
        if name.number:
            content = await self._read_attachment(name)
            for at in range(0, len(content), BLOB_PIECE_BYTES):
                yield content[at : at + BLOB_PIECE_BYTES]
            return
        for number in range(name.pieces):
            yield await self._read_piece(name, number)

    async def _read_piece(self, name: BlobName, number: int) -> bytes:
        self._take()
        piece = await self.vault.get(name, number)
        if piece is None:
            raise build_unknown_error()
        return piece

    async def _read_attachment(self, name: BlobName) -> bytes:
        if self._attachment is None or self._attachment[0] != name:
            self._attachment = name, await self._read_piece(name, 0)
        return self._attachment[1]

    def _take(self) -> None:
        try:
            self.take()
        except SubrequestLimitError as error:
            raise HostFunctionError(error.message, code=error.code) from None


def _read_whole(request: Mapping[str, Any], field: str, default: int) -> int:
    number = request.get(field, default)
    if not isinstance(number, int) or isinstance(number, bool) or number < 0:
        raise _invalid(f"`{field}` must be a whole number, not negative.")
    return number


def _invalid(message: str) -> HostFunctionError:
    return HostFunctionError(message, code="INVALID_REQUEST")
