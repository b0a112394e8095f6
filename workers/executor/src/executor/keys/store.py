"""An account's access keys: made, listed, revoked, and found by what a request presents."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from arcrun.accounts.api_keys import api_key_id_of, hash_api_key
from arcrun.errors import ConflictError, NotFoundError
from arcrun.limits import MAX_ACCESS_KEYS
from arcrun.ports import Clock
from arcrun.rights import ACCESS_KEY_PREFIX, Grant, read_grant
from arcrun.times import render_time
from arcrun.workspace.access_keys import AccessKeysObject, StoredAccessKey
from arcrun.workspace.audit import Actor, AuditLog
from arcrun.workspace.sealing import Sealing

_KIND = "access key"


@dataclass(frozen=True)
class AccessKey:
    """A key without its text. `id` is what the audit log names it by."""

    name: str
    grant: Grant
    id: str
    created_at: str
    expires_at: str | None
    used_at: str | None

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "can": self.grant.right.word,
            "workflow": self.grant.workflow or None,
            "id": self.id,
            "created_at": self.created_at,
            "expires_at": self.expires_at,
            "last_used_at": self.used_at,
        }


class AccessKeys:
    """`make_token` makes the random part of a key; on a hosted platform it tells whose the key is."""

    def __init__(
        self,
        workspace: AccessKeysObject,
        sealing: Sealing,
        audit: AuditLog,
        clock: Clock,
        make_token: Callable[[], Awaitable[str]],
    ) -> None:
        self._workspace, self._sealing, self._audit, self._clock = workspace, sealing, audit, clock
        self._make_token = make_token

    async def create(self, name: str, grant: Grant, expires_in_ms: float | None, actor: Actor) -> tuple[str, AccessKey]:
        """The key's text, which is never shown again. Raises ConflictError KEY_EXISTS, TOO_MANY_KEYS."""
        text, now_ms = ACCESS_KEY_PREFIX + await self._make_token(), self._clock.now_ms()
        terms = {"name": name, **grant.to_terms()}
        stored: StoredAccessKey = {
            "name_id": self._sealing.id_of(name),
            "sha256": hash_api_key(text),
            "terms": await self._sealing.seal(_KIND, terms),
            "created_ms": now_ms,
            "expires_ms": None if expires_in_ms is None else now_ms + expires_in_ms,
            "used_ms": None,
        }
        note = await self._audit.render("key.create", name, actor, grant.describe())
        added = await self._workspace.add_access_key(stored, note)
        if added == "exists":
            raise ConflictError(
                f"There is a key `{name}`.",
                code="KEY_EXISTS",
                next_actions=[f"Choose another name, or revoke it: acr keys revoke {name}"],
            )
        if added == "full":
            raise ConflictError(
                f"There are {MAX_ACCESS_KEYS} keys, as many as there may be.",
                code="TOO_MANY_KEYS",
                next_actions=["Revoke those that are not used: acr keys list"],
            )
        return text, await self._read(stored)

    async def list(self) -> list[AccessKey]:
        return [await self._read(stored) for stored in await self._workspace.list_access_keys()]

    async def revoke(self, name: str, actor: Actor) -> None:
        """Raises NotFoundError ACCESS_KEY_NOT_FOUND."""
        note = await self._audit.render("key.revoke", name, actor)
        if not await self._workspace.delete_access_key(self._sealing.id_of(name), note):
            raise NotFoundError(
                f"There is no key `{name}`.", code="ACCESS_KEY_NOT_FOUND", next_actions=["List them: acr keys list"]
            )

    async def find(self, text: str) -> Grant | None:
        """What the key may do; None if there is none, or no more."""
        stored = await self._workspace.find_access_key(hash_api_key(text))
        return None if stored is None else (await self._read(stored)).grant

    async def _read(self, stored: StoredAccessKey) -> AccessKey:
        terms = await self._sealing.open(_KIND, stored["terms"])
        times = (stored[key] for key in ("created_ms", "expires_ms", "used_ms"))
        created_at, expires_at, used_at = (None if time is None else render_time(time) for time in times)
        key_id = api_key_id_of(stored["sha256"])
        return AccessKey(terms["name"], read_grant(terms), key_id, created_at or "", expires_at, used_at)
