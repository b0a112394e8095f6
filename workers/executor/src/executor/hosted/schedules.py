"""A tenant's schedules by the names of its workflows, over a Workspace that knows them by hidden ones."""

from collections.abc import Mapping, Sequence
from contextlib import suppress

from arcrun.errors import DecryptionError
from arcrun.workspace.protocol import Note
from arcrun.workspace.schedules import SchedulesObject, StoredSchedule
from arcrun.workspace.starts import Starts


class HiddenSchedules:
    """Implements SchedulesObject. Keys of schedules stay hidden. What was sealed under another key is not listed."""

    def __init__(self, workspace: SchedulesObject, starts: Starts) -> None:
        self._workspace, self._starts = workspace, starts

    async def list_schedules(self, after: str, limit: int) -> list[StoredSchedule]:
        """In an order of its own: `after` is the name of the last workflow of the page before."""
        hidden = self._starts.id_of(after) if after else ""
        return await self._open(await self._workspace.list_schedules(hidden, limit))

    async def find_schedules(self, name_id: str) -> list[StoredSchedule]:
        return await self._open(await self._workspace.find_schedules(self._starts.id_of(name_id)))

    async def pause_schedules(self, name_id: str, note: Note) -> bool:
        return await self._workspace.pause_schedules(self._starts.id_of(name_id), note)

    async def resume_schedules(
        self, name_id: str, due_ms: Mapping[str, float | None], note: Note, running: Sequence[str] = ()
    ) -> bool:
        return await self._workspace.resume_schedules(self._starts.id_of(name_id), due_ms, note, running)

    async def _open(self, found: Sequence[StoredSchedule]) -> list[StoredSchedule]:
        opened = []
        for each in found:
            with suppress(DecryptionError):
                opened.append(await self._starts.open_schedule(each))
        return opened
