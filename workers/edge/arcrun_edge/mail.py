"""The platform's message of an `email` event, and what becomes of it."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

import js

from arcrun_edge.faults import naming_faults

logger = logging.getLogger("arcrun")


class DeliveredMessage:
    """A message that Email Routing has delivered: what its envelope says, and its source."""

    def __init__(self, message: Any) -> None:
        self._message = message
        self.sender, self.recipient = str(getattr(message, "from")), str(message.to)  # `from` is a word of Python
        self.size_bytes = int(message.rawSize)

    async def read(self) -> bytes:
        with naming_faults("Email Routing"):
            content: bytes = (await js.Response.new(self._message.raw).arrayBuffer()).to_bytes()
        return content


async def take(message: Any, receive: Callable[[DeliveredMessage], Awaitable[str]]) -> None:
    """Let `receive` take a message; it returns why it refuses it, "" if it does not. What it raises tells the sender's
    server to try again later.
    """
    if reason := await receive(DeliveredMessage(message)):
        message.setReject(reason)
