"""Access keys: API keys with fewer rights than the account's own. Of a key only the SHA-256 is stored, as of every
(arcrun/accounts/api_keys.py).
"""

from typing import TYPE_CHECKING, Any, Literal, Protocol, TypedDict

from arcrun.durable_objects import Channel

if TYPE_CHECKING:
    from arcrun.workspace.protocol import Note

Added = Literal["added", "exists", "full"]


class StoredAccessKey(TypedDict):
    """`terms` is the sealed {"name", "can", "workflow"}. Times are milliseconds since 1970; `used_ms` is that of the
    last use, a step of some minutes exactly, and None if there was none.
    """

    name_id: str
    sha256: str
    terms: str
    created_ms: float
    expires_ms: float | None
    used_ms: float | None


class AccessKeysObject(Protocol):
    async def add_access_key(self, key: StoredAccessKey, note: "Note") -> Added:
        """Add a key, unless there is one of its name or there are as many as there may be."""

    async def list_access_keys(self) -> list[StoredAccessKey]:
        """All of them, by the time at which they were made."""

    async def find_access_key(self, sha256: str) -> StoredAccessKey | None:
        """The key that is used now, if there is such a one and its time is not over."""

    async def delete_access_key(self, name_id: str, note: "Note") -> bool:
        """Whether there was one."""


class RemoteAccessKeys:
    """AccessKeysObject over a channel."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def add_access_key(self, key: StoredAccessKey, note: "Note") -> Added:
        added: Added = await self._channel.call("add_access_key", {"key": key, "note": note})
        return added

    async def list_access_keys(self) -> list[StoredAccessKey]:
        keys: list[Any] = await self._channel.call("list_access_keys", {})
        return keys

    async def find_access_key(self, sha256: str) -> StoredAccessKey | None:
        key: Any = await self._channel.call("find_access_key", {"sha256": sha256})
        return None if key is None else key

    async def delete_access_key(self, name_id: str, note: "Note") -> bool:
        return bool(await self._channel.call("delete_access_key", {"name_id": name_id, "note": note}))
