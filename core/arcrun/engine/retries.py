"""When a failed attempt is followed by another, and after how long."""

from collections.abc import Iterable
from typing import Any

from arcrun.contracts.model import Contract
from arcrun.errors import ArcrunError, ComponentError
from arcrun.ports import Random
from arcrun.workflows.model import RetryPolicy

# RFC 9110, RFC 6585, RFC 8470: what a later request may not get again; and of 5xx what it will: the server can never do
# it (501, 505), its certificate is invalid (526). components/_sdk/zig/status.zig has the same.
RETRIABLE_STATUSES, LASTING_STATUSES = (408, 425, 429), (501, 505, 526)
_NO_RETRY = RetryPolicy(max_attempts=1)


def delay_before_next(policy: RetryPolicy | None, attempt: int, error: ArcrunError, random: Random) -> float | None:
    """Milliseconds to wait after the failed `attempt` (from 1); None if there is no other.

    `error.retriable` decides, or the policy's `on`. An error may ask for a longer wait by `retry_after_s`; one beyond
    the policy's max_ms is not worth waiting for.
    """
    policy = policy or _NO_RETRY
    if attempt >= policy.max_attempts or error.ends_run:
        return None
    if not (error.retriable if policy.on is None else _is_among(error, policy.on)):
        return None
    asked_ms = _asked_ms(error)
    if asked_ms > policy.max_ms:
        return None
    return max(asked_ms, _backoff_ms(policy, attempt) * (1 - policy.jitter * _draw(random)))


def judge_failure(error: ArcrunError, contract: Contract) -> bool:
    """Whether a component's failure may not come again: what it says by `retriable`, else its `status`, else whether
    the component reaches outside. A fault, such as a trap, comes again.
    """
    said, status = error.details.get("retriable"), error.details.get("status")
    if isinstance(said, bool):
        return said
    if isinstance(status, int):
        return status in RETRIABLE_STATUSES or (status >= 500 and status not in LASTING_STATUSES)
    return contract.reaches_outside and error.http_status == ComponentError.http_status


def _is_among(error: ArcrunError, causes: Iterable[str]) -> bool:
    status = str(error.details.get("status", ""))
    return bool({"*", error.code, status, f"{status[:1]}xx"} & set(causes))


def _asked_ms(error: ArcrunError) -> float:
    asked_s: Any = error.details.get("retry_after_s", error.retry_after_s)
    return asked_s * 1000 if isinstance(asked_s, int | float) and asked_s > 0 else 0


def _backoff_ms(policy: RetryPolicy, attempt: int) -> float:
    factor: int = {"fixed": 1, "linear": attempt, "exponential": 2 ** (attempt - 1)}[policy.backoff]
    return min(policy.max_ms, policy.initial_ms * factor)


def _draw(random: Random) -> float:
    """From 0 to 1."""
    return int.from_bytes(random.token_bytes(4)) / 0xFFFFFFFF
