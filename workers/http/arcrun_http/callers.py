"""Who asks: for the audit log, and for rate limits of requests that have not shown yet whose they are."""

import ipaddress

from starlette.requests import Request

from arcrun.accounts.api_keys import api_key_id_of, hash_api_key
from arcrun.workspace.audit import Actor
from arcrun_http.auth import presented_key

IPV6_PREFIX_BITS = 64  # what one customer of a provider has to itself


def actor_of(request: Request) -> Actor:
    """Whoever has shown an API key, and from where. The address is the one that Cloudflare puts there."""
    try:  # without a zone, which may be a text of any length
        address = str(ipaddress.ip_address(request.headers.get("cf-connecting-ip", "").partition("%")[0]))
    except ValueError:
        address = None
    return Actor(api_key_id_of(hash_api_key(presented_key(request))), address)


def caller_of(request: Request) -> str:
    """The key of the address that Cloudflare puts into CF-Connecting-IP."""
    return name_caller(request.headers.get("cf-connecting-ip"))


def name_caller(address: str | None) -> str:
    """The key of an IP address; IPv6 counts by network."""
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return "ip:unknown"
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is None:
        return f"ip:{ipaddress.ip_network((parsed, IPV6_PREFIX_BITS), strict=False)}"
    return f"ip:{getattr(parsed, 'ipv4_mapped', None) or parsed}"
