"""Names of steps and types of events of a tenant's runs: the platform shows to its operator what its instances call
them, so these know hashes alone, under a key of the tenant's.
"""

import hashlib
import hmac
from collections.abc import Awaitable, Callable
from typing import Any

from arcrun.accounts.master_key import derive_key
from arcrun.ports import WorkflowSteps

_DIGITS = 40


class HiddenNames:
    """`data_key` is the tenant's. A name is always hidden by the same text."""

    def __init__(self, data_key: bytes) -> None:
        self._key = derive_key(data_key, "names of steps")

    def hide(self, name: str) -> str:
        return hmac.digest(self._key, name.encode("utf-8", "surrogatepass"), hashlib.sha256).hex()[:_DIGITS]


class HiddenSteps:
    """Implements WorkflowSteps over those of an instance of a tenant."""

    def __init__(self, steps: WorkflowSteps, names: HiddenNames) -> None:
        self._steps, self._names = steps, names

    async def do(self, name: str, work: Callable[[], Awaitable[str]], *, retries: int, timeout_ms: int) -> str:
        return await self._steps.do(self._names.hide(name), work, retries=retries, timeout_ms=timeout_ms)

    async def sleep(self, name: str, duration_ms: int) -> None:
        await self._steps.sleep(self._names.hide(name), duration_ms)

    async def wait_for_event(self, name: str, event_type: str, timeout_ms: int) -> Any:
        return await self._steps.wait_for_event(self._names.hide(name), self._names.hide(event_type), timeout_ms)
