"""Writes a blob piece by piece, as its bytes come."""

from collections.abc import Callable
from contextlib import suppress

from arcrun.blobs.names import BlobName, BlobPlace
from arcrun.blobs.vault import BlobVault
from arcrun.errors import HostFunctionError
from arcrun.limits import BLOB_PIECE_BYTES, MAX_BLOB_BYTES, MIB


class BlobWriter:
    """A blob under way, of which one piece at most is held. `take` counts a subrequest, and may raise."""

    def __init__(self, vault: BlobVault, place: BlobPlace, take: Callable[[], None]) -> None:
        self._vault, self._place, self._take = vault, place, take
        self._held = bytearray()
        self._size = self._pieces = 0

    async def write(self, chunk: bytes) -> None:
        """Raises HostFunctionError BLOB_TOO_LARGE, and what BlobVault does."""
        self._size += len(chunk)
        if self._size > MAX_BLOB_BYTES:
            raise HostFunctionError(f"A blob has at most {MAX_BLOB_BYTES // MIB} MiB.", code="BLOB_TOO_LARGE")
        self._held += chunk
        while len(self._held) > BLOB_PIECE_BYTES:
            piece = bytes(self._held[:BLOB_PIECE_BYTES])
            del self._held[:BLOB_PIECE_BYTES]
            await self._put(piece, None)

    async def finish(self) -> BlobName:
        """Write what is left. Raises what BlobVault does."""
        piece = bytes(self._held)
        self._held.clear()
        await self._put(piece, self._size)
        self._take()
        await self._vault.count(self._place.run_id, self._size)
        return BlobName(self._place.run_id, self._place.token, self._size)

    async def discard(self) -> None:
        """Delete what has been written. What cannot be deleted now goes with the run."""
        self._held.clear()
        with suppress(HostFunctionError):
            await self._vault.discard(self._place, self._pieces)

    async def _put(self, piece: bytes, size: int | None) -> None:
        self._take()
        self._pieces += 1
        await self._vault.put(self._place, self._pieces - 1, piece, size)
