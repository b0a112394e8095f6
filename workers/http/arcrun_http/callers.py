"""Identifies callers: for the audit log, and for rate limits of requests that are not yet authenticated."""

import ipaddress

from starlette.requests import Request

from arcrun.accounts.api_keys import api_key_id_of, hash_api_key
from arcrun.workspace.audit import CONSOLE, Actor
from arcrun_http.auth import SESSION, presented_key

IPV6_PREFIX_BITS = 64  # the network that a provider assigns to one customer


def actor_of(request: Request) -> Actor:
    """The actor of an authenticated request: the id of its API key, or of its session's, and its address."""
    if SESSION in request.scope:
        return Actor(request.scope[SESSION], address_of(request), CONSOLE)
    return Actor(api_key_id_of(hash_api_key(presented_key(request))), address_of(request))


def address_of(request: Request) -> str | None:
    """The address in CF-Connecting-IP, without its zone, which may be of any length; None if there is none."""
    try:
        return str(ipaddress.ip_address(request.headers.get("cf-connecting-ip", "").partition("%")[0]))
    except ValueError:
        return None


def caller_of(request: Request) -> str:
    """The rate limit key of the address in CF-Connecting-IP, which Cloudflare sets."""
    return name_caller(request.headers.get("cf-connecting-ip"))


def name_caller(address: str | None) -> str:
    """The rate limit key of an IP address; of its /64 network for IPv6."""
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return "ip:unknown"
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is None:
        return f"ip:{ipaddress.ip_network((parsed, IPV6_PREFIX_BITS), strict=False)}"
    return f"ip:{getattr(parsed, 'ipv4_mapped', None) or parsed}"
