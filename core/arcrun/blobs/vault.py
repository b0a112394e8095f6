"""Where the pieces of blobs lie. Implementations seal each by itself, bound to its place (docs/adr/0041-blobs.md)."""

from typing import Protocol

from arcrun.blobs.names import BlobName, BlobPlace


class BlobVault(Protocol):
    """The blobs of an account's runs. Every method raises HostFunctionError BLOB_FAILED, and BLOBS_UNAVAILABLE where
    there is no key to seal with.
    """

    async def expect(self, run_id: str) -> None:
        """Note that a blob of the run is about to be written, before its first piece: whatever becomes of the writing,
        the blob is deleted with the run. Raises HostFunctionError BLOBS_FULL too.
        """

    async def count(self, run_id: str, size: int) -> None:
        """Count the bytes of a blob that is finished."""

    async def put(self, place: BlobPlace, number: int, content: bytes, size: int | None) -> None:
        """Write the piece `number`. `size` is the length of the blob, if the piece is its last."""

    async def get(self, name: BlobName, number: int) -> bytes | None:
        """Read a piece; None if it is not there. An attachment is one piece, whatever its length."""

    async def discard(self, place: BlobPlace, pieces: int) -> None:
        """Delete the first pieces of a blob that will not be finished."""

    async def find_origin(self, run_id: str) -> str:
        """The run that another is a replay of; "" if it is none, or has no record."""
