"""Watches of workflows: what a Workspace keeps of the items that polls have found, and its operations on them. What
starts a poll is a schedule (schedules.py).
"""

from collections.abc import Sequence
from typing import Protocol, TypedDict

from arcrun.durable_objects import Channel


class Poll(TypedDict):
    """What a poll of a workflow has found. `watch` is Watch.identity, `keys` are the digests of all that it lists,
    `begins` is whether each item of the first poll starts a run.
    """

    name_id: str
    watch: str
    at_ms: float
    keys: list[str]
    begins: bool


class FoundItem(TypedDict):
    """An item that starts a run. `key` is its digest; `item` is {"key", "value"} as JSON, sealed, in base64; "" of one
    that is too large.
    """

    key: str
    item: str


class StoredWatch(TypedDict):
    """`polled_ms` is when the last poll began that has told of its end, None if there was none; `error` why it has
    failed, None if it has not. `listed` items are what the last one that succeeded has listed; `started` of them have
    started runs, and `left_over` are left to the next. `kept` keys are kept, `forgotten` have been forgotten for the
    sake of others; `waiting` items wait for their runs.
    """

    name_id: str
    polled_ms: float | None
    error: str | None
    listed: int
    started: int
    left_over: int
    kept: int
    forgotten: int
    waiting: int


class Seen(TypedDict):
    """What is known of a watch, for another platform. `polled` is whether there was a poll."""

    watch: str
    polled: bool
    keys: list[str]


class WatchesObject(Protocol):
    async def note_poll(self, poll: Poll) -> list[str]:
        """Take note of what a poll lists. Returns the keys whose items are to be handed over (`add_items`): none of
        those that are known, or of the first poll, unless it begins runs.
        """

    async def add_items(self, name_id: str, watch: str, items: list[FoundItem]) -> None:
        """Start a run for each item whose key is not known yet."""

    async def note_failed_poll(self, name_id: str, watch: str, at_ms: float, error: str) -> None:
        """Take note of a poll that has failed, with the error's code."""

    async def find_watches(self, name_ids: list[str]) -> list[StoredWatch]:
        """Those of the workflows that have one."""

    async def find_seen(self, name_id: str) -> Seen | None:
        """What is known of a workflow's watch; None if it has none."""

    async def add_seen(self, name_id: str, seen: Seen) -> bool:
        """Take over what another platform knows. False if the workflow watches something else."""


class RemoteWatches:
    """WatchesObject over a channel."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def note_poll(self, poll: Poll) -> list[str]:
        wanted: list[str] = await self._channel.call("note_poll", {"poll": poll})
        return wanted

    async def add_items(self, name_id: str, watch: str, items: Sequence[FoundItem]) -> None:
        await self._channel.call("add_items", {"name_id": name_id, "watch": watch, "items": list(items)})

    async def note_failed_poll(self, name_id: str, watch: str, at_ms: float, error: str) -> None:
        asked = {"name_id": name_id, "watch": watch, "at_ms": at_ms, "error": error}
        await self._channel.call("note_failed_poll", asked)

    async def find_watches(self, name_ids: Sequence[str]) -> list[StoredWatch]:
        found: list[StoredWatch] = await self._channel.call("find_watches", {"name_ids": list(name_ids)})
        return found

    async def find_seen(self, name_id: str) -> Seen | None:
        seen: Seen | None = await self._channel.call("find_seen", {"name_id": name_id})
        return seen

    async def add_seen(self, name_id: str, seen: Seen) -> bool:
        is_done: bool = await self._channel.call("add_seen", {"name_id": name_id, "seen": seen})
        return is_done
