"""Rate limits: who counts as one caller, and what a caller gets who asks too often."""

import ipaddress

from arcrun.errors import RateLimitedError
from arcrun.ports import RateLimiter

IPV6_PREFIX_BITS = 64  # what one customer of a provider has to itself


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


def name_caller(address: str | None) -> str:
    """The key of an IP address, which Cloudflare puts into CF-Connecting-IP; IPv6 counts by network."""
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return "ip:unknown"
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is None:
        return f"ip:{ipaddress.ip_network((parsed, IPV6_PREFIX_BITS), strict=False)}"
    return f"ip:{getattr(parsed, 'ipv4_mapped', None) or parsed}"
