"""What starts workflows by itself, as a Workspace stores it: an account's own in plaintext, a tenant's sealed.

The object compares names and keys by their ids, and knows times, ids of runs, how much a start is spread, and counts.
All else opens only where MASTER_KEY is: the rules of a schedule, and what is told of a failure.
"""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from arcrun.workflows.triggers.failures import ALL_OTHERS
from arcrun.workspace.failures import NewHandler, ToldFailure
from arcrun.workspace.schedules import NewSchedule, StoredSchedule
from arcrun.workspace.sealing import Sealing

FindName = Callable[[str], Awaitable[str | None]]
_SCHEDULE = "schedule"


class Starts(Protocol):
    def id_of(self, name: str) -> str:
        """The id of a workflow's name."""

    def key_of(self, key: str) -> str:
        """How the key of a schedule is stored."""

    async def seal_schedules(self, workflow: str, schedules: Sequence[NewSchedule]) -> list[NewSchedule]: ...

    async def open_schedule(self, stored: StoredSchedule) -> StoredSchedule:
        """With its rules, and the workflow's name for `name_id`. Raises DecryptionError."""

    def hide_handler(self, handler: NewHandler | None) -> NewHandler | None: ...

    async def open_failures(self, told: Mapping[str, Any], find_name: FindName) -> Mapping[str, Any]:
        """The input of a run that failures start, from what is stored of it; `find_name` finds a name by its id. Raises
        DecryptionError, UpstreamError.
        """


class PlainStarts:
    """Of an account with a platform of its own."""

    def id_of(self, name: str) -> str:
        return name

    def key_of(self, key: str) -> str:
        return key

    async def seal_schedules(self, _workflow: str, schedules: Sequence[NewSchedule]) -> list[NewSchedule]:
        return [*schedules]

    async def open_schedule(self, stored: StoredSchedule) -> StoredSchedule:
        return stored

    def hide_handler(self, handler: NewHandler | None) -> NewHandler | None:
        return handler

    async def open_failures(self, told: Mapping[str, Any], _find_name: FindName) -> Mapping[str, Any]:
        return told


class SealedStarts:
    """Of a tenant. `rules` is {"sealed", "jitter"}: the sealed {"workflow", "rules"}, and how much starts spread."""

    def __init__(self, sealing: Sealing) -> None:
        self._sealing = sealing

    def id_of(self, name: str) -> str:
        return self._sealing.id_of(name)

    def key_of(self, key: str) -> str:
        return self._sealing.id_of(f"{_SCHEDULE} {key}")

    async def seal_schedules(self, workflow: str, schedules: Sequence[NewSchedule]) -> list[NewSchedule]:
        return [await self._seal_schedule(workflow, each) for each in schedules]

    async def _seal_schedule(self, workflow: str, schedule: NewSchedule) -> NewSchedule:
        rules = json.loads(schedule["rules"])
        sealed = await self._sealing.seal(_SCHEDULE, {"workflow": workflow, "rules": rules})
        shown = {name: rules[name] for name in ("jitter",) if name in rules}
        return {**schedule, "key": self.key_of(schedule["key"]), "rules": json.dumps({"sealed": sealed, **shown})}

    async def open_schedule(self, stored: StoredSchedule) -> StoredSchedule:
        opened = await self._sealing.open(_SCHEDULE, json.loads(stored["rules"])["sealed"])
        return {**stored, "name_id": opened["workflow"], "rules": json.dumps(opened["rules"])}

    def hide_handler(self, handler: NewHandler | None) -> NewHandler | None:
        if handler is None:
            return None
        watched = [name if name == ALL_OTHERS else self.id_of(name) for name in handler["watched"]]
        return {**handler, "watched": watched}

    async def seal_failure(self, failure: ToldFailure) -> ToldFailure:
        told = {name: failure[name] for name in ("workflow", "error", "node")}
        sealed = await self._sealing.seal(_failure_of(failure["run_id"]), told)
        return {**failure, "workflow": self.id_of(failure["workflow"]), "error": {"sealed": sealed}, "node": None}

    async def open_failures(self, told: Mapping[str, Any], find_name: FindName) -> Mapping[str, Any]:
        """Workflows that were deleted meanwhile count in the total alone."""
        last = await self._sealing.open(_failure_of(told["run_id"]), told["error"]["sealed"])
        known = {self.id_of(last["workflow"]): last["workflow"]}
        counts = {}
        for name_id, count in told["workflows"].items():
            if (name := known.get(name_id) or await find_name(name_id)) is not None:
                counts[name] = count
        return {**told, **last, "workflows": counts}


def build_starts(sealing: Sealing) -> Starts:
    return SealedStarts(sealing) if sealing.hides_names else PlainStarts()


def _failure_of(run_id: str) -> str:
    return f"failure of run {run_id}"
