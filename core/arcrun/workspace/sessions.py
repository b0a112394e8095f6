"""Sessions of browsers, and the one-time links that begin one. Of their tokens only the SHA-256 is stored.

Both come from a key. `origin` is the SHA-256 of an access key of the same object, with which they end. It is empty if
they come from the account's own key, or a tenant's: the sealed terms have its `proof` then, which is worth nothing
without the token (arcrun/session_tokens.py).
"""

from typing import TYPE_CHECKING, Any, Protocol, TypedDict

from arcrun.durable_objects import Channel

if TYPE_CHECKING:
    from arcrun.workspace.protocol import Note


class StoredLink(TypedDict):
    """`terms` is the sealed {"can", "workflow", "key_id", "proof"}. Times are milliseconds since 1970."""

    sha256: str
    origin: str
    terms: str
    expires_ms: float


class StoredSession(StoredLink):
    """`used_ms` is the time of the last use, to a step of some minutes, and None if there was none."""

    created_ms: float
    used_ms: float | None


class SessionsObject(Protocol):
    async def add_session(self, session: StoredSession, note: "Note") -> float | None:
        """Begin a session; beyond the most that there may be, the oldest go. Returns when it ends, which is not after
        its access key; None if that key has gone.
        """

    async def find_session(self, sha256: str) -> StoredSession | None:
        """The session, if neither its time nor that of its access key is over."""

    async def list_sessions(self) -> list[StoredSession]:
        """All that `find_session` would find, the oldest first."""

    async def delete_sessions(self, session_id: str, note: "Note") -> int:
        """Delete the session of that id, the first digits of its SHA-256; with "" all. Returns how many there were."""

    async def add_session_link(self, link: StoredLink) -> bool:
        """Whether it was added: not in a closed object."""

    async def take_session_link(self, sha256: str) -> StoredLink | None:
        """The link, if its time is not over, and only once."""


class RemoteSessions:
    """SessionsObject over a channel."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def add_session(self, session: StoredSession, note: "Note") -> float | None:
        expires_ms: float | None = await self._channel.call("add_session", {"session": session, "note": note})
        return expires_ms

    async def find_session(self, sha256: str) -> StoredSession | None:
        session: Any = await self._channel.call("find_session", {"sha256": sha256})
        return None if session is None else session

    async def list_sessions(self) -> list[StoredSession]:
        sessions: list[Any] = await self._channel.call("list_sessions", {})
        return sessions

    async def delete_sessions(self, session_id: str, note: "Note") -> int:
        return int(await self._channel.call("delete_sessions", {"session_id": session_id, "note": note}))

    async def add_session_link(self, link: StoredLink) -> bool:
        return bool(await self._channel.call("add_session_link", {"link": link}))

    async def take_session_link(self, sha256: str) -> StoredLink | None:
        link: Any = await self._channel.call("take_session_link", {"sha256": sha256})
        return None if link is None else link
