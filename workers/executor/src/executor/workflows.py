"""Stored workflows and their webhooks, in the KV namespace WEBHOOKS. Keys and values: docs/storage-schema.md.

Each push of a changed source makes a version, which never changes. One version is current: its plan lies under the
token, so that a trigger is one read.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from arcrun.accounts.limits import StorageLimits, counted_bytes
from arcrun.engine.record import render_time
from arcrun.errors import NotFoundError, WorkflowError
from arcrun.key_listing import list_all
from arcrun.ports import Clock, KeyEntry, KeyPage, KeyValue, Random
from arcrun.workflows.parse import is_workflow_name
from arcrun.workflows.plan import IMPLICIT_FORMAT, Plan, load_plan

TOKEN_BYTES = 16
# A workflow pushed through another isolate is seen by this one after at most this time. KV itself may take 60 s.
FRESH_MS = 5_000
MAX_CACHED_WORKFLOWS = 256
MAX_CALLS_BYTES = 512  # of a key's metadata, which may have 1,024
_HOOK, _NAME, _VERSION = "hook:", "name:", "version:"
_HEAD_FIELDS = {"token": str, "version": int, "latest": int, "updated_at": str}
_OPTIONAL_FIELDS: Mapping[str, type] = {"format": int, "calls": list}

Source = str | Mapping[str, Any]


@dataclass(frozen=True)
class StoredWorkflow:
    """The current version of a workflow. `updated_at` is when it became current (ISO 8601, UTC)."""

    token: str
    name: str
    version: int
    plan: Plan
    updated_at: str


@dataclass(frozen=True)
class Saved:
    """`previous` was the current plan before, None if there was none that can be read; `changed` is whether there is a
    new version.
    """

    stored: StoredWorkflow
    previous: Plan | None
    changed: bool


@dataclass(frozen=True)
class WorkflowVersion:
    """`source` is the workflow as pushed, text or object."""

    name: str
    version: int
    source: Source
    plan: Plan
    pushed_at: str


@dataclass(frozen=True)
class WorkflowHead:
    """What a list shows. `latest` is the newest version, `version` the current one: they differ after a rollback.

    `format` is that of the current version's plan. `calls` are the workflows that it calls, None where not kept.
    """

    name: str
    token: str
    version: int
    latest: int
    updated_at: str
    format: int = IMPLICIT_FORMAT
    calls: tuple[str, ...] | None = None


class Tokens(Protocol):
    """Makes the tokens of webhooks."""

    async def make(self) -> str: ...

    def is_token(self, text: str) -> bool:
        """Whether it may be one, by its form."""


class RandomTokens:
    """32 hexadecimal digits."""

    def __init__(self, random: Random) -> None:
        self._random = random

    async def make(self) -> str:
        return self._random.token_bytes(TOKEN_BYTES).hex()

    def is_token(self, text: str) -> bool:
        return len(text) == 2 * TOKEN_BYTES


class WorkflowStore:
    """`limits` bound what a push may add; None for as much as the namespace takes."""

    def __init__(
        self,
        kv: KeyValue,
        clock: Clock,
        random: Random,
        tokens: Tokens | None = None,
        limits: StorageLimits | None = None,
    ) -> None:
        self._kv, self._clock, self._limits = kv, clock, limits
        self._tokens = tokens or RandomTokens(random)
        self._cached: dict[str, tuple[float, StoredWorkflow]] = {}

    async def save(self, source: Source, plan: Plan) -> Saved:
        """Store a workflow under its name. Its token stays; a source that has not changed makes no version.

        Raises PayloadTooLargeError.
        """
        head = await self.find_head(plan.name)
        current = await self._read_version(plan.name, head.version) if head else None
        compiled = {"source": source, "plan": plan.to_json()}
        if head is not None and current is not None and current.items() >= compiled.items():
            return Saved(
                StoredWorkflow(head.token, plan.name, head.version, plan, head.updated_at), plan, changed=False
            )
        number = head.latest + 1 if head else 1
        pushed_at = render_time(self._clock.now_ms())
        record = json.dumps({**compiled, "pushed_at": pushed_at})
        await self._require_room(len(record))
        metadata = {"pushed_at": pushed_at, "bytes": len(record)}
        await self._kv.put(_version_key(plan.name, number), record, metadata=metadata)
        token = head.token if head else await self._tokens.make()
        stored = await self._make_current(StoredWorkflow(token, plan.name, number, plan, pushed_at), number)
        return Saved(stored, _load_if_possible(current), changed=True)

    async def _require_room(self, size: int) -> None:
        if self._limits is not None:
            self._limits.require_size(size)
            stored = [entry.metadata for entry in await list_all(self._kv, _VERSION)]
            self._limits.require_room(size, counted_bytes(stored))

    async def roll_back(self, name: str, version: int) -> StoredWorkflow:
        """Make a version current again. Raises NotFoundError WORKFLOW_NOT_FOUND, VERSION_NOT_FOUND."""
        head = await self.require_head(name)
        wanted = await self.find_version(name, version)
        now = render_time(self._clock.now_ms())
        return await self._make_current(StoredWorkflow(head.token, name, version, wanted.plan, now), head.latest)

    async def rotate_token(self, token: str) -> StoredWorkflow:
        """Give the workflow another token; the old one is no more. Raises NotFoundError."""
        old = await self.find(token)
        head = await self.require_head(old.name)
        rotated = StoredWorkflow(await self._tokens.make(), old.name, old.version, old.plan, old.updated_at)
        await self._make_current(rotated, head.latest)
        await self._forget(token)
        return rotated

    async def delete(self, token: str) -> str:
        """Delete a workflow with all its versions. Returns its name. Raises NotFoundError."""
        name = await self.find_name(token)
        await self._forget(token)
        await self._kv.delete(_NAME + name)
        for entry in await list_all(self._kv, f"{_VERSION}{name}:"):  # a cursor need not bear that its keys go
            await self._kv.delete(entry.key)
        return name

    async def find(self, token: str) -> StoredWorkflow:
        """Raises NotFoundError WEBHOOK_NOT_FOUND, whose text does not repeat the token; WorkflowError PLAN_OUTDATED."""
        kept_ms, kept = self._cached.get(token, (0.0, None))
        if kept is not None and self._clock.now_ms() - kept_ms < FRESH_MS:
            return kept
        record = await self._read_hook(token)
        plan = load_plan(record["plan"])
        return self._keep(StoredWorkflow(token, record["name"], record["version"], plan, record["updated_at"]))

    async def find_name(self, token: str) -> str:
        """The name of a workflow, which may be stored in a form that cannot be run any more. Raises NotFoundError."""
        name: str = (await self._read_hook(token))["name"]
        return name

    async def _read_hook(self, token: str) -> dict[str, Any]:
        text = await self._kv.get(_HOOK + token) if self._tokens.is_token(token) else None
        if text is None:
            self._cached.pop(token, None)
            raise build_webhook_missing_error()
        record: dict[str, Any] = json.loads(text)
        return record

    async def find_by_name(self, name: str) -> StoredWorkflow:
        """Raises NotFoundError WORKFLOW_NOT_FOUND."""
        return await self.find((await self.require_head(name)).token)

    async def find_plan(self, name: str) -> Plan:
        """The engine's `Workflows`."""
        return (await self.find_by_name(name)).plan

    async def find_version(self, name: str, version: int) -> WorkflowVersion:
        """Raises NotFoundError VERSION_NOT_FOUND."""
        record = await self._read_version(name, version)
        if record is None:
            raise NotFoundError(
                f"There is no version {version} of `{name}`.",
                code="VERSION_NOT_FOUND",
                next_actions=[f"See the versions: acr list {name}."],
                details={"workflow": name, "version": version},
            )
        return WorkflowVersion(name, version, record["source"], load_plan(record["plan"]), record["pushed_at"])

    async def _read_version(self, name: str, version: int) -> dict[str, Any] | None:
        text = await self._kv.get(_version_key(name, version))
        return None if text is None else json.loads(text)

    async def list_versions(self, name: str) -> list[dict[str, Any]]:
        """[{"version", "pushed_at"}], oldest first."""
        prefix = f"{_VERSION}{name}:"
        entries = await list_all(self._kv, prefix)
        return [
            {"version": int(entry.key.removeprefix(prefix)), "pushed_at": (entry.metadata or {}).get("pushed_at")}
            for entry in entries
            if entry.key.removeprefix(prefix).isdecimal()
        ]

    async def list_heads(self, cursor: str | None = None) -> tuple[list[WorkflowHead], str | None]:
        """A page of workflows by name, and the cursor of the next. One call of the platform's."""
        page: KeyPage = await self._kv.list(_NAME, cursor=cursor)
        return _read_heads(page.entries), page.cursor

    async def find_callers(self, name: str) -> list[str]:
        """The workflows that call `name`, but for itself."""
        heads = _read_heads(await list_all(self._kv, _NAME))
        return [head.name for head in heads if name in (head.calls or ()) and head.name != name]

    async def list_names(self) -> list[str]:
        return [entry.key.removeprefix(_NAME) for entry in await list_all(self._kv, _NAME)]

    async def find_head(self, name: str) -> WorkflowHead | None:
        text = await self._kv.get(_NAME + name) if is_workflow_name(name) else None
        return None if text is None else _read_head(name, json.loads(text))

    async def require_head(self, name: str) -> WorkflowHead:
        """Raises NotFoundError WORKFLOW_NOT_FOUND."""
        head = await self.find_head(name)
        if head is None:
            raise NotFoundError(
                f"There is no workflow `{name}`.",
                code="WORKFLOW_NOT_FOUND",
                next_actions=["Push it: acr push FILE."],
                details={"workflow": name},
            )
        return head

    async def _make_current(self, stored: StoredWorkflow, latest: int) -> StoredWorkflow:
        """First what the token leads to, then what lists show: interrupted between, a second push mends it."""
        hook = {
            "name": stored.name,
            "version": stored.version,
            "plan": stored.plan.to_json(),
            "updated_at": stored.updated_at,
        }
        await self._kv.put(_HOOK + stored.token, json.dumps(hook))
        head = {
            "token": stored.token,
            "version": stored.version,
            "latest": latest,
            "updated_at": stored.updated_at,
            "format": stored.plan.format,
            **_keep_calls(stored.plan),
        }
        await self._kv.put(_NAME + stored.name, json.dumps(head), metadata=head)
        return self._keep(stored)

    async def _forget(self, token: str) -> None:
        self._cached.pop(token, None)
        await self._kv.delete(_HOOK + token)

    def _keep(self, stored: StoredWorkflow) -> StoredWorkflow:
        self._cached.pop(stored.token, None)
        self._cached[stored.token] = (self._clock.now_ms(), stored)
        if len(self._cached) > MAX_CACHED_WORKFLOWS:
            del self._cached[next(iter(self._cached))]
        return stored


def build_webhook_missing_error() -> NotFoundError:
    """The same for every token that leads nowhere."""
    return NotFoundError(
        "There is no such webhook.",
        code="WEBHOOK_NOT_FOUND",
        next_actions=["See the URLs: acr list. Or push the workflow again: acr push FILE."],
    )


def _load_if_possible(record: Mapping[str, Any] | None) -> Plan | None:
    """None too for a plan that another version of arcrun has stored: a push mends it."""
    try:
        return load_plan(record["plan"]) if record else None
    except WorkflowError:
        return None


def require_same_name(name: str, plan: Plan) -> None:
    """Raises WorkflowError NAME_MISMATCH."""
    if name != plan.name:
        raise WorkflowError(
            f"The webhook is that of `{name}`, and the workflow is named `{plan.name}`.",
            code="NAME_MISMATCH",
            next_actions=["Keep the name, or store it as a new one: POST /webhooks."],
        )


def _version_key(name: str, version: int) -> str:
    return f"{_VERSION}{name}:{version:06}"


def _read_heads(entries: Iterable[KeyEntry]) -> list[WorkflowHead]:
    """Of a list. What lacks something is left out: a tenant can write what it likes into its own namespace."""
    return [
        _read_head(entry.key.removeprefix(_NAME), entry.metadata)
        for entry in entries
        if entry.metadata is not None
        and all(isinstance(entry.metadata.get(name, kind()), kind) for name, kind in _OPTIONAL_FIELDS.items())
        and all(isinstance(entry.metadata.get(name), kind) for name, kind in _HEAD_FIELDS.items())
    ]


def _read_head(name: str, record: Mapping[str, Any]) -> WorkflowHead:
    calls = record.get("calls")
    return WorkflowHead(
        name,
        record["token"],
        record["version"],
        record["latest"],
        record["updated_at"],
        record.get("format", IMPLICIT_FORMAT),
        None if calls is None else tuple(calls),
    )


def _keep_calls(plan: Plan) -> dict[str, list[str]]:
    """{"calls": names}; nothing if they do not fit into the metadata of a key."""
    calls = list(dict.fromkeys(node.workflow for node in plan.nodes if node.workflow))
    return {"calls": calls} if len(json.dumps(calls)) <= MAX_CALLS_BYTES else {}
