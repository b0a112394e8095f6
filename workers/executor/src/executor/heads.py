"""The heads of workflows as the Worker sees them: kept in the Workspace, remembered here for a moment.

A token works only while its workflow's head names it. The head is asked of the Workspace and kept for FRESH_MS; KV, in
which a tenant may put back whatever it once held, is believed for none of that. If the Workspace cannot be asked, what
this isolate knew last counts for STALE_MS.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from arcrun.caches import Cache, CacheSpace
from arcrun.errors import ConflictError, DecryptionError, NotFoundError, UpstreamError
from arcrun.limits import MAX_CACHED_HEADS, MAX_WORKFLOWS_PAGE
from arcrun.ports import Clock
from arcrun.workspace.protocol import Commit, Note, Rotation, State, StoredHead, WorkspaceObject
from arcrun.workspace.sealing import Sealing, token_id_of

FRESH_MS = 30_000  # a rotated or deleted token works no longer than this
STALE_MS = 3_600_000
HEAD_BYTES = 2_000  # what one takes in memory
_IDENTITY, _TRAITS = "identity", "traits"

logger = logging.getLogger("arcrun")


@dataclass(frozen=True)
class Head:
    """Which version of a workflow runs, and which token leads to it.

    `latest` is the newest number, `version` the current one: they differ after a rollback. Versions up to `floor` are
    of an earlier workflow of this name, the push of those in `pending` has not ended. `updated_at` is when the version
    became current; `format` that of its plan. `calls` are the workflows that it calls, None where that is not known.
    """

    name: str
    token: str
    version: int
    latest: int
    floor: int
    updated_at: str
    format: int
    calls: tuple[str, ...] | None = None
    pending: tuple[int, ...] = ()

    def has_version(self, number: int) -> bool:
        return self.floor < number <= self.latest and number not in self.pending


@dataclass(frozen=True)
class NewVersion:
    """What a push or a rollback makes current. `token` is for a workflow that has none."""

    name: str
    number: int
    token: str
    updated_at: str
    format: int
    calls: tuple[str, ...] | None


class Heads:
    """Raises UpstreamError OBJECT_UNAVAILABLE and DecryptionError wherever the Workspace is asked."""

    def __init__(
        self, workspace: WorkspaceObject, sealing: Sealing, clock: Clock, space: CacheSpace | None = None
    ) -> None:
        self._workspace, self._sealing, self._clock = workspace, sealing, clock
        self._known: Cache[tuple[float, Head | None]] = Cache(MAX_CACHED_HEADS, space or CacheSpace())

    async def recall(self, name: str, token: str | None = None) -> tuple[Head | None, State]:
        """The head as it was at most FRESH_MS ago. For a missing one the state says whether KV may have it still.

        With `token` only if it is the head's, for that of another may be newer than what is remembered.
        """
        asked_ms, head = self._known.get(name) or (None, None)
        age_ms = STALE_MS if asked_ms is None else self._clock.now_ms() - asked_ms
        fits = token is None or (head is not None and head.token == token)
        if fits and age_ms < FRESH_MS:
            return head, "open"
        try:
            return await self.look(name)
        except UpstreamError:
            if not fits or age_ms >= STALE_MS:
                raise
            logger.warning("The Workspace cannot be asked: what was known of a workflow counts on")
            return head, "open"

    async def look(self, name: str) -> tuple[Head | None, State]:
        """The head as it is."""
        looked = await self._workspace.look(self._sealing.id_of(name))
        head = None if looked["head"] is None else await self._open(looked["head"])
        if head is not None or looked["state"] != "new":
            self._remember(name, head)
        return head, looked["state"]

    async def look_for_token(self, token: str) -> Head | None:
        """The head that names a token, as it is."""
        found = await self._workspace.look_for_token(token_id_of(token))
        return None if found is None else await self._settle_found(found)

    async def read_state(self) -> State:
        return (await self._workspace.look(""))["state"]

    async def find_floor(self, name: str) -> int:
        """The highest number of a version that has been deleted with its workflow."""
        return (await self._workspace.look(self._sealing.id_of(name)))["floor"]

    async def list_page(self, after: str, limit: int) -> tuple[list[Head], str | None]:
        """A page of all, and where the next begins. Those that were sealed under another key are left out."""
        found = await self._workspace.list_heads(after, limit)
        heads = []
        for stored in found:
            try:
                heads.append(await self._open(stored))
            except DecryptionError:
                logger.warning("A workflow's head was sealed under another MASTER_KEY")
        return heads, found[-1]["name_id"] if len(found) == limit else None

    async def list_all(self) -> list[Head]:
        heads: list[Head] = []
        after: str | None = ""
        while after is not None:
            page, after = await self.list_page(after, MAX_WORKFLOWS_PAGE)
            heads += page
        return heads

    async def import_some(self, heads: Sequence[Head], note: Note, *, is_complete: bool) -> None:
        """What KV had before there was a Workspace."""
        await self._workspace.import_heads([await self._store(head) for head in heads], is_complete, note)

    async def reserve(self, name: str, at_least: int) -> int:
        """The number of a version that is to be pushed. Raises ConflictError WORKFLOW_LIMIT."""
        reserved = await self._workspace.reserve(self._sealing.id_of(name), at_least)
        if reserved["number"] == 0:
            raise _build_full_error(reserved.get("full", ""))
        return reserved["number"]

    async def commit(self, version: NewVersion, note: Note) -> Head | None:
        """The head after it. None if the workflow was deleted meanwhile, its number with it."""
        committed = await self._workspace.commit(await self._render(version), note)
        return await self._settle(version.name, committed["head"])

    async def roll_back(self, version: NewVersion, note: Note) -> Head | None:
        """The head after it. None if there is no such version any more."""
        committed = await self._workspace.roll_back(await self._render(version), note)
        return await self._settle(version.name, committed["head"])

    async def rotate(self, head: Head, token: str, note: Note) -> Head | None:
        """The head with the new token. None if the head's own does not count any more."""
        rotation: Rotation = {
            "name_id": self._sealing.id_of(head.name),
            "token_id": token_id_of(head.token),
            "identity": await self._seal_identity(head.name, token),
            "new_token_id": token_id_of(token),
        }
        rotated = await self._workspace.rotate(rotation, note)
        return await self._settle(head.name, rotated["head"])

    async def delete(self, head: Head, note: Note) -> bool:
        """Whether the head's token still counted."""
        name_id = self._sealing.id_of(head.name)
        self._known.pop(head.name)
        return await self._workspace.delete(name_id, token_id_of(head.token), note)

    async def _settle(self, name: str, stored: StoredHead | None) -> Head | None:
        if stored is None:
            self._known.pop(name)
            return None
        return await self._settle_found(stored)

    async def _settle_found(self, stored: StoredHead) -> Head:
        head = await self._open(stored)
        self._remember(head.name, head)
        return head

    def _remember(self, name: str, head: Head | None) -> None:
        self._known.put(name, (self._clock.now_ms(), head), HEAD_BYTES)

    async def _open(self, stored: StoredHead) -> Head:
        identity = await self._sealing.open(_IDENTITY, stored["identity"])
        calls = (await self._sealing.open(_TRAITS, stored["traits"])).get("calls")
        numbers: dict[str, Any] = {key: stored[key] for key in ("version", "latest", "floor", "updated_at", "format")}
        known = None if calls is None else tuple(calls)
        return Head(**identity, **numbers, calls=known, pending=tuple(stored["pending"]))

    async def _store(self, head: Head) -> StoredHead:
        return {
            "name_id": self._sealing.id_of(head.name),
            "token_id": token_id_of(head.token),
            "identity": await self._seal_identity(head.name, head.token),
            "traits": await self._seal_traits(head.calls),
            "version": head.version,
            "latest": head.latest,
            "pending": list(head.pending),
            "floor": head.floor,
            "format": head.format,
            "updated_at": head.updated_at,
        }

    async def _render(self, version: NewVersion) -> Commit:
        return {
            "name_id": self._sealing.id_of(version.name),
            "number": version.number,
            "identity": await self._seal_identity(version.name, version.token),
            "token_id": token_id_of(version.token),
            "traits": await self._seal_traits(version.calls),
            "format": version.format,
            "updated_at": version.updated_at,
        }

    async def _seal_identity(self, name: str, token: str) -> str:
        return await self._sealing.seal(_IDENTITY, {"name": name, "token": token})

    async def _seal_traits(self, calls: tuple[str, ...] | None) -> str:
        return await self._sealing.seal(_TRAITS, {} if calls is None else {"calls": calls})


def build_missing_workflow_error(name: str) -> NotFoundError:
    return NotFoundError(
        f"There is no workflow `{name}`.",
        code="WORKFLOW_NOT_FOUND",
        next_actions=["Push it: acr push FILE."],
        details={"workflow": name},
    )


def _build_full_error(full: str) -> ConflictError:
    """`full` is that of Reserved."""
    if not full:
        message, action = "The account has been removed.", "Register it again."
        return ConflictError(message, code="ACCOUNT_REMOVED", next_actions=[action])
    what = "workflows as it may have" if full == "workflows" else "names of workflows behind it as may be"
    return ConflictError(
        f"The account has as many {what}.",
        code="WORKFLOW_LIMIT",
        next_actions=["Delete workflows that you no longer need: acr delete NAME"],
    )
