"""Dead letters: accepted runs that have failed, which are kept until somebody has dealt with them. The operations of a
RunLog's object on them.
"""

from typing import Protocol

from arcrun.durable_objects import Channel


class DeadLettersObject(Protocol):
    async def settle_dead_letter(self, run_id: str) -> bool:
        """Note that a dead letter was dealt with: from now on its run is kept like any other. False if it is none."""


class RemoteDeadLetters:
    """DeadLettersObject over a channel."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def settle_dead_letter(self, run_id: str) -> bool:
        is_settled: bool = await self._channel.call("settle_dead_letter", {"run_id": run_id})
        return is_settled
