"""When a failed attempt is followed by another, and after how long."""

from typing import Any

from arcrun.errors import ArcrunError, ComponentError, RunTimeoutError
from arcrun.ports import Random
from arcrun.workflows.model import RetryPolicy

_NO_RETRY = RetryPolicy(max_attempts=1)


def delay_before_next(policy: RetryPolicy | None, attempt: int, error: ArcrunError, random: Random) -> float | None:
    """Milliseconds to wait after the failed `attempt` (from 1); None if there is no other.

    What failed before the component ran fails again. A component rules retries out by `retriable: false` in its error,
    and asks for a longer wait by `retry_after_s`; one beyond the policy's max_ms is not worth waiting for.
    """
    policy = policy or _NO_RETRY
    if attempt >= policy.max_attempts or not isinstance(error, ComponentError | RunTimeoutError):
        return None
    if error.details.get("retriable") is False:
        return None
    asked_ms = _asked_ms(error.details)
    if asked_ms > policy.max_ms:
        return None
    return max(asked_ms, _backoff_ms(policy, attempt) * (1 - policy.jitter * _draw(random)))


def _asked_ms(details: dict[str, Any]) -> float:
    asked_s = details.get("retry_after_s")
    return asked_s * 1000 if isinstance(asked_s, int | float) and asked_s > 0 else 0


def _backoff_ms(policy: RetryPolicy, attempt: int) -> float:
    factor: int = {"fixed": 1, "linear": attempt, "exponential": 2 ** (attempt - 1)}[policy.backoff]
    return min(policy.max_ms, policy.initial_ms * factor)


def _draw(random: Random) -> float:
    """From 0 to 1."""
    return int.from_bytes(random.token_bytes(4)) / 0xFFFFFFFF
