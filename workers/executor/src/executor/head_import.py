"""Imports heads of workflows from KV, where earlier versions of arcrun, without a Workspace, stored them.

KV had `name:{name}`, the head, and `hook:{token}`, the plan that a token runs. A name's own head takes precedence; a
name without a readable head gets one from its newest `hook:` whose version still exists (a deleted workflow has none).
All other `hook:` keys, which nobody could see or revoke, are deleted with their tokens. After the import `name:` is
never read again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from arcrun.errors import UpstreamError
from arcrun.ports import KeyEntry, KeyValue, list_all
from arcrun.workflows.plan import IMPLICIT_FORMAT
from arcrun.workspace.audit import PLATFORM, AuditLog
from executor.heads import Head, Heads
from executor.workflow_values import HOOK, NAME, VERSION, list_version_numbers, read_object

MAX_READS = 400


class HeadImport:
    """`subrequest_limit` is the platform's limit per request. `trusts_metadata` is False for a tenant's namespace,
    because metadata has no MAC.
    """

    def __init__(
        self, kv: KeyValue, heads: Heads, audit: AuditLog, subrequest_limit: int, *, trusts_metadata: bool = True
    ) -> None:
        self._kv, self._heads, self._audit, self._trusts_metadata = kv, heads, audit, trusts_metadata
        self._max_reads = min(subrequest_limit // 3, MAX_READS)  # a value that is read may also have to be deleted

    async def take_one(self, name: str) -> Head | None:
        """Import and return the head of one workflow; import all heads if it has none of its own.

        Raises UpstreamError IMPORT_UNDERWAY.
        """
        head = _read_head(name, await read_object(self._kv, NAME + name))
        if head is None:
            await self.take_all()
        else:
            newest = max(await list_version_numbers(self._kv, name), default=0)
            await self._import([_with_latest(head, newest)], is_complete=False)
        return (await self._heads.look(name))[0]

    async def take_all(self) -> None:
        """Import all heads. Raises UpstreamError IMPORT_UNDERWAY if the next request has to continue."""
        sweep = _Sweep(self._kv, self._heads, self._max_reads)
        try:
            await sweep.run(trusts_metadata=self._trusts_metadata)
        except _NoReadLeftError:
            await self._import(sweep.found, is_complete=False)
            raise UpstreamError(
                "The workflows of an earlier arcrun are being imported.",
                code="IMPORT_UNDERWAY",
                next_actions=["Repeat the request: it continues the import."],
            ) from None
        await self._import(sweep.found, is_complete=True)

    async def _import(self, heads: Sequence[Head], *, is_complete: bool) -> None:
        note = await self._audit.render("workspace.import", "workflows of the arcrun before", PLATFORM)
        await self._heads.import_some(heads, note, is_complete=is_complete)


class _NoReadLeftError(Exception):
    pass


class _Sweep:
    """One request's pass over a namespace. `_done` are the heads that were imported before."""

    def __init__(self, kv: KeyValue, heads: Heads, reads_left: int) -> None:
        self._kv, self._heads, self._reads_left = kv, heads, reads_left
        self._done: dict[str, Head] = {}
        self._of_names: dict[str, Head] = {}
        self._of_hooks: dict[str, Head] = {}

    @property
    def found(self) -> list[Head]:
        return [*self._of_names.values(), *self._of_hooks.values()]

    async def run(self, *, trusts_metadata: bool) -> None:
        """Raises _NoReadLeftError; `found` then has the heads found so far."""
        self._done = {head.name: head for head in await self._heads.list_all()}
        newest = await self._list_newest_versions()
        for entry in await list_all(self._kv, NAME):
            name = entry.key.removeprefix(NAME)
            if name not in self._done and (head := await self._read_name(name, entry, trusts_metadata)):
                self._of_names[name] = _with_latest(head, newest.get(name, 0))
        tokens = {head.token for head in (*self._done.values(), *self._of_names.values())}
        for entry in await list_all(self._kv, HOOK):
            if entry.key.removeprefix(HOOK) not in tokens:
                await self._take_orphan(entry.key, newest)

    async def _read_name(self, name: str, entry: KeyEntry, trusts_metadata: bool) -> Head | None:
        head = _read_head(name, entry.metadata) if trusts_metadata else None
        head = head or _read_head(name, await self._read(entry.key))
        if head is None:  # so that the next request does not read it again
            await self._kv.delete(entry.key)
        return head

    async def _take_orphan(self, key: str, newest: Mapping[str, int]) -> None:
        """Import or delete a hook. The Workspace is asked after the hook was read, so that a new one is not deleted."""
        token = key.removeprefix(HOOK)
        head = _read_hook(token, await self._read(key))
        if await self._heads.look_for_token(token) is not None:
            return
        has_name = head is not None and (head.name in self._done or head.name in self._of_names)
        if head is None or has_name or head.version not in await self._list_versions(head.name):
            await self._kv.delete(key)
            return
        other = self._of_hooks.get(head.name)
        if other is None or other.updated_at < head.updated_at:
            self._of_hooks[head.name] = _with_latest(head, newest.get(head.name, 0))

    async def _list_versions(self, name: str) -> list[int]:
        self._take_read()
        return await list_version_numbers(self._kv, name)

    async def _list_newest_versions(self) -> dict[str, int]:
        """The highest version number by name: a number is used once, even if no head refers to it any more."""
        newest: dict[str, int] = {}
        for entry in await list_all(self._kv, VERSION):
            name, _, digits = entry.key.removeprefix(VERSION).rpartition(":")
            newest[name] = max(newest.get(name, 0), int(digits) if digits.isdecimal() else 0)
        return newest

    async def _read(self, key: str) -> dict[str, Any] | None:
        self._take_read()
        return await read_object(self._kv, key)

    def _take_read(self) -> None:
        if self._reads_left <= 0:
            raise _NoReadLeftError
        self._reads_left -= 1


def _with_latest(head: Head, newest: int) -> Head:
    return replace(head, latest=max(head.latest, newest))


def _read_head(name: str, record: Any) -> Head | None:
    """The head in the value or the metadata of `name:{name}`; None if it is not one."""
    match record:
        case {"token": str(token), "version": int(version), "latest": int(latest), "updated_at": str(updated_at)}:
            calls, plan_format = record.get("calls"), record.get("format", IMPLICIT_FORMAT)
            known = tuple(calls) if isinstance(calls, list) and all(isinstance(call, str) for call in calls) else None
            return Head(name, token, version, latest, 0, updated_at, plan_format, known)
    return None


def _read_hook(token: str, record: Any) -> Head | None:
    """The value of `hook:{token}` as a head; None if it is not one."""
    match record:
        case {"name": str(name), "version": int(version), "updated_at": str(updated_at), "plan": dict(plan)}:
            return Head(name, token, version, version, 0, updated_at, plan.get("format", IMPLICIT_FORMAT))
    return None
