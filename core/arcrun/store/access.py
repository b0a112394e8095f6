"""What a call of a component may do with stores: those of its workflow, and shared ones."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from arcrun.errors import HostFunctionError
from arcrun.store.protocol import scope_of_shared, scope_of_workflow

MAX_NAME_CHARACTERS = 64


@dataclass(frozen=True)
class Caller:
    """A call of a component in a run: `name` is its name within the run, the same for each of its attempts."""

    workflow: str
    run_id: str
    name: str


class Stores(Protocol):
    """Where operations are done: StoreObject, or what stands for it."""

    async def do(self, scope: str, request: Mapping[str, Any], call: str = "") -> Mapping[str, Any]:
        """As StoreObject has it (protocol.py). Raises HostFunctionError, UpstreamError."""


@dataclass
class StoreAccess:
    """The stores as one attempt of a call sees them. Its operations are numbered, as those of an attempt that repeats
    it are: so each is done once.
    """

    stores: Stores
    caller: Caller
    _asked: int = field(default=0, init=False)

    async def do(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Raises HostFunctionError, UpstreamError."""
        self._asked += 1
        operation = {name: value for name, value in request.items() if name != "store"}
        call = f"{self.caller.run_id} {self.caller.name} {self._asked}"
        return await self.stores.do(self._find_scope(request.get("store")), operation, call)

    def _find_scope(self, name: Any) -> str:
        if name is None:
            return scope_of_workflow(self.caller.workflow)
        if not isinstance(name, str) or not 1 <= len(name) <= MAX_NAME_CHARACTERS:
            raise HostFunctionError(
                f"`store` must be the name of a shared store, of at most {MAX_NAME_CHARACTERS} characters.",
                code="INVALID_REQUEST",
            )
        return scope_of_shared(name)
