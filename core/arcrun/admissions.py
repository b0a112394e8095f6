"""Admission of a workflow's runs within its `limits`: an object's operations, and their wire formats. Tables:
docs/storage-schema.md.
"""

from collections.abc import Sequence
from typing import NotRequired, Protocol, TypedDict

from arcrun.durable_objects import Channel


class Counted(TypedDict):
    """A limit that a run counts towards: of so many runs that begin within a minute, and of so many at once. None is no
    limit. `name` is a SHA-256 in hexadecimal of the workflow, the limit and its key.
    """

    name: str
    per_minute: int | None
    concurrent: int | None


class Admitted(TypedDict):
    """`refused` is the number of the limit that refuses the run, None if none does; -1 is that of the object.
    `retry_ms` is when its minute has room; it is missing if a run must end first.
    """

    refused: int | None
    retry_ms: NotRequired[float]


class AdmissionsObject(Protocol):
    async def admit(self, ticket: str, counted: Sequence[Counted], lease_ms: float) -> Admitted:
        """Admit a run, if all limits have room for it. `ticket` is a run id's like, and names the object. The run takes
        `lease_ms` at most from now.
        """

    async def leave(self, ticket: str) -> None:
        """The run has ended."""


class RemoteAdmissions:
    """AdmissionsObject over a channel."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def admit(self, ticket: str, counted: Sequence[Counted], lease_ms: float) -> Admitted:
        arguments = {"ticket": ticket, "counted": list(counted), "lease_ms": lease_ms}
        admitted: Admitted = await self._channel.call("admit", arguments)
        return admitted

    async def leave(self, ticket: str) -> None:
        await self._channel.call("leave", {"ticket": ticket})
