"""The operations of a Workspace, and its shapes on the wire.

What could tell of a tenant is text that the Worker has sealed (arcrun/workspace/sealing.py): the object compares and
keeps it. `name_id` stands for a workflow's name, `token_id` for a token (its SHA-256), `line` for a line of the audit
log, which an operation adds with what it does. Times are ISO 8601 in UTC.
"""

from collections.abc import Sequence
from typing import Any, Literal, NotRequired, Protocol, TypedDict, TypeVar

from arcrun.objects import Channel

Shape = TypeVar("Shape")
State = Literal["new", "open", "closed"]


class StoredHead(TypedDict):
    """`identity` is the sealed {"name", "token"}, `traits` the sealed {"calls"} of the current version.

    `version` is the current one, `latest` the highest number given so far, `pending` the numbers among them whose push
    has not ended: such a version is none. `floor` is the highest number of an earlier workflow of this name: it has
    been deleted, with all its versions.
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


class Commit(TypedDict):
    """A version to make current. `identity` and `token_id` are taken if the workflow has none yet."""

    name_id: str
    number: int
    identity: str
    token_id: str
    traits: str
    format: int
    updated_at: str


class Rotation(TypedDict):
    """`token_id` is that of the token to replace, `identity` and `new_token_id` of the one that comes."""

    name_id: str
    token_id: str
    identity: str
    new_token_id: str


class Note(TypedDict):
    """A line of the audit log."""

    at: str
    line: str


class Committed(TypedDict):
    """The head as it then is. None if the workflow has been deleted since `number` was given."""

    head: StoredHead | None


class Reserved(TypedDict):
    """`number` is 0 with the reason: "workflows" live already, or "names" were ever used, as many as may be."""

    number: int
    full: NotRequired[Literal["workflows", "names", ""]]


class Looked(TypedDict):
    """`state` says how to read a missing head: in a "new" workspace KV may have one that is not imported yet.
    `floor` is the name's, also where there is no head.
    """

    head: StoredHead | None
    state: State
    floor: int


class StoredNote(Note):
    id: int


class WorkspaceObject(Protocol):
    """One event at a time: what an operation decides holds."""

    async def look(self, name_id: str) -> Looked:
        """The head of a workflow."""

    async def look_for_token(self, token_id: str) -> StoredHead | None:
        """The head that names a token."""

    async def list_heads(self, after: str, limit: int) -> list[StoredHead]:
        """In the order of `name_id`, beginning after that one."""

    async def import_heads(self, heads: Sequence[StoredHead], is_complete: bool, note: Note) -> State:
        """Take what KV had before there was a Workspace. Heads that are there stay. With `is_complete` nothing is
        imported afterwards, and `note` is noted if anything was imported.
        """

    async def reserve(self, name_id: str, at_least: int) -> Reserved:
        """The number of the next version, higher than `at_least`. It is given once."""

    async def commit(self, version: Commit, note: Note) -> Committed:
        """Make the version current, unless one with a higher number has come first."""

    async def roll_back(self, version: Commit, note: Note) -> Committed:
        """Make an earlier version current."""

    async def rotate(self, rotation: Rotation, note: Note) -> Committed:
        """Replace the token, if it is the one that counts. None if it is not."""

    async def delete(self, name_id: str, token_id: str, note: Note) -> bool:
        """Delete the head with all its versions, if `token_id` is the token that counts."""

    async def note(self, note: Note, is_told: bool) -> None:
        """Add a line to the audit log. `is_told` marks what somebody tells who has done it past the platform: of such
        lines fewer are kept, and they push out none of the others.
        """

    async def list_notes(self, before: int | None, limit: int) -> list[StoredNote]:
        """The newest first, beginning before that id."""

    async def open_anew(self) -> None:
        """For a new tenant: empty, with nothing to import."""

    async def close(self) -> None:
        """Forget everything, for good: a closed workspace has no heads, takes none and imports nothing."""


class RemoteWorkspace:
    """WorkspaceObject over a channel."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

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

    async def rotate(self, rotation: Rotation, note: Note) -> Committed:
        return await self._call(Committed, "rotate", rotation=rotation, note=note)

    async def delete(self, name_id: str, token_id: str, note: Note) -> bool:
        return await self._call(bool, "delete", name_id=name_id, token_id=token_id, note=note)

    async def note(self, note: Note, is_told: bool) -> None:
        await self._call(object, "note", note=note, is_told=is_told)

    async def list_notes(self, before: int | None, limit: int) -> list[StoredNote]:
        return await self._call(list[StoredNote], "list_notes", before=before, limit=limit)

    async def open_anew(self) -> None:
        await self._call(object, "open_anew")

    async def close(self) -> None:
        await self._call(object, "close")

    async def _call(self, _shape: type[Shape], operation: str, **arguments: Any) -> Shape:
        answer: Shape = await self._channel.call(operation, arguments)
        return answer
