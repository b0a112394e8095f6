"""Keys of requests, under which the answer of the first is kept for its repetitions: an object's operations, and their
wire formats. Tables: docs/storage-schema.md.
"""

from typing import Literal, NotRequired, Protocol, TypedDict

from arcrun.durable_objects import Channel

SettledStatus = Literal["success", "failed", "accepted"]


class Claim(TypedDict):
    """A request with a key, before its run. `key` and `fingerprint`, of what the request asks for, are SHA-256 in
    hexadecimal. The run `run_id` has the key for `lease_ms`, and its answer is kept for `keep_ms`, both from now.
    """

    key: str
    fingerprint: str
    run_id: str
    lease_ms: float
    keep_ms: float
    retries_failed: bool


class Claimed(TypedDict):
    """What became of a claim, and the run that has the key.

    "claimed": it is this request's. "running": a run is under way, which may take another `left_ms`. "settled": that
    run has been answered; `answer` is sealed (executor/records/run_inputs.py), None if it is not stored. "reused": it
    is that of a request that asks for something else.
    """

    state: Literal["claimed", "running", "settled", "reused"]
    run_id: str
    left_ms: NotRequired[float]
    answer: NotRequired[str | None]


class Settlement(TypedDict):
    """The end of a claim. `status` is how the run ended, or "accepted" of one that goes on after its answer."""

    key: str
    run_id: str
    status: SettledStatus
    answer: str | None


class RequestKeysObject(Protocol):
    """The keys of requests, in an object that each key names."""

    async def claim(self, claim: Claim) -> Claimed:
        """Give the key to the request's run, if it has no other."""

    async def settle(self, settlement: Settlement) -> None:
        """Store the answer of the run that has the key. Nothing happens if another has it."""

    async def release(self, key: str, run_id: str) -> None:
        """Give up a claim whose run has not begun."""


class RemoteRequestKeys:
    """RequestKeysObject over a channel."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def claim(self, claim: Claim) -> Claimed:
        claimed: Claimed = await self._channel.call("claim", {"claim": dict(claim)})
        return claimed

    async def settle(self, settlement: Settlement) -> None:
        await self._channel.call("settle", {"settlement": dict(settlement)})

    async def release(self, key: str, run_id: str) -> None:
        await self._channel.call("release", {"key": key, "run_id": run_id})
