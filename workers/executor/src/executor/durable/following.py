"""Tells what is new of a run, as events, for as long as somebody listens: its verdict, its nodes, its end.

The record is read again and again, for no request may wait for another. What a client has been told is the id of the
last event, so that a follower who comes back hears of nothing twice and misses nothing, wherever it is answered.
"""

import hashlib
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from starlette.requests import Request
from starlette.responses import Response

from arcrun.engine.record import StoredRecord
from arcrun.errors import ArcrunError, NotFoundError, RateLimitedError, RequestError
from arcrun.limits import MAX_FOLLOW_MS, MAX_FOLLOWERS
from arcrun.ports import Clock
from arcrun.run_log.filter import UNFINISHED
from arcrun_http.event_stream import KEEP_ALIVE, EventStream, render_event, render_retry
from arcrun_http.responses import EVENTS
from executor.account.runs import name_run_id
from executor.records.runs import Runs
from executor.service import ExecutorService

POLL_MS, LATER_POLL_MS = 1_000, 2_000  # between two looks at the record; the latter after SOON_MS
SPARE_POLL_MS = 3_000  # where looks are counted: on the free plan, and in a tenant's KV
SOON_MS = 15_000
LEASE_MS = 5_000  # of a follower's place: longer than it takes from look to look
RETRY_MS, RETRY_AFTER_S = 1_000, 10  # before a follower comes back
_DIGITS = 8  # of the hash that stands for a node's entry
_RESULT = ("data", "error", "undone", "undos", "response")  # told with the end
_NEVER_IN_VERDICT = ("trace", "input", *_RESULT)


@dataclass(frozen=True)
class Told:
    """What a follower knows: the run's status, and a hash of the entry of each node."""

    status: str = ""
    entries: frozenset[str] = frozenset()

    @classmethod
    def load(cls, event_id: str) -> "Told":
        """From an event's id; what cannot be read counts as nothing."""
        status, _, hashes = event_id.partition(".")
        return cls(status, frozenset(hashes[at : at + _DIGITS] for at in range(0, len(hashes), _DIGITS)))

    @property
    def event_id(self) -> str:
        return f"{self.status}.{''.join(sorted(self.entries))}"


@dataclass
class Followers:
    """Those that an isolate tells of one account's runs, each with a lease that it renews at each look: of a request
    that the platform ends nothing is heard.
    """

    leases_ms: dict[object, float] = field(default_factory=dict)

    def enter(self, now_ms: float) -> object:
        """Raises RateLimitedError TOO_MANY_FOLLOWERS."""
        self.leases_ms = {follower: lease_ms for follower, lease_ms in self.leases_ms.items() if lease_ms > now_ms}
        if len(self.leases_ms) >= MAX_FOLLOWERS:
            raise RateLimitedError(RETRY_AFTER_S, "Too many runs are being followed.", "TOO_MANY_FOLLOWERS")
        follower = object()
        self.renew(follower, now_ms)
        return follower

    def renew(self, follower: object, now_ms: float) -> None:
        self.leases_ms[follower] = now_ms + LEASE_MS

    def leave(self, follower: object) -> None:
        self.leases_ms.pop(follower, None)


_followers: WeakKeyDictionary[Runs, Followers] = WeakKeyDictionary()


async def answer_follower(service: ExecutorService, request: Request) -> Response:
    """The events of a run, from behind Last-Event-ID; 204, after which a browser does not come back, if it has ended
    and its follower knows that. Raises NotFoundError RUN_NOT_FOUND; RequestError; RateLimitedError TOO_MANY_FOLLOWERS.
    """
    clock, told = service.engine.ports.clock, Told.load(request.headers.get("last-event-id", ""))
    record = await service.runs.find(request.path_params["run_id"])
    if request.headers.get("accept") != EVENTS:
        raise RequestError(
            "A run is followed by Server-Sent Events.",
            next_actions=[f"Send `Accept: {EVENTS}`.", "To see its record as it is: acr logs RUN"],
        )
    if told.status == record["status"] not in UNFINISHED:
        return Response(status_code=204)
    followers = _followers.setdefault(service.runs, Followers())
    follower = followers.enter(clock.now_ms())

    async def tell() -> AsyncIterator[bytes]:
        try:
            is_spare = service.lasting is None or service.engine.limits.is_free
            async for part in _follow(service.runs, clock, record, told, is_spare=is_spare):
                followers.renew(follower, clock.now_ms())
                yield part
        finally:
            followers.leave(follower)

    return EventStream(tell())


async def _follow(
    runs: Runs, clock: Clock, record: StoredRecord, told: Told, *, is_spare: bool
) -> AsyncIterator[bytes]:
    """What is new at each look, if anything."""
    began_ms = clock.now_ms()
    yield render_retry(RETRY_MS)
    while True:
        news, told = render_news(record, told)
        yield news or KEEP_ALIVE
        if record["status"] not in UNFINISHED:
            return
        passed_ms = clock.now_ms() - began_ms
        wait_ms = SPARE_POLL_MS if is_spare else POLL_MS if passed_ms < SOON_MS else LATER_POLL_MS
        if passed_ms + wait_ms > MAX_FOLLOW_MS:
            return
        await clock.sleep(wait_ms)
        try:
            record = await runs.find(record["id"])
        except NotFoundError:
            yield render_event("gone", {"run_id": record["id"]})
            return
        except ArcrunError:  # it may pass until the next look
            continue


def render_news(record: StoredRecord, told: Told) -> tuple[bytes, Told]:
    """The events of what is new in a record, and what its follower then knows. The last event has the id, so that
    whoever misses a part of them gets all of them again.
    """
    events = [*_list_news(record, told)]
    known = Told(record["status"], told.entries | {_hash(entry) for entry in record.get("trace", ())})
    ids = [*[None] * (len(events) - 1), known.event_id]
    return b"".join(
        render_event(name, data, event_id) for (name, data), event_id in zip(events, ids, strict=False)
    ), known


def _list_news(record: StoredRecord, told: Told) -> Iterator[tuple[str, Mapping[str, Any]]]:
    verdict = name_run_id({name: value for name, value in record.items() if name not in _NEVER_IN_VERDICT})
    is_new = record["status"] != told.status
    if is_new and record["status"] in UNFINISHED:
        yield "status", verdict
    for entry in record.get("trace", ()):
        if _hash(entry) not in told.entries:
            yield "node", entry
    if is_new and record["status"] not in UNFINISHED:
        yield "end", {**verdict, **{name: value for name, value in record.items() if name in _RESULT}}


def _hash(entry: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(entry).encode()).hexdigest()[:_DIGITS]
