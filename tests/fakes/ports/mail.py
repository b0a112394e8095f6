"""A message as the platform delivers it."""

from dataclasses import dataclass

from arcrun.errors import UpstreamError


@dataclass
class FakeDelivery:
    """`is_lost` is whether its source cannot be read."""

    raw: bytes
    recipient: str
    sender: str = "bounce@example.org"
    is_lost: bool = False
    was_read: bool = False

    @property
    def size_bytes(self) -> int:
        return len(self.raw)

    async def read(self) -> bytes:
        self.was_read = True
        if self.is_lost:
            raise UpstreamError("Email Routing failed.")
        return self.raw
