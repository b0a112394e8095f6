"""The audit log of a Workspace: who changed what, when, and from where. It contains no secrets."""

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
    """Who made a request: the id of the API key (the first 12 digits of its SHA-256), and the address
    Cloudflare saw. `via` is CONSOLE of a browser that has signed in with that key.
    """

    key_id: str
    address: str | None = None
    via: str | None = None


CONSOLE = "console"
PLATFORM = Actor("platform")  # for actions without a request


@dataclass(frozen=True)
class AuditLine:
    """`subject` is the name of the changed object, such as a workflow or a credential; `detail` describes the
    change.
    """

    id: int
    at: str
    action: str
    subject: str
    key_id: str
    address: str | None
    detail: str | None
    via: str | None = None

    def to_json(self) -> dict[str, Any]:
        return {**vars(self)}


class AuditLog:
    def __init__(self, workspace: WorkspaceObject, sealing: Sealing, clock: Clock) -> None:
        self.workspace, self.sealing, self.clock = workspace, sealing, clock

    async def render(self, action: str, subject: str, actor: Actor, detail: str | None = None) -> Note:
        """A note to pass to an operation of the Workspace, which adds it together with its change."""
        line = {"action": action, "subject": subject, "key_id": actor.key_id}
        optional = {"address": actor.address, "detail": detail, "via": actor.via}
        sealed = await self.sealing.seal(_KIND, line | {name: text for name, text in optional.items() if text})
        return {"at": render_time(self.clock.now_ms()), "line": sealed}

    async def note(
        self, action: str, subject: str, actor: Actor, detail: str | None = None, *, is_told: bool = False
    ) -> None:
        """Add a line. `is_told` is whether the actor only reports the action. Raises UpstreamError
        OBJECT_UNAVAILABLE.
        """
        await self.workspace.note(await self.render(action, subject, actor, detail), is_told)

    async def list(self, before: int | None, limit: int) -> Sequence[AuditLine]:
        """The lines, newest first. Raises UpstreamError, DecryptionError."""
        return [await self._read(stored) for stored in await self.workspace.list_notes(before, limit)]

    async def _read(self, stored: StoredNote) -> AuditLine:
        line = await self.sealing.open(_KIND, stored["line"])
        known = {name: line.get(name) for name in ("action", "subject", "key_id", "address", "detail", "via")}
        return AuditLine(stored["id"], stored["at"], **known)
