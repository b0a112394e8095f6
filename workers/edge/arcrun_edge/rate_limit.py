"""RateLimiter over a Workers Rate Limiting binding: https://developers.cloudflare.com/workers/runtime-apis/bindings/rate-limit

Each of Cloudflare's locations counts on its own, and the limit is approximate: a few more requests pass.
"""

from typing import Any

from arcrun_edge.faults import naming_faults
from arcrun_edge.javascript import to_object


class CloudflareRateLimiter:
    """`period_s` is the binding's period in seconds, which the binding does not expose."""

    def __init__(self, binding: Any, period_s: int) -> None:
        self._binding, self.period_s = binding, period_s

    async def take(self, key: str) -> bool:
        with naming_faults("The rate limiter", "RATE_LIMITER_FAILED"):
            outcome = await self._binding.limit(to_object({"key": key}))
        return bool(outcome.success)
