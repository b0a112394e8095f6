"""What a service may take of the platform that it runs on."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol


class Share(Protocol):
    def running(self) -> AbstractContextManager[None]:
        """Around a run. Raises RateLimitedError TOO_MANY_RUNS."""

    def clamp_duration(self, timeout_ms: float | None) -> float | None:
        """How long a run may take at most, None for as long as its workflow says."""

    def check_source(self, source: str | Mapping[str, Any]) -> None:
        """Before a workflow is read. Raises PayloadTooLargeError WORKFLOW_TOO_LARGE."""


class WholePlatform:
    """The share of an account that has the platform to itself."""

    def running(self) -> AbstractContextManager[None]:
        return nullcontext()

    def clamp_duration(self, timeout_ms: float | None) -> float | None:
        return timeout_ms

    def check_source(self, source: str | Mapping[str, Any]) -> None:
        """The body's limit is enough."""


WHOLE_PLATFORM = WholePlatform()
