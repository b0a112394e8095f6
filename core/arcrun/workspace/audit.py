"""The audit log of a Workspace: who changed what, when, from where. Nothing in it is secret."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from arcrun.ports import Clock
from arcrun.times import render_time
from arcrun.workspace.protocol import Note, StoredNote, WorkspaceObject
from arcrun.workspace.sealing import Sealing

_KIND = "audit"


@dataclass(frozen=True)
class Actor:
    """Who asks: the id of the API key (the first 12 digits of its SHA-256), and the address that Cloudflare saw."""

    key_id: str
    address: str | None = None


PLATFORM = Actor("platform")  # what no request asked for


@dataclass(frozen=True)
class AuditLine:
    """`subject` is the name of what was changed, such as a workflow or a credential; `detail` a word on how."""

    id: int
    at: str
    action: str
    subject: str
    key_id: str
    address: str | None
    detail: str | None

    def to_json(self) -> dict[str, Any]:
        return {**vars(self)}


class AuditLog:
    def __init__(self, workspace: WorkspaceObject, sealing: Sealing, clock: Clock) -> None:
        self._workspace, self._sealing, self._clock = workspace, sealing, clock

    async def render(self, action: str, subject: str, actor: Actor, detail: str | None = None) -> Note:
        """For an operation of the Workspace, which notes it with what it does."""
        line = {"action": action, "subject": subject, "key_id": actor.key_id}
        optional = {"address": actor.address, "detail": detail}
        sealed = await self._sealing.seal(_KIND, line | {name: text for name, text in optional.items() if text})
        return {"at": render_time(self._clock.now_ms()), "line": sealed}

    async def note(
        self, action: str, subject: str, actor: Actor, detail: str | None = None, *, is_told: bool = False
    ) -> None:
        """`is_told` is whether the actor only tells of it. Raises UpstreamError OBJECT_UNAVAILABLE."""
        await self._workspace.note(await self.render(action, subject, actor, detail), is_told)

    async def list(self, before: int | None, limit: int) -> Sequence[AuditLine]:
        """The newest first. Raises UpstreamError, DecryptionError."""
        return [await self._read(stored) for stored in await self._workspace.list_notes(before, limit)]

    async def _read(self, stored: StoredNote) -> AuditLine:
        line = await self._sealing.open(_KIND, stored["line"])
        known = {name: line.get(name) for name in ("action", "subject", "key_id", "address", "detail")}
        return AuditLine(stored["id"], stored["at"], **known)
