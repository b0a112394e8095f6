"""What a call of a component may do with stores: those of its workflow, and shared ones."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from arcrun.errors import HostFunctionError, SubrequestLimitError, UpstreamError
from arcrun.platform_codes import SHARED_CODES
from arcrun.store.protocol import scope_of_shared, scope_of_workflow


@dataclass(frozen=True)
class Caller:
    """A call of a component in a run: `name` is its name within the run, the same for each of its attempts. `secrets`
    are those that the run has read so far, to which what is made of them is added. `origin` is the run that it is a
    replay of.
    """

    workflow: str
    run_id: str
    name: str
    secrets: MutableMapping[str, str] = field(default_factory=dict)
    origin: str = ""


class Stores(Protocol):
    """Where operations are done: StoreObject, or what stands for it."""

    async def do(self, scope: str, request: Mapping[str, Any], call: str = "") -> Mapping[str, Any]:
        """As StoreObject has it (protocol.py). Raises HostFunctionError, UpstreamError."""


def _take_none() -> None:
    """Count no subrequest."""


@dataclass
class StoreAccess:
    """The stores as one attempt of a call sees them. Its operations are numbered, as those of an attempt that repeats
    it are: so each is done once. `take` counts a subrequest, and raises SubrequestLimitError; `check` raises
    HostFunctionError for an operation that has a secret of the run in it.
    """

    stores: Stores
    caller: Caller
    take: Callable[[], object] = _take_none
    check: Callable[[Mapping[str, Any]], Awaitable[None]] | None = None
    _asked: int = field(default=0, init=False)

    async def do(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Raises HostFunctionError."""
        self._asked += 1
        operation = {name: value for name, value in request.items() if name != "store"}
        call = f"{self.caller.run_id} {self.caller.name} {self._asked}"
        scope = self._find_scope(request.get("store"))
        if self.check is not None and self.caller.secrets:
            await self.check(request)
        try:
            return await self._ask(scope, operation, call)
        except UpstreamError:  # done or not: the same call is done once
            return await self._ask_again(scope, operation, call)

    async def _ask_again(self, scope: str, operation: Mapping[str, Any], call: str) -> Mapping[str, Any]:
        try:
            return await self._ask(scope, operation, call)
        except UpstreamError as error:
            raise _build_failure("The store does not answer.", is_retriable=True) from error

    async def _ask(self, scope: str, operation: Mapping[str, Any], call: str) -> Mapping[str, Any]:
        """Raises HostFunctionError, UpstreamError."""
        try:
            self.take()
            return await self.stores.do(scope, operation, call)
        except SubrequestLimitError as error:
            raise HostFunctionError(error.message, code=error.code) from None
        except HostFunctionError as error:
            if error.code in SHARED_CODES:
                raise
            raise _build_failure(f"The store has failed: {error.message}", is_retriable=error.retriable) from error

    def _find_scope(self, name: Any) -> str:
        if name is None:
            return scope_of_workflow(self.caller.workflow)
        return scope_of_shared(name if isinstance(name, str) else "")


def _build_failure(message: str, *, is_retriable: bool) -> HostFunctionError:
    failure = HostFunctionError(message, code="STORE_FAILED")
    failure.retriable = is_retriable
    return failure
