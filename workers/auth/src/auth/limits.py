"""Rate limits: what a caller gets who asks too often."""

from arcrun.errors import RateLimitedError
from arcrun.ports import RateLimiter


class Limits:
    """`registrations` counts attempts to register, `requests` everything else."""

    def __init__(self, registrations: RateLimiter, requests: RateLimiter) -> None:
        self._registrations, self._requests = registrations, requests

    async def take_registration(self, key: str) -> None:
        """Raises RateLimitedError."""
        await _take(self._registrations, key)

    async def take_request(self, key: str) -> None:
        """Raises RateLimitedError."""
        await _take(self._requests, key)


async def _take(limiter: RateLimiter, key: str) -> None:
    if not await limiter.take(key):
        raise RateLimitedError(limiter.period_s)
