"""Checks by its spelling whether a URL's host is an address of the public internet, in all forms that `fetch` accepts.

Hosts are read according to the WHATWG URL Standard (section 3.5): percent-encoding, full-width and other compatibility
characters, IPv4 as one to four decimal, octal or hexadecimal numbers, a trailing dot. A name that resolves to a private
address cannot be detected here: locally the runtime refuses to connect; in production Cloudflare's network has no route
to private addresses.
"""

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from urllib.parse import unquote

# Special-use names (RFC 6761, RFC 6762, RFC 8375, ICANN's `internal`), and clouds' metadata services with secrets.
_LOCAL_NAMES = ("localhost", "local", "internal", "localdomain", "home.arpa", "ip6-localhost", "ip6-loopback")
_METADATA_NAMES = ("metadata.goog", "instance-data")
_DOTS = re.compile("[\u3002\uff0e\uff61]")
_IGNORED = re.compile("[\u00ad\u034f\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff]")
_NUMBER = re.compile(r"(?i:0x(?P<hex>[0-9a-f]*))|0(?P<octal>[0-7]+)|(?P<decimal>[0-9]+)", re.ASCII)
_NUMERIC = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
# Non-public addresses: IANA's special-purpose registries (iana.org/assignments/iana-ipv4-special-registry and
# iana-ipv6-special-registry), multicast, and ranges that were withdrawn or belong to a cloud. They are listed here,
# because the standard library's `is_global` depends on the Python version.
_PRIVATE_IPV4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared by carriers
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # Azure's platform
        "169.254.0.0/16",  # link-local, metadata of clouds
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays, withdrawn
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
_GLOBAL_UNICAST = IPv6Network("2000::/3")  # IANA only allocates public addresses from here
_PRIVATE_IPV6 = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # protocol assignments, Teredo among them
        "2001:db8::/32",  # documentation
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)
# The last 32 bits of these are an IPv4 address, which is the actual destination.
_EMBEDDING = tuple(IPv6Network(text) for text in ("::/96", "::ffff:0:0/96", "64:ff9b::/96"))


def is_public_host(host: str) -> bool:
    """`host` is a URL's host, without brackets. False also for invalid hosts."""
    name = _read_host(host)
    if ":" in name:
        return _is_public_ipv6(name)
    if not name:
        return False
    labels = name.split(".")
    if _NUMERIC.fullmatch(labels[-1]):
        address = _read_ipv4(labels)
        return address is not None and _is_public_ipv4(address)
    if len(labels) == 1:  # resolved in the machine's search domains
        return False
    return not any(name == local or name.endswith(f".{local}") for local in (*_LOCAL_NAMES, *_METADATA_NAMES))


def _read_host(host: str) -> str:
    """The host as `fetch` reads it, as far as it matters here: ASCII stays, characters that map to ASCII are mapped."""
    text = unquote(host)
    if not text.isascii():
        from unicodedata import normalize  # noqa: PLC0415 - a large table, which few hosts need

        text = normalize("NFKC", _IGNORED.sub("", _DOTS.sub(".", text)))
    return text.lower().removesuffix(".")


def _read_ipv4(labels: list[str]) -> IPv4Address | None:
    """The URL Standard's IPv4 parser: the last number covers all remaining bytes. None if it is not an address."""
    numbers = [_read_number(label) for label in labels]
    if len(numbers) > 4 or any(number is None for number in numbers):
        return None
    *first, last = [number or 0 for number in numbers]
    if any(number > 255 for number in first) or last >= 256 ** (4 - len(first)):
        return None
    return IPv4Address(sum(number << 8 * (3 - i) for i, number in enumerate(first)) + last)


def _read_number(text: str) -> int | None:
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    if match["hex"] is not None:
        return int(match["hex"] or "0", 16)
    return int(match["octal"], 8) if match["octal"] else int(match["decimal"])


def _is_public_ipv4(address: IPv4Address) -> bool:
    return not any(address in network for network in _PRIVATE_IPV4)


def _is_public_ipv6(text: str) -> bool:
    try:
        address = IPv6Address(text.partition("%")[0])
    except ValueError:
        return False
    if any(address in network for network in _EMBEDDING):
        return _is_public_ipv4(IPv4Address(int(address) & 0xFFFFFFFF))
    if address not in _GLOBAL_UNICAST or (address.sixtofour and not _is_public_ipv4(address.sixtofour)):
        return False
    return not any(address in network for network in _PRIVATE_IPV6)
