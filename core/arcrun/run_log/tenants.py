"""The RunLog's object of a tenant: as one of an account's own, but that the names in it are sealed.

Values are sealed by whoever stores them (executor/records/logged_runs.py). What was sealed under another key than the
tenant's is not listed.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeVar, cast

from arcrun.durable_objects import Channel
from arcrun.engine.record import Verdict
from arcrun.errors import DecryptionError
from arcrun.request_keys import Claim, Claimed, Settlement
from arcrun.run_events import EventState, StoredEvent
from arcrun.run_log.cut_off_calls import CallDecision, CutOffCall
from arcrun.run_log.filter import RunFilter
from arcrun.run_log.protocol import Acceptance, AcceptedBatch, Listed, RemoteRunLog, StoredRun, Unsettled
from arcrun.run_log.run_blobs import BlobRoom
from arcrun.run_log.sealed_names import SealedNames

_NAMES = ("workflow", "node", "error")  # of a verdict

Told = TypeVar("Told", Verdict, StoredRun)
Value = TypeVar("Value")


class TenantRunLog(RemoteRunLog):
    """RunLogObject over the channel to the object of `tenant_id`."""

    def __init__(self, channel: Channel, tenant_id: str, names: SealedNames) -> None:
        super().__init__(channel)
        self._tenant_id, self._names = tenant_id, names

    async def add(self, runs: Sequence[StoredRun]) -> None:
        await super().add([await self._seal(run) for run in runs])

    async def accept(self, run: StoredRun, most: int) -> Acceptance:
        return await super().accept(await self._seal(run), most)

    async def accept_new(self, runs: Sequence[StoredRun], most: int) -> AcceptedBatch:
        return await super().accept_new([await self._seal(run) for run in runs], most)

    async def accept_keyed(self, settlement: Settlement, run: StoredRun, most: int) -> Acceptance:
        hidden: Settlement = {**settlement, "key": await self._names.seal(settlement["key"])}
        return await super().accept_keyed(hidden, await self._seal(run), most)

    async def expect_blob(self, run_id: str, most_bytes: int, tenant: str = "") -> BlobRoom:
        return await super().expect_blob(run_id, most_bytes, tenant or self._tenant_id)

    async def claim(self, claim: Claim) -> Claimed:
        hidden = {name: await self._names.seal(claim[name]) for name in ("key", "fingerprint")}
        return await super().claim(cast(Claim, {**claim, **hidden}))

    async def release(self, key: str, run_id: str) -> None:
        await super().release(await self._names.seal(key), run_id)

    async def find(self, run_id: str) -> StoredRun | None:
        found = await super().find(run_id)
        return None if found is None else await self._open(found)

    async def list_runs(self, asked: Mapping[str, Any], before: str, limit: int) -> Listed:
        """Runs are not searched for a text: sealed names cannot be."""
        wanted = RunFilter.load(asked)
        if wanted.workflow is not None:
            wanted = replace(wanted, workflow=await self._names.seal(wanted.workflow))
        found = await super().list_runs(replace(wanted, text=None).to_json(), before, limit)
        return {**found, "runs": [run async for run in self._open_all(found["runs"])]}

    async def count_unsettled(self) -> Unsettled:
        found = await super().count_unsettled()
        return {
            "dead": await self._open_keys(found["dead"]),
            "queued": await self._open_keys(found["queued"]),
            "failed": await self._open_keys(found.get("failed", {})),
        }

    async def release_queue(self, workflow: str | None, kept: Sequence[str]) -> int:
        sealed = None if workflow is None else await self._names.seal(workflow)
        return await super().release_queue(sealed, await self._seal_all(kept))

    async def expect_export(self) -> None:
        """What a tenant's runs came to is written to no KV of the platform."""

    async def add_event(self, run_id: str, event: StoredEvent) -> EventState:
        sealed = {"type": await self._seal_type(event["type"]), "id": await self._names.seal(event["id"])}
        return await super().add_event(run_id, cast(StoredEvent, {**event, **sealed}))

    async def list_events(self, run_id: str, event_type: str) -> Sequence[Mapping[str, str]]:
        listed = await super().list_events(run_id, await self._seal_type(event_type))
        return [{name: await self._names.open(value) for name, value in row.items()} for row in listed]

    async def take_event(
        self, run_id: str, event_type: str, event_id: str, wait: str, before: Sequence[str]
    ) -> StoredEvent | None:
        sealed_type, sealed_id = await self._seal_type(event_type), await self._names.seal(event_id)
        sealed_wait, sealed_before = await self._names.seal(wait), await self._seal_all(before)
        taken = await super().take_event(run_id, sealed_type, sealed_id, sealed_wait, sealed_before)
        return None if taken is None else {**taken, "type": event_type, "id": event_id, "taken_by": wait}

    async def ask_about_call(self, run_id: str, call: str, node: str) -> CallDecision | None:
        return await super().ask_about_call(run_id, await self._names.seal(call), await self._names.seal(node))

    async def decide_call(self, run_id: str, node: str, decided: CallDecision) -> bool:
        return await super().decide_call(run_id, await self._names.seal(node), decided)

    async def list_cut_off(self, run_id: str) -> list[CutOffCall]:
        calls = [{**call, "node": await self._names.open(call["node"])} for call in await super().list_cut_off(run_id)]
        return sorted(cast(list[CutOffCall], calls), key=lambda call: call["node"])

    async def _seal(self, run: StoredRun) -> StoredRun:
        names = {name: await self._names.seal(str(run.get(name))) for name in _NAMES if run.get(name) is not None}
        return cast(StoredRun, {**run, **names, "tenant": self._tenant_id})

    async def _open(self, run: Told) -> Told:
        names = {name: await self._names.open(str(run.get(name))) for name in _NAMES if run.get(name) is not None}
        return cast(Told, {**run, **names})

    async def _open_all(self, runs: Sequence[Verdict]) -> AsyncIterator[Verdict]:
        for run in runs:
            with suppress(DecryptionError):
                yield await self._open(run)

    async def _seal_type(self, event_type: str) -> str:
        """Types of decisions are hashes, which the object knows by their beginning."""
        return event_type if event_type.startswith("decision-") else await self._names.seal(event_type)

    async def _seal_all(self, names: Sequence[str]) -> list[str]:
        return [await self._names.seal(name) for name in names]

    async def _open_keys(self, told: Mapping[str, Value]) -> dict[str, Value]:
        opened = {}
        for name, value in told.items():
            with suppress(DecryptionError):
                opened[await self._names.open(name)] = value
        return opened
