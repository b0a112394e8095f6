"""The Worker's view of the heads of workflows, which the Workspace stores, with a cache in the isolate.

A token works only while its workflow's head names it. The head is read from the Workspace and cached for FRESH_MS; KV
is not trusted for it, because a tenant can restore old values there. If the Workspace cannot be reached, the cached
head is used for STALE_MS.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from arcrun.caches import Cache, CacheSpace
from arcrun.errors import ConflictError, DecryptionError, NotFoundError, UpstreamError
from arcrun.limits import MAX_CACHED_HEADS, MAX_WORKFLOWS_PAGE
from arcrun.ports import Clock
from arcrun.workspace.failures import NewHandler
from arcrun.workspace.pause import OnTrigger, Pause, load_pause
from arcrun.workspace.protocol import Commit, Committed, Note, Rotation, State, StoredHead, WorkspaceObject
from arcrun.workspace.schedules import NewSchedule, SchedulesObject
from arcrun.workspace.sealing import Sealing, token_id_of
from arcrun.workspace.watches import WatchesObject

if TYPE_CHECKING:
    from arcrun.workspace.starts import Starts

FRESH_MS = 30_000  # a rotated, deleted or paused token works for at most this long
STALE_MS = 3_600_000
HEAD_BYTES = 2_000  # of one in memory
_IDENTITY, _TRAITS = "identity", "traits"

logger = logging.getLogger("arcrun")


@dataclass(frozen=True)
class Head:
    """The current version of a workflow, and its token.

    `latest` is the newest version number, `version` the current one: they differ after a rollback. Versions up to
    `floor` belong to an earlier workflow of this name; those in `pending` are still being pushed. `updated_at` is when
    the version became current, `format` the format of its plan. `calls` are the workflows that it calls; None if
    unknown. `file` is where it was pushed from; None if that was not told. `pause` is set while its webhook is paused.
    `takes_mail` is whether messages start it, `is_followed` whether its runs start others (`after`), `is_watched`
    whether failures of a tenant's do (`failure_of`).
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
    file: str | None = None
    pause: Pause | None = None
    takes_mail: bool = False
    is_followed: bool = False
    is_watched: bool = False

    def has_version(self, number: int) -> bool:
        return self.floor < number <= self.latest and number not in self.pending


@dataclass(frozen=True)
class NewVersion:
    """The version that a push or a rollback makes current, with what starts it by itself. `token` is used if the
    workflow has none.
    """

    name: str
    number: int
    token: str
    updated_at: str
    format: int
    calls: tuple[str, ...] | None
    file: str | None = None
    schedules: Sequence[NewSchedule] = ()
    takes_mail: bool = False
    failure_of: NewHandler | None = None
    after: Sequence[str] = ()
    watch: str | None = None

    @property
    def starts_itself(self) -> bool:
        return bool(self.schedules or self.after) or self.failure_of is not None


@dataclass(frozen=True)
class Tenancy:
    """Whose heads they are, in the hosted mode, and how many schedules the tenant may have."""

    tenant_id: str
    most_schedules: int


class Heads:
    """Reads and changes heads. Asking the Workspace raises UpstreamError OBJECT_UNAVAILABLE, DecryptionError."""

    def __init__(
        self,
        workspace: WorkspaceObject,
        sealing: Sealing,
        clock: Clock,
        space: CacheSpace | None = None,
        tenant: Tenancy | None = None,
    ) -> None:
        self._workspace, self._sealing, self._clock, self._tenant = workspace, sealing, clock, tenant
        self._known: Cache[tuple[float, Head | None]] = Cache(MAX_CACHED_HEADS, space or CacheSpace())

    @property
    def schedules(self) -> SchedulesObject:
        if not self._sealing.hides_names:
            return self._workspace
        from executor.hosted.schedules import HiddenSchedules  # noqa: PLC0415 - an account's own platform hides nothing

        return HiddenSchedules(self._workspace, self.starts)

    @cached_property
    def starts(self) -> "Starts":
        """How the Workspace stores what starts workflows by itself."""
        from arcrun.workspace.starts import build_starts  # noqa: PLC0415 - requests need none of it

        return build_starts(self._sealing)

    @property
    def watches(self) -> WatchesObject:
        """As `schedules`."""
        return self._workspace

    async def recall(self, name: str, token: str | None = None) -> tuple[Head | None, State]:
        """The head as of at most FRESH_MS ago. If it is missing, the state says whether KV may still have it.

        With `token` the cached head is used only if it has that token: another one may be newer than the cache.
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
            logger.warning("The Workspace cannot be reached; the cached head of a workflow stays in use")
            return head, "open"

    async def look_by_id(self, name_id: str) -> Head | None:
        """The current head of a workflow, by the id of its name, from the Workspace."""
        asked_ms = self._clock.now_ms()
        found = (await self._workspace.look(name_id))["head"]
        return None if found is None else await self._settle_found(found, asked_ms)

    async def look(self, name: str) -> tuple[Head | None, State]:
        """The current head, from the Workspace, and the Workspace's state."""
        asked_ms = self._clock.now_ms()
        looked = await self._workspace.look(self._sealing.id_of(name))
        head = None if looked["head"] is None else await self._open(looked["head"])
        if head is not None or looked["state"] != "new":
            self._remember(name, head, asked_ms)
        return head, looked["state"]

    async def look_for_token(self, token: str) -> Head | None:
        """The current head that names a token."""
        asked_ms = self._clock.now_ms()
        found = await self._workspace.look_for_token(token_id_of(token))
        return None if found is None else await self._settle_found(found, asked_ms)

    async def read_state(self) -> State:
        return (await self._workspace.look(""))["state"]

    async def find_floor(self, name: str) -> int:
        """The highest version number that was deleted with its workflow."""
        return (await self._workspace.look(self._sealing.id_of(name)))["floor"]

    async def list_page(self, after: str, limit: int) -> tuple[list[Head], str | None]:
        """A page of heads, and the cursor of the next. Heads that were sealed under another key are omitted."""
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
        """Add heads that an earlier arcrun stored in KV."""
        await self._workspace.import_heads([await self._store(head) for head in heads], is_complete, note)

    async def reserve(self, name: str, at_least: int) -> int:
        """Reserve a version number for a push. Raises ConflictError WORKFLOW_LIMIT, ACCOUNT_REMOVED."""
        reserved = await self._workspace.reserve(self._sealing.id_of(name), at_least)
        if reserved["number"] == 0:
            raise _build_full_error(reserved.get("full", ""))
        return reserved["number"]

    async def commit(self, version: NewVersion, note: Note) -> Head | None:
        """Make a pushed version current; returns the new head, or None if the workflow was deleted meanwhile. Raises
        ConflictError SCHEDULE_LIMIT.
        """
        asked_ms = self._clock.now_ms()
        await self._tell_tenant(version)
        committed = await self._workspace.commit(await self._render(version), note)
        self._require_room(committed)
        self._forget_followed(version)
        return await self._settle(version.name, committed["head"], asked_ms)

    async def roll_back(self, version: NewVersion, note: Note) -> Head | None:
        """Make an earlier version current; returns the new head, or None if the version no longer exists. Raises
        ConflictError SCHEDULE_LIMIT.
        """
        asked_ms = self._clock.now_ms()
        await self._tell_tenant(version)
        committed = await self._workspace.roll_back(await self._render(version), note)
        self._require_room(committed)
        self._forget_followed(version)
        return await self._settle(version.name, committed["head"], asked_ms)

    async def describe(self, version: NewVersion, note: Note) -> Head | None:
        """Replace what is kept of the version in the head, if it is current; returns the head, or None if the workflow
        was deleted meanwhile.
        """
        asked_ms = self._clock.now_ms()
        described = await self._workspace.describe(await self._render(version), note)
        return await self._settle(version.name, described["head"], asked_ms)

    async def rotate(self, head: Head, token: str, note: Note) -> Head | None:
        """Replace the token; returns the new head, or None if `head` is no longer current."""
        rotation: Rotation = {
            "name_id": self._sealing.id_of(head.name),
            "token_id": token_id_of(head.token),
            "identity": await self._seal_identity(head.name, token),
            "new_token_id": token_id_of(token),
        }
        asked_ms = self._clock.now_ms()
        rotated = await self._workspace.rotate(rotation, note)
        return await self._settle(head.name, rotated["head"], asked_ms)

    async def pause(self, name: str, on_trigger: OnTrigger | None, note: Note) -> Head | None:
        """Pause a workflow, or with None let it go on; returns the head, or None if there is no such workflow."""
        asked_ms = self._clock.now_ms()
        paused = await self._workspace.pause(self._sealing.id_of(name), on_trigger, note)
        return await self._settle(name, paused["head"], asked_ms)

    async def pause_all(self, on_trigger: OnTrigger | None, note: Note) -> None:
        await self._workspace.pause_all(on_trigger, note)
        self._known.clear()

    async def delete(self, head: Head, note: Note) -> bool:
        """Delete the head; returns False if its token was no longer current."""
        name_id = self._sealing.id_of(head.name)
        self._known.pop(head.name)
        return await self._workspace.delete(name_id, token_id_of(head.token), note)

    def _forget_followed(self, version: NewVersion) -> None:
        """Here it is known at once that they are followed."""
        for name in version.after:
            self._known.pop(name)

    async def list_follows(self, also: Sequence[str] = ()) -> list[tuple[str, str]]:
        """Pairs of a workflow and one that it is started after. Of a tenant's those of which both are stored, or are
        among `also`: it is seen from their ids.
        """
        return await self._open_pairs(await self._workspace.list_follows(), also)

    async def list_handled(self, also: Sequence[str] = ()) -> list[tuple[str, str]]:
        """Pairs of a workflow and one whose failures start it, as `list_follows` has them."""
        return await self._open_pairs(await self._workspace.list_handled(), also)

    async def _open_pairs(self, pairs: list[tuple[str, str]], also: Sequence[str]) -> list[tuple[str, str]]:
        if not pairs or not self._sealing.hides_names:
            return pairs
        names = {self._sealing.id_of(name): name for name in (*(head.name for head in await self.list_all()), *also)}
        return [(names[name_id], names[of]) for name_id, of in pairs if name_id in names and of in names]

    async def _tell_tenant(self, version: NewVersion) -> None:
        """Tell the Workspace whose it is, before it gets what starts a tenant's workflow by itself."""
        if self._tenant is not None and version.starts_itself:
            await self._workspace.belong_to(self._tenant.tenant_id)

    def _require_room(self, committed: Committed) -> None:
        if committed.get("full") is not None and self._tenant is not None:
            most = self._tenant.most_schedules
            raise ConflictError(
                f"The account's workflows would have more than {most} schedules, which is the limit.",
                code="SCHEDULE_LIMIT",
                next_actions=["List them: acr schedule list. Remove those that you no longer need, or merge them."],
                details={"limit": most},
            )

    async def _settle(self, name: str, stored: StoredHead | None, asked_ms: float) -> Head | None:
        if stored is None:
            self._known.pop(name)
            return None
        return await self._settle_found(stored, asked_ms)

    async def _settle_found(self, stored: StoredHead, asked_ms: float) -> Head:
        head = await self._open(stored)
        self._remember(head.name, head, asked_ms)
        return head

    def _remember(self, name: str, head: Head | None, asked_ms: float) -> None:
        """What was asked for at `asked_ms` may be no newer than that, however late the answer came. A head that was
        asked for later stays.
        """
        known = self._known.get(name)
        if known is None or known[0] <= asked_ms:
            self._known.put(name, (asked_ms, head), HEAD_BYTES)

    async def _open(self, stored: StoredHead) -> Head:
        identity = await self._sealing.open(_IDENTITY, stored["identity"])
        traits = await self._sealing.open(_TRAITS, stored["traits"])
        calls, file = traits.get("calls"), traits.get("file")
        numbers: dict[str, Any] = {key: stored[key] for key in ("version", "latest", "floor", "updated_at", "format")}
        known = None if calls is None else tuple(calls)
        pause = load_pause(stored.get("paused"), stored.get("all_paused"))
        return Head(
            **identity,
            **numbers,
            calls=known,
            pending=tuple(stored["pending"]),
            file=file,
            pause=pause,
            takes_mail="mail" in traits,
            is_followed=bool(stored.get("is_followed")),
            is_watched=bool(stored.get("is_watched")),
        )

    async def _store(self, head: Head) -> StoredHead:
        return {
            "name_id": self._sealing.id_of(head.name),
            "token_id": token_id_of(head.token),
            "identity": await self._seal_identity(head.name, head.token),
            "traits": await self._seal_traits(head),
            "version": head.version,
            "latest": head.latest,
            "pending": list(head.pending),
            "floor": head.floor,
            "format": head.format,
            "updated_at": head.updated_at,
        }

    async def _render(self, version: NewVersion) -> Commit:
        commit: Commit = {
            "name_id": self._sealing.id_of(version.name),
            "number": version.number,
            "identity": await self._seal_identity(version.name, version.token),
            "token_id": token_id_of(version.token),
            "traits": await self._seal_traits(version),
            "format": version.format,
            "updated_at": version.updated_at,
            "schedules": list(version.schedules),
            "failure_of": version.failure_of,
            "after": list(version.after),
            "watch": version.watch,
        }
        return commit if self._tenant is None else await self._hide_starts(commit, version, self._tenant)

    async def _hide_starts(self, commit: Commit, version: NewVersion, tenant: Tenancy) -> Commit:
        return {
            **commit,
            "schedules": await self.starts.seal_schedules(version.name, version.schedules),
            "failure_of": self.starts.hide_handler(version.failure_of),
            "after": [self.starts.id_of(name) for name in version.after],
            "most_schedules": tenant.most_schedules,
        }

    async def _seal_identity(self, name: str, token: str) -> str:
        return await self._sealing.seal(_IDENTITY, {"name": name, "token": token})

    async def _seal_traits(self, of: Head | NewVersion) -> str:
        traits = {"calls": of.calls, "file": of.file, "mail": of.takes_mail or None}
        return await self._sealing.seal(_TRAITS, {key: value for key, value in traits.items() if value is not None})


def build_missing_workflow_error(name: str) -> NotFoundError:
    return NotFoundError(
        f"There is no workflow `{name}`.",
        code="WORKFLOW_NOT_FOUND",
        next_actions=["Push it: acr push FILE."],
        details={"workflow": name},
    )


def build_removed_error() -> ConflictError:
    message, action = "The account has been removed.", "Register it again."
    return ConflictError(message, code="ACCOUNT_REMOVED", next_actions=[action])


def _build_full_error(full: str) -> ConflictError:
    """`full` is the field of Reserved."""
    if not full:
        return build_removed_error()
    what = "workflows" if full == "workflows" else "workflow names, those of deleted workflows included"
    return ConflictError(
        f"The account has reached the limit of {what}.",
        code="WORKFLOW_LIMIT",
        next_actions=["Delete workflows that you no longer need: acr delete NAME"],
    )
