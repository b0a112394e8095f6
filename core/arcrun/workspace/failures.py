"""Failures of runs, which start workflows (`failure_of`): what a RunLog tells a Workspace of them, and what is gathered
until the next run of a handler may start. The rules for it: failure_groups.py.
"""

from collections.abc import Mapping
from typing import NotRequired, Protocol, TypedDict

from arcrun.durable_objects import Channel


class ToldFailure(TypedDict):
    """A run that has failed or is lost. `number` rises with each that its object of the RunLog tells of. `error` has
    `code` and `message`; `node` is None if no node has failed; `depth` is that of the runs which the failure starts, 1
    if left out. Of a tenant's `workflow` is hidden, and `error` is {"sealed"}, with all that is said of it (starts.py).
    """

    number: int
    workflow: str
    run_id: str
    trigger: str
    started_at: str
    error: Mapping[str, str]
    node: str | None
    depth: NotRequired[int]


class NewHandler(TypedDict):
    """A version that becomes current has `failure_of`: the workflows, and the least time between two of its runs."""

    watched: list[str]
    pause_ms: float


class Gathered(TypedDict):
    """Failures that have not started a run yet: the newest, how many there are, since when, and of which workflows.
    `depth` is the least of theirs, 1 if left out: what failed outside a circle is told, whatever else has.
    """

    last: ToldFailure
    count: int
    since: str
    workflows: dict[str, int]
    depth: NotRequired[int]


class FailuresObject(Protocol):
    async def report_failures(self, log_number: int, failures: list[ToldFailure]) -> bool:
        """Take note of failures that object `log_number` of the RunLog tells of; those that it has told before count
        once. Returns whether any workflow is started by failures at all.
        """

    async def list_handled(self) -> list[tuple[str, str]]:
        """Pairs of a workflow and one whose failures start it, by its name."""


class RemoteFailures:
    """FailuresObject over a channel."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def report_failures(self, log_number: int, failures: list[ToldFailure]) -> bool:
        asked = {"log_number": log_number, "failures": failures}
        is_watched: bool = await self._channel.call("report_failures", asked)
        return is_watched

    async def list_handled(self) -> list[tuple[str, str]]:
        pairs: list[list[str]] = await self._channel.call("list_handled", {})
        return [(handler, handled) for handler, handled in pairs]
