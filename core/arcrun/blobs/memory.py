"""Blobs in memory, for a component's scenarios and for tests of workflows."""

from dataclasses import dataclass, field

from arcrun.blobs.names import BlobName, BlobPlace, build_full_error
from arcrun.limits import MAX_RUN_BLOBS, MAX_RUN_BLOBS_BYTES


@dataclass
class MemoryBlobs:
    """A BlobVault with the bounds of one run."""

    pieces: dict[tuple[BlobPlace, int], bytes] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    _count: int = field(default=0, init=False)
    _bytes: int = field(default=0, init=False)

    async def expect(self, run_id: str) -> None:
        if self._count >= MAX_RUN_BLOBS or self._bytes >= MAX_RUN_BLOBS_BYTES:
            raise build_full_error("run")
        self._count += 1

    async def count(self, run_id: str, size: int) -> None:
        self._bytes += size

    async def put(self, place: BlobPlace, number: int, content: bytes, size: int | None) -> None:
        self.pieces[place, number] = content

    async def get(self, name: BlobName, number: int) -> bytes | None:
        return self.pieces.get((name.place, number))

    async def discard(self, place: BlobPlace, pieces: int) -> None:
        for number in range(pieces):
            self.pieces.pop((place, number), None)

    async def find_origin(self, run_id: str) -> str:
        return self.origins.get(run_id, "")
