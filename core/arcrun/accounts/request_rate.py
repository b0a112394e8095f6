"""Limits requests by key to a steady rate, with bursts.

The isolate decides by a token bucket of its own, so that a flood is refused at once at no further cost. One in
COUNTED_EACH of the admitted requests is counted by the platform (RateLimiter), for all isolates of a location. Requests
do not wait for that count: its refusal applies to the requests after it.
"""

import math
from dataclasses import dataclass

from arcrun.caches import Cache
from arcrun.errors import RateLimitedError
from arcrun.limits import MAX_COUNTED_KEYS
from arcrun.ports import Background, Clock, RateLimiter

COUNTED_EACH = 10  # so the platform's limit, in wrangler.toml, is a tenth of the requests that it allows
REFUSED_MS = 1_000  # how long the platform's refusal applies before it is asked again
MINUTE_MS = 60_000


@dataclass
class _Bucket:
    tokens: float
    filled_ms: float
    uncounted: int = 0
    refused_until_ms: float = 0.0


class RequestRate:
    def __init__(
        self, limiter: RateLimiter, clock: Clock, background: Background, *, a_minute: int, burst: int
    ) -> None:
        self._limiter, self._clock, self._background = limiter, clock, background
        self._a_ms, self._burst = a_minute / MINUTE_MS, burst
        self._buckets: Cache[_Bucket] = Cache(MAX_COUNTED_KEYS)

    def admit(self, key: str) -> None:
        """Admit a request. Raises RateLimitedError."""
        now_ms = self._clock.now_ms()
        bucket = self._refill(key, now_ms)
        if now_ms < bucket.refused_until_ms:
            raise RateLimitedError(self._limiter.period_s)
        if bucket.tokens < 1:
            raise RateLimitedError(max(1, math.ceil((1 - bucket.tokens) / self._a_ms / 1_000)))
        bucket.tokens -= 1
        bucket.uncounted += 1
        if bucket.uncounted == COUNTED_EACH:
            bucket.uncounted = 0
            self._background.start(self._count(key, bucket))

    async def _count(self, key: str, bucket: _Bucket) -> None:
        if not await self._limiter.take(key):
            bucket.refused_until_ms = self._clock.now_ms() + REFUSED_MS

    def _refill(self, key: str, now_ms: float) -> _Bucket:
        bucket = self._buckets.get(key) or _Bucket(self._burst, now_ms)
        bucket.tokens = min(self._burst, bucket.tokens + (now_ms - bucket.filled_ms) * self._a_ms)
        bucket.filled_ms = now_ms
        self._buckets.put(key, bucket)
        return bucket
