"""The operations of a Workspace, and their wire formats.

Strings that could reveal something about a tenant are sealed by the Worker (arcrun/workspace/sealing.py); the object
only compares and stores them. `name_id` identifies a workflow's name, `token_id` a token (its SHA-256); `line` is a
line of the audit log, which an operation adds together with its change. Times are ISO 8601 in UTC.
"""

from collections.abc import Sequence
from typing import Any, Literal, NotRequired, Protocol, TypedDict, TypeVar

from arcrun.admissions import AdmissionsObject, RemoteAdmissions
from arcrun.authorization.protocol import AccessTokensObject, RemoteAccessTokens
from arcrun.request_keys import RemoteRequestKeys, RequestKeysObject
from arcrun.workspace.access_keys import AccessKeysObject, RemoteAccessKeys
from arcrun.workspace.chains import ChainsObject, RemoteChains
from arcrun.workspace.failures import FailuresObject, NewHandler, RemoteFailures
from arcrun.workspace.schedules import NewSchedule, RemoteSchedules, SchedulesObject
from arcrun.workspace.sessions import RemoteSessions, SessionsObject
from arcrun.workspace.watches import RemoteWatches, WatchesObject

Shape = TypeVar("Shape")
State = Literal["new", "open", "closed"]


class StoredHead(TypedDict):
    """The head of a workflow. `identity` is the sealed {"name", "token"}, `traits` the sealed {"calls", "file"} of
    the current version.

    `version` is the current version, `latest` the highest number given so far, `pending` the numbers whose push has not
    ended; they are not versions yet. `floor` is the highest number of an earlier, deleted workflow of this name.
    `paused` is an OnTrigger (arcrun/workspace/pause.py) while the workflow is paused, `all_paused` while all are.
    `is_followed` is 1 if its runs start others (`after`), `is_watched` if failures of a tenant's do (`failure_of`).
    """

    name_id: str
    token_id: str
    identity: str
    traits: str
    version: int
    latest: int
    pending: list[int]
    floor: int
    format: int
    updated_at: str
    paused: NotRequired[str | None]
    all_paused: NotRequired[str | None]
    is_followed: NotRequired[int]
    is_watched: NotRequired[int]


class Commit(TypedDict):
    """A version to make current. `identity` and `token_id` are used if the workflow has none yet. `schedules` and
    `failure_of` are the version's own, `after` the workflows that it follows, `watch` is what it watches
    (Watch.identity); Workers of the release before tell of none. A tenant's are hidden and sealed (starts.py);
    `most_schedules` is how many the tenant may have.
    """

    name_id: str
    number: int
    identity: str
    token_id: str
    traits: str
    format: int
    updated_at: str
    schedules: NotRequired[list[NewSchedule]]
    failure_of: NotRequired[NewHandler | None]
    after: NotRequired[list[str]]
    most_schedules: NotRequired[int]
    watch: NotRequired[str | None]


class Rotation(TypedDict):
    """`token_id` is the token to replace, `identity` and `new_token_id` are those of the new one."""

    name_id: str
    token_id: str
    identity: str
    new_token_id: str


class Note(TypedDict):
    """A line of the audit log."""

    at: str
    line: str


class Committed(TypedDict):
    """The head after the operation. None if the workflow has been deleted since `number` was given, or if a limit is
    reached: `full` says of what.
    """

    head: StoredHead | None
    full: NotRequired[Literal["schedules"]]


class Reserved(TypedDict):
    """`number` is 0 if a limit is reached: of existing "workflows", or of "names" ever used."""

    number: int
    full: NotRequired[Literal["workflows", "names", ""]]


class Looked(TypedDict):
    """`state` tells how to interpret a missing head: in a "new" workspace, KV may have one that is not imported yet.
    `floor` is the name's, even if there is no head.
    """

    head: StoredHead | None
    state: State
    floor: int


class StoredNote(Note):
    id: int


class Refused(TypedDict):
    """How many requests of a workflow's webhook were refused on a day (UTC) with the error's code."""

    name_id: str
    day: str
    code: str
    count: int
    last_at: str


class WorkspaceObject(
    RequestKeysObject,
    AdmissionsObject,
    SchedulesObject,
    FailuresObject,
    ChainsObject,
    WatchesObject,
    AccessKeysObject,
    SessionsObject,
    AccessTokensObject,
    Protocol,
):
    """A Workspace. It processes one event at a time, so its decisions are consistent."""

    async def belong_to(self, tenant_id: str) -> None:
        """Begin at its alarms what starts workflows of this tenant by itself. An object without this operation cannot,
        and gets none.
        """

    async def forget_reports(self) -> None:
        """Forget up to where the tenant's RunLog has told of runs: it begins anew, and may count from 1 again."""

    async def look(self, name_id: str) -> Looked:
        """The head of a workflow."""

    async def look_for_token(self, token_id: str) -> StoredHead | None:
        """The head with this token."""

    async def list_heads(self, after: str, limit: int) -> list[StoredHead]:
        """The heads in the order of `name_id`, after `after`."""

    async def import_heads(self, heads: Sequence[StoredHead], is_complete: bool, note: Note) -> State:
        """Import the heads that KV had before there was a Workspace. Existing heads stay. After `is_complete` nothing
        is imported any more, and `note` is added if anything was imported.
        """

    async def reserve(self, name_id: str, at_least: int) -> Reserved:
        """The number of the next version, higher than `at_least`. Each number is given only once."""

    async def commit(self, version: Commit, note: Note) -> Committed:
        """Make the version current, unless one with a higher number already is."""

    async def roll_back(self, version: Commit, note: Note) -> Committed:
        """Make an earlier version current."""

    async def describe(self, version: Commit, note: Note) -> Committed:
        """Replace the traits of the version, if it is the current one. The head is that after it, in any case."""

    async def rotate(self, rotation: Rotation, note: Note) -> Committed:
        """Replace the token, if it is the valid one; otherwise return None."""

    async def pause(self, name_id: str, on_trigger: str | None, note: Note) -> Committed:
        """Pause the workflow, or with None let it go on."""

    async def pause_all(self, on_trigger: str | None, note: Note) -> None:
        """Pause all workflows, or with None let those go on that are not paused by themselves."""

    async def delete(self, name_id: str, token_id: str, note: Note) -> bool:
        """Delete the head with all its versions, if `token_id` is the valid token."""

    async def note(self, note: Note, is_told: bool) -> None:
        """Add a line to the audit log. `is_told` marks a report of something done outside the platform: fewer of these
        lines are kept, and they never displace others.
        """

    async def list_notes(self, before: int | None, limit: int) -> list[StoredNote]:
        """The lines, newest first, before that id."""

    async def add_refused(self, refused: Sequence[Refused]) -> None:
        """Add to the counts of existing workflows; those of others are ignored."""

    async def list_refused(self, name_id: str) -> list[Refused]:
        """The counts of a workflow's last days."""

    async def open_anew(self) -> None:
        """Empty the workspace for a new tenant, with nothing to import."""

    async def close(self) -> None:
        """Delete everything permanently: a closed workspace has no heads, accepts none and imports nothing."""


class RemoteWorkspace(
    RemoteRequestKeys,
    RemoteAdmissions,
    RemoteSchedules,
    RemoteFailures,
    RemoteChains,
    RemoteWatches,
    RemoteAccessKeys,
    RemoteSessions,
    RemoteAccessTokens,
):
    """WorkspaceObject over a channel."""

    async def belong_to(self, tenant_id: str) -> None:
        await self._call(object, "belong_to", tenant_id=tenant_id)

    async def forget_reports(self) -> None:
        await self._call(object, "forget_reports")

    async def look(self, name_id: str) -> Looked:
        return await self._call(Looked, "look", name_id=name_id)

    async def look_for_token(self, token_id: str) -> StoredHead | None:
        head: StoredHead | None = await self._channel.call("look_for_token", {"token_id": token_id})
        return head

    async def list_heads(self, after: str, limit: int) -> list[StoredHead]:
        return await self._call(list[StoredHead], "list_heads", after=after, limit=limit)

    async def import_heads(self, heads: Sequence[StoredHead], is_complete: bool, note: Note) -> State:
        arguments = {"heads": list(heads), "is_complete": is_complete, "note": note}
        state: State = await self._channel.call("import_heads", arguments)
        return state

    async def reserve(self, name_id: str, at_least: int) -> Reserved:
        return await self._call(Reserved, "reserve", name_id=name_id, at_least=at_least)

    async def commit(self, version: Commit, note: Note) -> Committed:
        return await self._call(Committed, "commit", version=version, note=note)

    async def roll_back(self, version: Commit, note: Note) -> Committed:
        return await self._call(Committed, "roll_back", version=version, note=note)

    async def describe(self, version: Commit, note: Note) -> Committed:
        return await self._call(Committed, "describe", version=version, note=note)

    async def rotate(self, rotation: Rotation, note: Note) -> Committed:
        return await self._call(Committed, "rotate", rotation=rotation, note=note)

    async def pause(self, name_id: str, on_trigger: str | None, note: Note) -> Committed:
        return await self._call(Committed, "pause", name_id=name_id, on_trigger=on_trigger, note=note)

    async def pause_all(self, on_trigger: str | None, note: Note) -> None:
        await self._call(object, "pause_all", on_trigger=on_trigger, note=note)

    async def delete(self, name_id: str, token_id: str, note: Note) -> bool:
        return await self._call(bool, "delete", name_id=name_id, token_id=token_id, note=note)

    async def note(self, note: Note, is_told: bool) -> None:
        await self._call(object, "note", note=note, is_told=is_told)

    async def list_notes(self, before: int | None, limit: int) -> list[StoredNote]:
        return await self._call(list[StoredNote], "list_notes", before=before, limit=limit)

    async def add_refused(self, refused: Sequence[Refused]) -> None:
        await self._call(object, "add_refused", refused=list(refused))

    async def list_refused(self, name_id: str) -> list[Refused]:
        return await self._call(list[Refused], "list_refused", name_id=name_id)

    async def open_anew(self) -> None:
        await self._call(object, "open_anew")

    async def close(self) -> None:
        await self._call(object, "close")

    async def _call(self, _shape: type[Shape], operation: str, **arguments: Any) -> Shape:
        answer: Shape = await self._channel.call(operation, arguments)
        return answer
