"""A message as the platform delivers it."""

from dataclasses import dataclass


@dataclass
class FakeDelivery:
    """`fault` is raised where its source is read."""

    raw: bytes
    recipient: str
    sender: str = "bounce@example.org"
    fault: Exception | None = None
    was_read: bool = False

    @property
    def size_bytes(self) -> int:
        return len(self.raw)

    async def read(self) -> bytes:
        self.was_read = True
        if self.fault is not None:
            raise self.fault
        return self.raw
