"""The runs that have blobs (docs/adr/0041-blobs.md): an object's operations, and their wire formats. Tables:
docs/storage-schema.md.
"""

from typing import Literal, Protocol

from arcrun.durable_objects import Channel

# What has no room for another blob; "closed" of a tenant that has gone.
BlobRoom = Literal["noted", "run", "account", "closed"]
BLOB_PARTS = "blob-"  # what the keys of a run's blobs begin with, behind blob_prefix


class RunBlobsObject(Protocol):
    async def expect_blob(self, run_id: str, most_bytes: int, tenant: str = "") -> BlobRoom:
        """Note that a blob of the run is about to be written, unless the run has too many already, or the object's runs
        together `most_bytes`.
        """

    async def count_blob(self, run_id: str, size_bytes: int) -> None:
        """Count the bytes of a blob that is finished."""


class RemoteRunBlobs:
    """RunBlobsObject over a channel."""

    _channel: Channel

    async def expect_blob(self, run_id: str, most_bytes: int, tenant: str = "") -> BlobRoom:
        arguments = {"run_id": run_id, "most_bytes": most_bytes, "tenant": tenant}
        room: BlobRoom = await self._channel.call("expect_blob", arguments)
        return room

    async def count_blob(self, run_id: str, size_bytes: int) -> None:
        await self._channel.call("count_blob", {"run_id": run_id, "size_bytes": size_bytes})
