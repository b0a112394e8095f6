"""Parses a request's URL, in which the platform joins the Host header and the target as they were sent."""

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

from arcrun.errors import RequestError

DEFAULT_PORTS = {"http": 80, "https": 443}
MAX_PORT = 65_535
SHORT_CHARACTERS = 300  # the longest URL whose target is cached
# RFC 3986's host and port, in ASCII and without user names: an IPv6 address in brackets, or a name of any characters.
_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+;=%-]+)(?::([0-9]{0,5}))?")


@dataclass(frozen=True)
class Target:
    """The parts of a URL. `path` is decoded, with U+FFFD for invalid UTF-8; `raw_path` and `query` are not."""

    scheme: str
    host: str
    port: int
    path: str
    raw_path: str
    query: str


def parse_target(url: str, host_header: str | None) -> Target:
    """Parse a URL. Raises RequestError INVALID_HOST. A request in absolute form may have another host in its URL."""
    parse = _parse_short if len(url) <= SHORT_CHARACTERS else _parse
    return parse(url, host_header)


def _parse(url: str, host_header: str | None) -> Target:
    scheme, _, rest = url.partition("://")
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    host, port = parse_authority(authority)
    if host_header is not None and host_header != authority:
        parse_authority(host_header)
    raw_path, _, query = rest[len(authority) :].partition("?")
    return Target(scheme, host, port or DEFAULT_PORTS.get(scheme, 80), unquote(raw_path) or "/", raw_path or "/", query)


_parse_short = lru_cache(maxsize=256)(_parse)


def parse_authority(text: str) -> tuple[str, int | None]:
    """The host (an IPv6 address without brackets) and the port. Raises RequestError INVALID_HOST."""
    match = _AUTHORITY.fullmatch(text)
    port = int(match[2]) if match and match[2] else None
    if match is None or (port or 0) > MAX_PORT:
        raise RequestError(
            "The Host header is not a single host with an optional port.",
            code="INVALID_HOST",
            next_actions=["Send one Host header, such as `Host: example.com` or `Host: [::1]:8787`."],
        )
    return match[1].strip("[]"), port
