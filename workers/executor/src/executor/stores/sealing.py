"""Seals what stores keep under the data key that an account's runs are sealed under."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from arcrun.errors import NotConfiguredError
from executor.durable.lasting import LastingRuns
from executor.service import ExecutorService


def tenant_of(request: str) -> str:
    """Whose object a request asks; empty for an account's own."""
    tenant_id: str = json.loads(request)["arguments"].get("tenant", "")
    return tenant_id


@dataclass(frozen=True)
class ServiceSealer:
    """`find` finds the account's service; None if it has gone."""

    find: Callable[[], Awaitable[ExecutorService | None]]

    async def seal(self, purpose: str, content: bytes) -> bytes:
        """Raises NotConfiguredError, UpstreamError."""
        return await (await self._find_runs()).seal_part(purpose, content)

    async def open(self, purpose: str, sealed: bytes) -> bytes:
        """Raises DecryptionError, NotConfiguredError, UpstreamError."""
        return await (await self._find_runs()).open_part(purpose, sealed)

    async def _find_runs(self) -> LastingRuns:
        service = await self.find()
        if service is None or service.lasting is None:
            raise NotConfiguredError(
                "Stores are sealed, and there is no key for that.",
                next_actions=["Set the executor's ARCRUN_ENCRYPTION_KEY: acr init, acr deploy."],
            )
        return service.lasting.runs
