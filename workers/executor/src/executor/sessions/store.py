"""An account's sessions: begun, found by their tokens with a short-lived cache in the isolate, listed, ended."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Any

from arcrun.accounts.api_keys import api_key_id_of, hash_api_key
from arcrun.errors import ConflictError, NotFoundError
from arcrun.limits import SESSION_LINK_MS, SESSION_MS
from arcrun.ports import Clock
from arcrun.rights import Grant, Right, read_grant
from arcrun.session_tokens import LINK_PREFIX, SESSION_PREFIX, find_proven, prove_key
from arcrun.times import render_time
from arcrun.workspace.audit import CONSOLE, Actor, AuditLog
from arcrun.workspace.protocol import WorkspaceObject
from arcrun.workspace.sealing import Sealing
from arcrun.workspace.sessions import StoredLink, StoredSession
from executor.keys.recent import Recent

_KIND, _LINK_KIND = "session", "session link"


@dataclass(frozen=True)
class Source:
    """The key from which a session comes: what it may do, and its SHA-256. `is_own` if it is the account's own key, or
    the tenant's, and no access key.
    """

    grant: Grant
    sha256: str
    is_own: bool

    def limit(self, *, read_only: bool) -> "Source":
        if not read_only:
            return self
        return Source(Grant(Right.READ, self.grant.workflow), self.sha256, self.is_own)


@dataclass(frozen=True)
class Session:
    """A session without its token. `key_id` is the id of its key, `proof` is empty if that is an access key."""

    id: str
    grant: Grant
    read_only: bool
    key_id: str
    proof: str
    created_ms: float
    expires_ms: float
    used_ms: float | None

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "can": self.grant.right.word,
            "workflow": self.grant.workflow or None,
            "read_only": self.read_only,
            "key_id": self.key_id,
            "created_at": render_time(self.created_ms),
            "expires_at": render_time(self.expires_ms),
            "last_used_at": None if self.used_ms is None else render_time(self.used_ms),
        }


class Sessions:
    """`make_token` makes the random part of a token; on a hosted platform it tells whose the session is."""

    def __init__(
        self,
        workspace: WorkspaceObject,
        sealing: Sealing,
        audit: AuditLog,
        clock: Clock,
        make_token: Callable[[], Awaitable[str]],
    ) -> None:
        self._workspace, self._sealing, self._audit, self._clock = workspace, sealing, audit, clock
        self._make_token = make_token
        self._recent: Recent[Session] = Recent()

    async def begin(self, source: Source, address: str | None, how: str) -> tuple[str, Session]:
        """The session and its token, which is never shown again. `how` is what the audit log says of it. Raises
        NotFoundError if the access key has gone in between.
        """
        token, now_ms = SESSION_PREFIX + await self._make_token(), self._clock.now_ms()
        sha256, key_id = hash_api_key(token), api_key_id_of(source.sha256)
        stored: StoredSession = {
            "sha256": sha256,
            "origin": "" if source.is_own else source.sha256,
            "terms": await self._seal(_KIND, token, source),
            "created_ms": now_ms,
            "expires_ms": now_ms + SESSION_MS,
            "used_ms": None,
        }
        detail = f"{how}, {source.grant.describe()}"
        note = await self._audit.render("session.begin", api_key_id_of(sha256), Actor(key_id, address, CONSOLE), detail)
        expires_ms = await self._workspace.add_session(stored, note)
        if expires_ms is None:
            raise NotFoundError("The key of this session has been revoked.", code="SESSION_ENDED")
        return token, await self._read({**stored, "expires_ms": expires_ms})

    async def find(self, token: str, own_keys: Collection[str]) -> Session | None:
        """`own_keys` are the SHA-256 of the keys that are the account's own now."""
        sha256, now_ms = hash_api_key(token), self._clock.now_ms()
        session = await self._recent.find(sha256, now_ms, lambda: self._look_up(sha256))
        if session is None or session.expires_ms <= now_ms:
            return None
        return session if not session.proof or find_proven(token, session.proof, own_keys) else None

    async def list(self) -> list[Session]:
        return [await self._read(stored) for stored in await self._workspace.list_sessions()]

    async def revoke(self, session_id: str, actor: Actor) -> None:
        """Raises NotFoundError SESSION_NOT_FOUND."""
        note = await self._audit.render("session.revoke", session_id, actor)
        count = await self._workspace.delete_sessions(session_id, note) if session_id else 0
        self.forget()
        if not count:
            raise NotFoundError(
                f"There is no session `{session_id[:40]}`.",
                code="SESSION_NOT_FOUND",
                next_actions=["List them: acr sessions list"],
            )

    async def revoke_all(self, actor: Actor) -> int:
        note = await self._audit.render("session.revoke", "all sessions", actor)
        count = await self._workspace.delete_sessions("", note)
        self.forget()
        return count

    async def end(self, session: Session, address: str | None) -> None:
        """The one who has the session signs out."""
        note = await self._audit.render("session.end", session.id, Actor(session.key_id, address, CONSOLE))
        await self._workspace.delete_sessions(session.id, note)
        self.forget()

    def forget(self) -> None:
        """Look all of them up again: one may have ended."""
        self._recent = Recent()

    async def make_link(self, source: Source) -> tuple[str, float]:
        """The token of a one-time link, and when it ends. Raises ConflictError."""
        token, expires_ms = LINK_PREFIX + await self._make_token(), self._clock.now_ms() + SESSION_LINK_MS
        stored: StoredLink = {
            "sha256": hash_api_key(token),
            "origin": "" if source.is_own else source.sha256,
            "terms": await self._seal(_LINK_KIND, token, source),
            "expires_ms": expires_ms,
        }
        if not await self._workspace.add_session_link(stored):
            raise ConflictError("This account is being deleted.")
        return token, expires_ms

    async def take_link(self, token: str, own_keys: Collection[str]) -> Source | None:
        """What the link is worth; once only, and as long as its key is good."""
        stored = await self._workspace.take_session_link(hash_api_key(token))
        if stored is None:
            return None
        terms = await self._sealing.open(_LINK_KIND, stored["terms"])
        sha256 = stored["origin"] or find_proven(token, terms["proof"], own_keys)
        return None if sha256 is None else Source(read_grant(terms), sha256, is_own=not stored["origin"])

    async def _look_up(self, sha256: str) -> Session | None:
        stored = await self._workspace.find_session(sha256)
        return None if stored is None else await self._read(stored)

    async def _seal(self, kind: str, token: str, source: Source) -> str:
        terms = {
            **source.grant.to_terms(),
            "key_id": api_key_id_of(source.sha256),
            "proof": prove_key(token, source.sha256) if source.is_own else "",
        }
        return await self._sealing.seal(kind, terms)

    async def _read(self, stored: StoredSession) -> Session:
        terms = await self._sealing.open(_KIND, stored["terms"])
        grant = read_grant(terms)
        return Session(
            api_key_id_of(stored["sha256"]),
            grant,
            grant.right is Right.READ,
            terms["key_id"],
            terms["proof"],
            stored["created_ms"],
            stored["expires_ms"],
            stored["used_ms"],
        )
