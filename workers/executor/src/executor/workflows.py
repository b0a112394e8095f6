"""Stored workflows and their webhooks. A workflow's head in the Workspace (executor/heads.py) has its current version
and its token; the plans that triggers run are stored in the KV namespace WEBHOOKS (executor/workflow_values.py).

Each push of another meaning makes a version; a push that changes comments or the layout alone replaces the current
version's source. The current version's plan is also stored under the token, so
that a trigger takes one read.
"""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from arcrun.accounts.limits import StorageLimits, counted_bytes
from arcrun.caches import Cache, CacheSpace
from arcrun.engine.budget import RunLimits
from arcrun.errors import ConflictError, NotFoundError, RequestError, UpstreamError, WorkflowError
from arcrun.interruptible import run_steps_pausing
from arcrun.json_size import size_of
from arcrun.limits import MAX_CACHED_WORKFLOWS, MAX_DEAD_TOKENS, MAX_WORKFLOWS_PAGE
from arcrun.ports import Clock, KeyValue, list_all
from arcrun.times import render_time
from arcrun.workflows.diff import Source, have_same_meaning_in_steps
from arcrun.workflows.parse import is_workflow_name
from arcrun.workflows.plan import Plan, load_plan
from arcrun.workflows.stored_file import is_same_file
from arcrun.workspace.audit import Actor, AuditLog
from arcrun.workspace.failures import NewHandler
from arcrun.workspace.pause import OnTrigger, Pause
from arcrun.workspace.protocol import Note
from arcrun.workspace.schedules import NewSchedule, SchedulesObject
from arcrun.workspace.watches import WatchesObject
from executor.head_import import HeadImport
from executor.heads import FRESH_MS, Head, Heads, NewVersion, build_missing_workflow_error
from executor.tokens import Tokens, build_webhook_missing_error
from executor.workflow_values import (
    HOOK,
    NAME,
    VERSION,
    list_version_entries,
    list_version_numbers,
    read_hook,
    read_version,
    version_key,
)

if TYPE_CHECKING:
    from arcrun.workspace.starts import Starts
    from executor.components import ComponentCaller

MAX_CALLS_BYTES = 512
STRANGER_INTERVAL_MS = 200  # between two look-ups of tokens unknown to KV, per isolate
PLAN_FACTOR = 16  # a compiled plan in memory takes this many times its JSON's weight
TOKEN_BYTES = 200
ALL_WORKFLOWS = "all workflows"  # what the audit log calls them
MAX_ATTEMPTS = 10  # at changes that conflict with concurrent ones


@dataclass(frozen=True)
class StoredWorkflow:
    """A version of a workflow, usually the current one. `updated_at` is when it became current (ISO 8601, UTC). `pause`
    is set if it was found by its token, and its webhook is paused; `is_followed` if its runs start others, `is_watched`
    if failures of a tenant's do.
    """

    token: str
    name: str
    version: int
    plan: Plan
    updated_at: str
    pause: Pause | None = None
    is_followed: bool = False
    is_watched: bool = False


@dataclass(frozen=True)
class Saved:
    """The result of a push. `previous` is the plan that was current before, None if there was no readable one;
    `changed` is True if the push made a new version, `rewritten` if it replaced the source of the current one, which
    has the same meaning.
    """

    stored: StoredWorkflow
    previous: Plan | None
    changed: bool
    rewritten: bool = False


@dataclass(frozen=True)
class WorkflowVersion:
    """A stored version. `source` is the workflow as pushed, a string or an object."""

    name: str
    version: int
    source: Source
    plan: Plan
    pushed_at: str


ListSchedules = Callable[[Plan], Awaitable[Sequence[NewSchedule]]]


class WorkflowStore:
    """Stores and finds workflows. `limits` bound what a push may add; None for no bound. `space` is the isolate's.
    `list_schedules` gets a plan that becomes current; None where no workflow can start by itself. `can_watch` is
    whether one can have a `watch`.

    Every method raises UpstreamError: OBJECT_UNAVAILABLE, or STORAGE_FAILED from KV.
    """

    def __init__(
        self,
        kv: KeyValue,
        heads: Heads,
        audit: AuditLog,
        clock: Clock,
        *,
        head_import: HeadImport,
        tokens: Tokens,
        limits: StorageLimits | None = None,
        space: CacheSpace | None = None,
        list_schedules: ListSchedules | None = None,
        can_watch: bool = False,
    ) -> None:
        self.can_watch = can_watch
        self._find_schedules, self.can_start = list_schedules, list_schedules is not None
        self._kv, self._heads, self._audit, self._head_import = kv, heads, audit, head_import
        self._clock, self._tokens, self._limits = clock, tokens, limits
        space = space or CacheSpace()
        self._cached: Cache[StoredWorkflow] = Cache(MAX_CACHED_WORKFLOWS, space)
        self._dead: Cache[float] = Cache(MAX_DEAD_TOKENS, space)
        self._looked_ms = 0.0
        self._is_taken_over = False

    async def save(
        self,
        source: Source,
        plan: Plan,
        actor: Actor,
        file: str | None = None,
        *,
        is_forced: bool = False,
        expected: int | None = None,
    ) -> Saved:
        """Store a workflow under its name. It keeps its token; a source of the same meaning makes no new version.

        `file` is where it comes from; a workflow that was pushed from another file is replaced only if `is_forced`.
        `expected` is the version that it replaces, 0 if there is none yet.
        Raises PayloadTooLargeError; ConflictError WORKFLOW_FROM_OTHER_FILE, WORKFLOW_CHANGED, WORKFLOW_LIMIT.
        """
        head = await self.find_head(plan.name)
        if head is not None and not is_forced:
            require_same_file(head, file)
        if expected is not None:
            require_version(plan.name, 0 if head is None else head.version, expected)
        current = await read_version(self._kv, plan.name, head.version) if head else None
        kept_file = file or (head.file if head else None)
        plan_json = plan.to_json()
        if head is not None and current is not None and await self._has_meaning(current, source, plan_json):
            await self._mend(head, plan_json)
            rewritten = current["source"] != source
            if rewritten:
                await self._rewrite(head, {**current, "source": source})
            if rewritten or kept_file != head.file:
                await self._describe(head, plan, kept_file, actor)
            return Saved(_store(head, plan), plan, changed=False, rewritten=rewritten)
        pushed_at = self._now()
        record = json.dumps({"source": source, "plan": plan_json, "pushed_at": pushed_at})
        await self._require_room(len(record))
        number, committed = await self._add_version(plan, record, pushed_at, actor, kept_file, is_new=head is None)
        if await self._publish(committed, {number: plan_json}) == committed and committed.version == number:
            self._keep(_store(committed, plan), plan_json)
        stored = StoredWorkflow(committed.token, plan.name, number, plan, pushed_at)
        return Saved(stored, _load_if_possible(current), changed=True)

    async def roll_back(self, name: str, version: int, actor: Actor) -> Head:
        """Make a version current again. Raises NotFoundError WORKFLOW_NOT_FOUND, VERSION_NOT_FOUND."""
        head = await self.require_head(name)
        wanted = await self._find_version(head, version)
        schedules = await self._list_schedules(wanted.plan)
        changed = replace(_change(wanted.plan, version, head.token, self._now(), head.file), schedules=schedules)
        note = await self._audit.render("workflow.rollback", name, actor, f"version {version}")
        rolled = await self._heads.roll_back(changed, note)
        if rolled is None:
            raise build_missing_workflow_error(name)
        await self._publish(rolled, {version: wanted.plan.to_json()})
        return rolled

    async def rotate_token(self, token: str, actor: Actor, chosen: str | None = None) -> Head:
        """Give the workflow a new token; the old one stops working. `chosen` is one that it had on another platform.

        Raises NotFoundError, ConflictError TOKEN_REPLACED, TOKEN_TAKEN; RequestError TOKEN_INVALID.
        """
        head = await self._require_head_of(token)
        if chosen is not None:
            if chosen == token:
                return head
            await self._require_free(chosen)
        note = await self._audit.render("workflow.rotate", head.name, actor)
        rotated = await self._heads.rotate(head, chosen or await self._tokens.make(), note)
        if rotated is None:
            raise _build_replaced_error(head.name)
        hook = await read_hook(self._kv, token)
        self._dead.pop(rotated.token)
        await self._publish(rotated, {hook["version"]: hook["plan"]} if hook and "version" in hook else {})
        await self._forget(token)
        return rotated

    async def _require_free(self, token: str) -> None:
        """Raises RequestError TOKEN_INVALID, ConflictError TOKEN_TAKEN."""
        if not await self._tokens.is_own(token):
            raise RequestError(
                "`token` is none that this platform can have made.",
                code="TOKEN_INVALID",
                next_actions=["Leave it out, and the workflow gets a new one."],
            )
        if await self._heads.look_for_token(token) is not None:
            raise ConflictError(
                "Another workflow has this token.",
                code="TOKEN_TAKEN",
                next_actions=["Leave `token` out, and the workflow gets a new one."],
            )

    async def pause(self, name: str, on_trigger: OnTrigger | None, actor: Actor) -> Head:
        """Pause a workflow's webhook, or with None let it go on. Raises NotFoundError WORKFLOW_NOT_FOUND."""
        await self.require_head(name)
        note = await self._render_pause(name, on_trigger, actor)
        if (head := await self._heads.pause(name, on_trigger, note)) is None:
            raise build_missing_workflow_error(name)
        return head

    async def pause_all(self, on_trigger: OnTrigger | None, actor: Actor) -> None:
        """Pause the webhooks of all workflows, also of those to come, or with None let those go on that are not paused
        by themselves.
        """
        await self._heads.pause_all(on_trigger, await self._render_pause(ALL_WORKFLOWS, on_trigger, actor))

    async def _render_pause(self, subject: str, on_trigger: OnTrigger | None, actor: Actor) -> Note:
        if on_trigger is None:
            return await self._audit.render("workflow.resume", subject, actor)
        return await self._audit.render("workflow.pause", subject, actor, f"on_trigger {on_trigger}")

    async def delete(self, token: str, actor: Actor) -> str:
        """Delete a workflow with all its versions. Returns its name.

        The head is deleted first, which disables the token; if interrupted after that, a second deletion removes the
        rest. Raises NotFoundError, ConflictError TOKEN_REPLACED.
        """
        name = await self._find_name(token)
        head = await self.find_head(name)
        if head is not None:
            note = await self._audit.render("workflow.delete", name, actor)
            if head.token != token or not await self._heads.delete(head, note):
                await self._forget(token)
                raise _build_replaced_error(name)
        floor = await self._heads.find_floor(name)
        for number, entry in await list_version_entries(self._kv, name):  # a deletion may break a cursor
            if number <= floor:
                await self._kv.delete(entry.key)
        await self._kv.delete(NAME + name)
        await self._forget(token)
        return name

    async def find(self, token: str) -> StoredWorkflow:
        """The current version of a token's workflow.

        Raises NotFoundError WEBHOOK_NOT_FOUND, whose message does not contain the token; WorkflowError PLAN_OUTDATED.
        """
        kept = self._cached.get(token)
        hook = await read_hook(self._kv, token) if kept is None and self._tokens.is_token(token) else None
        if kept is not None:
            head = await self._require_named(token, kept.name)
        elif hook is not None:
            head = await self._require_named(token, hook["name"])
        else:
            head = await self._look_for_stranger(token)
        return _as_it_is(await self._load(head, lambda: self._look_again(token, head.name), hook), head)

    async def find_by_name(self, name: str) -> StoredWorkflow:
        """The current version of a workflow. Raises NotFoundError WORKFLOW_NOT_FOUND, WorkflowError PLAN_OUTDATED."""
        head = await self.require_head(name, is_fresh=False)
        stored = await self._load(head, lambda: self.require_head(name))
        if head.is_followed or head.is_watched:
            return replace(stored, is_followed=head.is_followed, is_watched=head.is_watched)
        return stored

    async def _list_schedules(self, plan: Plan) -> Sequence[NewSchedule]:
        return () if self._find_schedules is None else await self._find_schedules(plan)

    async def find_current(self, name: str) -> StoredWorkflow:
        """The version that is current at this moment, with its pause. Raises what `find_by_name` does."""
        head = await self.require_head(name)
        return _as_it_is(await self._load(head, lambda: self.require_head(name)), head)

    async def find_current_by_id(self, name_id: str) -> StoredWorkflow:
        """The same, by the id under which the Workspace has it. Raises what `find_by_name` does."""
        head = await self._heads.look_by_id(name_id)
        if head is None:
            raise build_missing_workflow_error(name_id)
        name = head.name
        return _as_it_is(await self._load(head, lambda: self.require_head(name)), head)

    async def find_name_by_id(self, name_id: str) -> str | None:
        """The name of a stored workflow, by that id."""
        head = await self._heads.look_by_id(name_id)
        return None if head is None else head.name

    async def list_follows(self, also: Sequence[str] = ()) -> list[tuple[str, str]]:
        """Pairs of a workflow and one that it is started after. `also` are names that are not stored yet."""
        return await self._heads.list_follows(also)

    async def list_handled(self, also: Sequence[str] = ()) -> list[tuple[str, str]]:
        """Pairs of a workflow and one whose failures start it, by its name."""
        return await self._heads.list_handled(also)

    async def make_token(self) -> str:
        """A new token of this account, which is nothing's yet."""
        return await self._tokens.make()

    def build_mail_tag(self, name: str, token: str) -> str:
        """The tag of the mail address of a workflow that has this token."""
        return self._tokens.build_mail_tag(name, token)

    @property
    def schedules(self) -> SchedulesObject:
        return self._heads.schedules

    @property
    def starts(self) -> "Starts":
        return self._heads.starts

    @property
    def watches(self) -> WatchesObject:
        return self._heads.watches

    async def find_plan(self, name: str) -> Plan:
        """The plan of a workflow's current version, for the engine."""
        return (await self.find_by_name(name)).plan

    async def find_name(self, token: str) -> str:
        """The name of a token's workflow, even if its plan can no longer run. Raises NotFoundError."""
        return (await self._require_head_of(token)).name

    async def find_version(self, name: str, version: int) -> WorkflowVersion:
        """A version of a workflow. Raises NotFoundError WORKFLOW_NOT_FOUND, VERSION_NOT_FOUND."""
        return await self._find_version(await self.require_head(name), version)

    async def find_source(self, head: Head) -> Source | None:
        """The current version's source as pushed; None if it cannot be read."""
        record = await read_version(self._kv, head.name, head.version)
        return None if record is None else record["source"]

    async def find_version_source(self, name: str, version: int) -> Mapping[str, Any]:
        """{"source", "plan", "pushed_at"} of a version, even if its plan can no longer run.

        Raises NotFoundError WORKFLOW_NOT_FOUND, VERSION_NOT_FOUND.
        """
        return await self._read_version(await self.require_head(name), version)

    async def list_versions(self, name: str) -> list[dict[str, Any]]:
        """[{"version", "pushed_at"}], oldest first. Raises NotFoundError WORKFLOW_NOT_FOUND."""
        head = await self.require_head(name)
        return [
            {"version": number, "pushed_at": entry.metadata.get("pushed_at") if entry.metadata else None}
            for number, entry in await list_version_entries(self._kv, name)
            if head.has_version(number)
        ]

    async def list_heads(self, cursor: str | None = None) -> tuple[list[Head], str | None]:
        """A page of heads, and the cursor of the next. Raises RequestError INVALID_CURSOR."""
        await self._take_over()
        heads, following = await self._heads.list_page(cursor or "", MAX_WORKFLOWS_PAGE)
        return sorted(heads, key=lambda head: head.name), following

    async def list_names(self) -> list[str]:
        return [head.name for head in await self.list_all()]

    async def list_paused(self) -> list[str]:
        return [head.name for head in await self.list_all() if head.pause is not None]

    async def find_callers(self, name: str) -> list[str]:
        """The workflows that call `name`, except itself."""
        return [head.name for head in await self.list_all() if name in (head.calls or ()) and head.name != name]

    async def find_head(self, name: str, *, is_fresh: bool = True) -> Head | None:
        if not is_workflow_name(name):
            return None
        head, state = await (self._heads.look(name) if is_fresh else self._heads.recall(name))
        return await self._head_import.take_one(name) if head is None and state == "new" else head

    async def require_head(self, name: str, *, is_fresh: bool = True) -> Head:
        """The head of a workflow. Raises NotFoundError WORKFLOW_NOT_FOUND."""
        head = await self.find_head(name, is_fresh=is_fresh)
        if head is None:
            raise build_missing_workflow_error(name)
        return head

    async def list_all(self) -> list[Head]:
        await self._take_over()
        return await self._heads.list_all()

    async def _take_over(self) -> None:
        """Import heads from KV before listing, if the Workspace is new."""
        if not self._is_taken_over:
            if await self._heads.read_state() == "new":
                await self._head_import.take_all()
            self._is_taken_over = True

    async def _add_version(
        self, plan: Plan, record: str, pushed_at: str, actor: Actor, file: str | None, *, is_new: bool
    ) -> tuple[int, Head]:
        """Store a new version and make it current. Returns its number and the new head; a number is never reused."""
        schedules = await self._list_schedules(plan)
        for _ in range(MAX_ATTEMPTS):
            left_over = await list_version_numbers(self._kv, plan.name) if is_new else []
            number = await self._heads.reserve(plan.name, max(left_over, default=0))
            key = version_key(plan.name, number)
            await self._put_version(key, record, pushed_at)
            note = await self._audit.render("workflow.push", plan.name, actor, f"version {number}")
            changed = _change(plan, number, await self._tokens.make(), pushed_at, file)
            try:
                committed = await self._heads.commit(replace(changed, schedules=schedules), note)
            except ConflictError:
                await self._kv.delete(key)
                raise
            if committed is not None:
                return number, committed
            await self._kv.delete(key)  # the workflow and its numbers were deleted meanwhile
            is_new = True
        raise ConflictError(
            f"`{plan.name}` is deleted repeatedly while it is being pushed.",
            next_actions=["Push it again when the deletions have ended."],
        )

    async def _has_meaning(self, current: Mapping[str, Any], source: Source, plan: Mapping[str, Any]) -> bool:
        """Whether the stored version says the same as `source`, whose plan is `plan`. The order of a plan's keys
        counts: it is that of what components get.
        """
        if json.dumps(current["plan"]) != json.dumps(plan):
            return False
        return await run_steps_pausing(have_same_meaning_in_steps(current["source"], source), self._clock.pause)

    async def _rewrite(self, head: Head, version: Mapping[str, Any]) -> None:
        """Replace the source of the current version."""
        key, record = version_key(head.name, head.version), json.dumps(version)
        await self._require_room(len(record), key)
        await self._put_version(key, record, version["pushed_at"])

    async def _describe(self, head: Head, plan: Plan, file: str | None, actor: Actor) -> None:
        """Keep the file of the current version, and note that its source was pushed again."""
        note = await self._audit.render("workflow.push", head.name, actor, f"version {head.version}, same meaning")
        changed = _change(plan, head.version, head.token, head.updated_at, file)
        now = await self._heads.describe(changed, note)
        if now is None or not now.has_version(head.version):  # it was deleted meanwhile
            await self._kv.delete(version_key(head.name, head.version))

    async def _put_version(self, key: str, record: str, pushed_at: str) -> None:
        await self._kv.put(key, record, metadata={"pushed_at": pushed_at, "bytes": len(record)})

    async def _publish(self, head: Head, plans: Mapping[int, Any]) -> Head:
        """Write the plan under the head's token, and repeat it if the head was changed meanwhile.

        `plans` are the plans at hand, as JSON, by version. Returns the head that was written last.
        """
        known = dict(plans)
        for _ in range(MAX_ATTEMPTS):
            if head.version not in known:
                version = await read_version(self._kv, head.name, head.version)
                if version is None:
                    break  # deleted or unreadable: a push repairs it
                known[head.version] = version["plan"]
            await self._write_hook(head, known[head.version])
            now, _ = await self._heads.look(head.name)
            if now is None or now.token != head.token:
                await self._forget(head.token)
            if now is None or (now.token, now.version) == (head.token, head.version):
                break
            head = now
        return head

    async def _mend(self, head: Head, plan: Any) -> None:
        """Write the token's value again if it is missing or differs from the head's plan."""
        hook = await read_hook(self._kv, head.token)
        if hook is None or hook.get("version") != head.version or hook.get("plan") != plan:
            await self._publish(head, {head.version: plan})

    async def _write_hook(self, head: Head, plan: Any) -> None:
        hook = {"name": head.name, "version": head.version, "plan": plan, "updated_at": head.updated_at}
        self._cached.pop(head.token)
        await self._kv.put(HOOK + head.token, json.dumps(hook))

    async def measure_versions(self) -> int:
        """The bytes of all versions, as a tenant's limit counts them."""
        return counted_bytes([entry.metadata for entry in await list_all(self._kv, VERSION)])

    async def _require_room(self, size: int, replaced: str = "") -> None:
        """`replaced` is the key of the version whose room the new one takes."""
        if self._limits is not None:
            self._limits.require_size(size)
            stored = [entry.metadata for entry in await list_all(self._kv, VERSION) if entry.key != replaced]
            self._limits.require_room(size, counted_bytes(stored))

    async def _load(
        self, head: Head, look_again: Callable[[], Awaitable[Head]], hook: Mapping[str, Any] | None = None
    ) -> StoredWorkflow:
        """The version that the head names. `hook` is the value of its token, if it has been read.

        A cached head's version may no longer exist: then `look_again` returns the current head.
        """
        found = await self._load_if_there(head, hook)
        if found is None:
            now = await look_again()
            found = await self._load_if_there(now) if now != head else None
        if found is None:
            raise UpstreamError(
                "The workflow's current version cannot be read from KV.",
                code="VERSION_UNREADABLE",
                next_actions=["Try again in a minute. If it keeps failing, push the workflow again: acr push FILE"],
            )
        return found

    async def _load_if_there(self, head: Head, hook: Mapping[str, Any] | None = None) -> StoredWorkflow | None:
        kept = self._cached.get(head.token)
        if kept is not None and kept.version == head.version:
            return kept
        record = hook or await read_hook(self._kv, head.token)
        if record is None or (record.get("name"), record.get("version")) != (head.name, head.version):
            record = await read_version(self._kv, head.name, head.version)
        return None if record is None else self._keep(_store(head, load_plan(record["plan"])), record["plan"])

    async def _look_for_stranger(self, token: str) -> Head:
        """The head that names a token that is not in KV, which may be behind or have lost it.

        Look-ups are limited, so that invented tokens cannot overload the Workspace. Raises NotFoundError
        WEBHOOK_NOT_FOUND.
        """
        now_ms = self._clock.now_ms()
        if not self._tokens.is_token(token) or now_ms - self._looked_ms < STRANGER_INTERVAL_MS:
            raise build_webhook_missing_error()
        self._looked_ms = now_ms
        head = await self._heads.look_for_token(token)
        if head is None:
            raise build_webhook_missing_error()
        return head

    async def _require_named(self, token: str, name: str) -> Head:
        """The head of `name`, if it names the token. Raises NotFoundError WEBHOOK_NOT_FOUND."""
        now_ms = self._clock.now_ms()
        if now_ms - self._dead.get(token, -FRESH_MS) < FRESH_MS:
            raise build_webhook_missing_error()
        head, state = await self._heads.recall(name, token)
        if head is None and state == "new":
            head = await self._head_import.take_one(name)
        if head is None or head.token != token:
            self._cached.pop(token)
            self._bury(token, now_ms)
            raise build_webhook_missing_error()
        return head

    async def _look_again(self, token: str, name: str) -> Head:
        """The current head, for a caller of the webhook. Raises NotFoundError WEBHOOK_NOT_FOUND."""
        head, _ = await self._heads.look(name)
        if head is None or head.token != token:
            raise build_webhook_missing_error()
        return head

    async def _require_head_of(self, token: str) -> Head:
        """The current head, if it names the token, for its owner.

        Raises NotFoundError WEBHOOK_NOT_FOUND, ConflictError TOKEN_REPLACED.
        """
        name = await self._find_name(token)
        head = await self.find_head(name)
        if head is None:
            raise build_webhook_missing_error()
        if head.token != token:
            raise _build_replaced_error(name)
        return head

    async def _find_name(self, token: str) -> str:
        """The name of a token's workflow, from KV, or from its head if KV has lost it or is behind."""
        if not self._tokens.is_token(token):
            raise build_webhook_missing_error()
        if (kept := self._cached.get(token)) is not None:
            return kept.name
        if (hook := await read_hook(self._kv, token)) is not None:
            return str(hook["name"])
        if (head := await self._heads.look_for_token(token)) is not None:
            return head.name
        raise build_webhook_missing_error()

    async def _find_version(self, head: Head, version: int) -> WorkflowVersion:
        record = await self._read_version(head, version)
        return WorkflowVersion(head.name, version, record["source"], load_plan(record["plan"]), record["pushed_at"])

    async def _read_version(self, head: Head, version: int) -> Mapping[str, Any]:
        record = await read_version(self._kv, head.name, version) if head.has_version(version) else None
        if record is None:
            raise NotFoundError(
                f"There is no version {version} of `{head.name}`.",
                code="VERSION_NOT_FOUND",
                next_actions=[f"List the versions: acr list {head.name}"],
                details={"workflow": head.name, "version": version},
            )
        return record

    async def _forget(self, token: str) -> None:
        self._cached.pop(token)
        await self._kv.delete(HOOK + token)

    def _bury(self, token: str, now_ms: float) -> None:
        self._dead.put(token, now_ms, TOKEN_BYTES)

    def _keep(self, stored: StoredWorkflow, plan: Mapping[str, Any]) -> StoredWorkflow:
        """Cache a workflow; `plan` is its stored plan as JSON, from which its size is estimated."""
        self._cached.put(stored.token, stored, PLAN_FACTOR * size_of(plan).weight)
        return stored

    def _now(self) -> str:
        return render_time(self._clock.now_ms())


async def list_schedules(components: "ComponentCaller", limits: RunLimits, plan: Plan) -> Sequence[NewSchedule]:
    """Those of a plan that becomes current now."""
    triggers = plan.triggers
    if not triggers.all_schedules:
        return ()
    from executor.schedules.times import build_times, list_new  # noqa: PLC0415 - few workflows have any

    times, now_ms = build_times(components, limits), components.clock.now_ms()
    return await list_new(times, triggers.schedules, now_ms, triggers.watch)


def require_same_name(name: str, plan: Plan) -> None:
    """Raises WorkflowError NAME_MISMATCH."""
    if name != plan.name:
        raise WorkflowError(
            f"The webhook belongs to `{name}`, but the workflow is named `{plan.name}`.",
            code="NAME_MISMATCH",
            next_actions=["Keep the name, or store it as a new workflow: POST /webhooks."],
        )


def require_same_file(head: Head, file: str | None) -> None:
    """Raises ConflictError WORKFLOW_FROM_OTHER_FILE. A file that was not told, now or before, is no other one."""
    if file is None or head.file is None or is_same_file(file, head.file):
        return
    raise ConflictError(
        f"`{head.name}` was pushed from {head.file}; this push comes from {file}.",
        code="WORKFLOW_FROM_OTHER_FILE",
        next_actions=[
            "Give the workflow another name.",
            'Or, if this file replaces the other one, push with "force": true.',
        ],
        details={"workflow": head.name, "file": head.file, "pushed_from": file},
    )


def require_version(name: str, version: int, expected: int) -> None:
    """Raises ConflictError WORKFLOW_CHANGED."""
    if version == expected:
        return
    raise ConflictError(
        f"Version {version} of `{name}` was pushed meanwhile." if version else f"`{name}` is not stored any more.",
        code="WORKFLOW_CHANGED",
        next_actions=["Compare your text with the version of now, then push again."],
        details={"workflow": name, "version": version, "expected_version": expected},
    )


def _build_replaced_error(name: str) -> ConflictError:
    """The error for a token that was rotated; only the owner may see it."""
    return ConflictError(
        f"The webhook of `{name}` has a new token: it was rotated.",
        code="TOKEN_REPLACED",
        next_actions=[f"Show it: acr list. To revoke it as well: acr rotate {name}"],
        details={"workflow": name},
    )


def _load_if_possible(record: Mapping[str, Any] | None) -> Plan | None:
    """The record's plan; None also if another version of arcrun stored it, which a push repairs."""
    try:
        return load_plan(record["plan"]) if record else None
    except WorkflowError:
        return None


def _store(head: Head, plan: Plan) -> StoredWorkflow:
    return StoredWorkflow(head.token, head.name, head.version, plan, head.updated_at)


def _as_it_is(stored: StoredWorkflow, head: Head) -> StoredWorkflow:
    """With what its head says of it now."""
    if head.pause is None and not head.is_followed and not head.is_watched:
        return stored
    return replace(stored, pause=head.pause, is_followed=head.is_followed, is_watched=head.is_watched)


def _change(plan: Plan, number: int, token: str, updated_at: str, file: str | None) -> NewVersion:
    """The change that makes a version current. `calls` are omitted if they do not fit into a head."""
    calls = tuple(dict.fromkeys(node.workflow for node in plan.calls if node.workflow))
    fits = len(json.dumps(calls)) <= MAX_CALLS_BYTES
    failure_of = plan.triggers.failure_of
    handler: NewHandler | None = None
    if failure_of is not None:
        handler = {"watched": [*failure_of.workflows], "pause_ms": failure_of.pause_ms}
    return NewVersion(
        *(plan.name, number, token, updated_at, plan.format, calls if fits else None, file),
        failure_of=handler,
        takes_mail=plan.triggers.mail is not None,
        after=plan.triggers.after,
        watch=None if plan.triggers.watch is None else plan.triggers.watch.identity,
    )
