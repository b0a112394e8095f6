"""No secret of a run gets into a store: another run would read it there, whose record knows nothing of it."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

from arcrun.credentials.redaction import Redactor
from arcrun.errors import HostFunctionError
from arcrun.interruptible import run_steps_pausing


async def require_no_secret(
    secrets: Collection[str], operation: Mapping[str, Any], pause: Callable[[], Awaitable[None]]
) -> None:
    """Raises HostFunctionError STORE_SECRET."""
    redactor = await run_steps_pausing(Redactor.build(secrets), pause)
    if await run_steps_pausing(redactor.scrub_in_steps(operation, is_small=False), pause) is not operation:
        raise HostFunctionError(
            "A secret that this run has read, or its caller has sent, stands in the key or the value.",
            code="STORE_SECRET",
            next_actions=["Leave it out: who needs a credential refers to it by `{{credential.NAME}}`."],
        )
