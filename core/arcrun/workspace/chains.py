"""Chains: workflows that start when runs of others have succeeded (`after`). What a RunLog tells a Workspace of such
runs, and what the Workspace answers about who follows whom.
"""

from typing import Protocol, TypedDict

from arcrun.durable_objects import Channel


class ToldEnd(TypedDict):
    """A run that has succeeded. `number` rises with each that its object of the RunLog tells of; the last three are as
    in PassedOn (arcrun/run_log/protocol.py).
    """

    number: int
    workflow: str
    run_id: str
    answer: str | None
    depth: int
    ended_ms: float


class ChainsObject(Protocol):
    async def report_ends(self, log_number: int, ends: list[ToldEnd]) -> bool | None:
        """Start what follows the runs of which object `log_number` of the RunLog tells; those that it has told before
        count once. False if they are to be told again later: too many of a tenant's wait.
        """

    async def list_follows(self) -> list[tuple[str, str]]:
        """Pairs of a workflow and one that it is started after."""


class RemoteChains:
    """ChainsObject over a channel."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def report_ends(self, log_number: int, ends: list[ToldEnd]) -> bool | None:
        is_taken: bool | None = await self._channel.call("report_ends", {"log_number": log_number, "ends": ends})
        return is_taken

    async def list_follows(self) -> list[tuple[str, str]]:
        pairs: list[list[str]] = await self._channel.call("list_follows", {})
        return [(follower, followed) for follower, followed in pairs]
