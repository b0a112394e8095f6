"""Schedules of workflows: what a Workspace keeps of them, and its operations on them. The rules by which times become
runs: firings.py.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, TypedDict

from arcrun.durable_objects import Channel

if TYPE_CHECKING:
    from arcrun.workspace.protocol import Note

Firing = tuple[float, str]  # a due time in milliseconds since 1970, and the id of the run that it starts


class NewSchedule(TypedDict):
    """A schedule of a version that becomes current. `key` is as in arcrun/workflows/triggers/schedules.py, `number` its
    place in the file, `rules` Schedule.rules_to_json as JSON. `due_ms` is its first time from now on, None if there is
    none; of an `every` it is counted from now.
    """

    key: str
    number: int
    rules: str
    due_ms: float | None


class StoredSchedule(NewSchedule):
    """`due_ms` is the next time of which nothing has been decided yet, `fire_ms` when the object looks at it, None if
    never; `waiting_ms` since when it should have begun something for which there was no room, or which the platform did
    not begin. `queue` are times that were decided to start a run, and have not. `last_run` is the run that it has
    started last, for the time `last_due_ms`. `skipped` counts times at which a run was under way, or the workflow
    paused; `missed` those that were not caught up.
    """

    name_id: str
    fire_ms: float | None
    waiting_ms: float | None
    queue: list[Firing]
    last_run: str | None
    last_due_ms: float | None
    skipped: int
    missed: int
    is_paused: bool


class SchedulesObject(Protocol):
    async def list_schedules(self, after: str, limit: int) -> list[StoredSchedule]:
        """The schedules of at most `limit` workflows, in the order of `name_id`, after `after`."""

    async def find_schedules(self, name_id: str) -> list[StoredSchedule]:
        """Those of a workflow, in the order of its file."""

    async def pause_schedules(self, name_id: str, note: "Note") -> bool:
        """Start no more runs, until they are resumed. False if the workflow has none."""

    async def resume_schedules(
        self, name_id: str, due_ms: Mapping[str, float | None], note: "Note", running: Sequence[str] = ()
    ) -> bool:
        """Start runs again, from the times `due_ms` on, by key. What was queued is forgotten, but for runs that are
        under way: those `running`. False if the workflow has none.
        """


class RemoteSchedules:
    """SchedulesObject over a channel."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def list_schedules(self, after: str, limit: int) -> list[StoredSchedule]:
        found: list[StoredSchedule] = await self._channel.call("list_schedules", {"after": after, "limit": limit})
        return found

    async def find_schedules(self, name_id: str) -> list[StoredSchedule]:
        found: list[StoredSchedule] = await self._channel.call("find_schedules", {"name_id": name_id})
        return found

    async def pause_schedules(self, name_id: str, note: "Note") -> bool:
        is_done: bool = await self._channel.call("pause_schedules", {"name_id": name_id, "note": note})
        return is_done

    async def resume_schedules(
        self, name_id: str, due_ms: Mapping[str, float | None], note: "Note", running: Sequence[str] = ()
    ) -> bool:
        asked = {"name_id": name_id, "due_ms": dict(due_ms), "note": note, "running": list(running)}
        is_done: bool = await self._channel.call("resume_schedules", asked)
        return is_done
