"""Bodies of requests and answers that are never held as a whole."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import js
from pyodide.ffi import JsException, jsnull, to_js

from arcrun.errors import ArcrunError
from arcrun.limits import BLOB_PIECE_BYTES
from arcrun.ports import BodyStream
from arcrun_edge.javascript import lend_bytes, release


class Upload:
    """A body that is written while `fetch` reads it. `readable` has its length, so that the platform tells it.

    `failure` is what the stream raised, by which the request has failed.
    """

    def __init__(self, stream: BodyStream) -> None:
        pipe = js.FixedLengthStream.new(stream.size)
        self.readable = pipe.readable
        self.failure: ArcrunError | None = None
        self._stream, self._writer = stream, pipe.writable.getWriter()
        self._writing: asyncio.Task[None] | None = None

    def begin(self) -> None:
        self._writing = asyncio.ensure_future(self._write())

    async def end(self) -> None:
        """Write no more: the request is over."""
        if self._writing is not None and not self._writing.done():
            self._writing.cancel()
            with suppress(asyncio.CancelledError):
                await self._writing

    async def _write(self) -> None:
        try:
            async for chunk in self._stream.open():
                with lend_bytes(chunk) as lent:
                    await self._writer.write(lent)
            await self._writer.close()
        except JsException:
            return  # who reads has gone, which `fetch` tells
        except ArcrunError as error:
            self.failure = error
            await self._abort()
        except BaseException:
            await self._abort()
            raise

    async def _abort(self) -> None:
        with suppress(JsException):
            await self._writer.abort()


async def pour(body: Any, sink: Callable[[bytes], Awaitable[None]]) -> None:
    """Hand the bytes of a ReadableStream to `sink`, in few chunks: each costs a call between the languages."""
    if body is jsnull:
        return
    reader = body.getReader(js.Object.fromEntries(to_js([["mode", "byob"]])))
    room = js.Uint8Array.new(BLOB_PIECE_BYTES)
    try:
        while not (chunk := await reader.readAtLeast(BLOB_PIECE_BYTES, room)).done:
            await sink(chunk.value.to_bytes())
            room = js.Uint8Array.new(chunk.value.buffer)  # the same memory, which the read has taken away
        release(chunk.value.buffer)
    except ArcrunError:
        with suppress(JsException):
            await reader.cancel()
        raise
