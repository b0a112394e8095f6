"""The operations of the object that keeps an account's stores, and their wire formats.

A store is a scope: `workflow NAME`, of a workflow, or `shared NAME`. The object seals what it stores: values, keys and
names of scopes.
"""

import re
from collections.abc import Mapping
from typing import Any, Protocol, TypedDict

from arcrun.durable_objects import Channel
from arcrun.errors import HostFunctionError

WORKFLOW, SHARED = "workflow", "shared"
_SHARED_NAME = re.compile(r"\w[\w.:@+ -]{0,63}")


def scope_of_workflow(name: str) -> str:
    return f"{WORKFLOW} {name}"


def scope_of_shared(name: str) -> str:
    """Raises HostFunctionError INVALID_REQUEST."""
    if not _SHARED_NAME.fullmatch(name):
        raise HostFunctionError(
            "The name of a shared store has at most 64 letters, digits, spaces and the signs `_-.:@+`, and begins with "
            "a letter, a digit or `_`.",
            code="INVALID_REQUEST",
            next_actions=["Name it without other signs, such as totals or totals-2026."],
        )
    return f"{SHARED} {name}"


def read_scope(scope: str) -> tuple[str, str]:
    """The kind of a store, WORKFLOW or SHARED, and its name."""
    kind, _, name = scope.partition(" ")
    return kind, name


class StoreInfo(TypedDict):
    """A store: its scope, and how many entries and bytes it has."""

    scope: str
    entries: int
    bytes: int


class StoreObject(Protocol):
    """Every method raises HostFunctionError, and UpstreamError."""

    async def do(self, scope: str, request: Mapping[str, Any], call: str = "") -> Mapping[str, Any]:
        """Do an operation (operations.py). Of calls of the same name, other than "", the first is done, and the others
        get its answer.
        """

    async def list_stores(self, after: str, limit: int) -> tuple[list[StoreInfo], str]:
        """A page of the stores behind a cursor, "" for the first, and the cursor of the next page, "" for none."""

    async def purge(self, scope: str) -> int:
        """Delete a store. Returns how many entries it had."""

    async def close(self) -> None:
        """Delete everything permanently, for an account that goes: a closed object takes nothing."""

    async def open_anew(self) -> None:
        """Take operations again after `close`, for an account that has come back."""


class RemoteStore:
    """StoreObject over a channel. A refusal is {"error": {"code", "message"}}. `tenant` is the id of the tenant whose
    object it is, empty for an account's own: the object seals under that one's key.
    """

    def __init__(self, channel: Channel, tenant: str = "") -> None:
        self.channel, self.tenant = channel, tenant

    async def do(self, scope: str, request: Mapping[str, Any], call: str = "") -> Mapping[str, Any]:
        answer: Mapping[str, Any] = await self._call("do", scope=scope, request=dict(request), call=call)
        return answer

    async def list_stores(self, after: str, limit: int) -> tuple[list[StoreInfo], str]:
        found = await self._call("list_stores", after=after, limit=limit)
        return found["stores"], found["cursor"]

    async def purge(self, scope: str) -> int:
        return int((await self._call("purge", scope=scope))["deleted"])

    async def close(self) -> None:
        await self._call("close")

    async def open_anew(self) -> None:
        await self._call("open_anew")

    async def _call(self, operation: str, **arguments: Any) -> Any:
        whose = {"tenant": self.tenant} if self.tenant else {}
        answer = await self.channel.call(operation, {**whose, **arguments})
        if (refusal := answer.get("error")) is not None:
            error = HostFunctionError(
                refusal["message"], code=refusal["code"], next_actions=refusal.get("next_actions", ())
            )
            error.retriable = refusal.get("retriable", False)
            raise error
        return answer["value"]
