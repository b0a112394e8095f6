"""Whether a URL's host is an address of the public internet, by how it is written: all spellings that `fetch` takes.

Hosts are read as the WHATWG URL Standard has it (section 3.5): percent-encoding, full-width and other compatible
characters, IPv4 in one to four decimal, octal or hexadecimal numbers, a dot at the end. A name that merely resolves to
such an address cannot be told here: locally the runtime refuses to connect; in production Cloudflare's network has no
way to anybody's private addresses.
"""

import re
from ipaddress import IPv4Address, IPv6Address, IPv6Network
from urllib.parse import unquote

# Special-use names (RFC 6761, RFC 6762, RFC 8375, ICANN's `internal`), and where clouds answer with their secrets.
_LOCAL_NAMES = ("localhost", "local", "internal", "localdomain", "home.arpa", "ip6-localhost", "ip6-loopback")
_METADATA_NAMES = ("metadata.goog", "instance-data")
_DOTS = re.compile("[\u3002\uff0e\uff61]")
_IGNORED = re.compile("[\u00ad\u034f\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff]")
_NUMBER = re.compile(r"(?i:0x(?P<hex>[0-9a-f]*))|0(?P<octal>[0-7]+)|(?P<decimal>[0-9]+)", re.ASCII)
_NUMERIC = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
_NAT64 = IPv6Network("64:ff9b::/96")
_COMPATIBLE = IPv6Network("::/96")


def is_public_host(host: str) -> bool:
    """`host` is a URL's, without brackets. False too for what is no host at all."""
    name = _read_host(host)
    if ":" in name:
        return _is_public_ipv6(name)
    if not name:
        return False
    labels = name.split(".")
    if _NUMERIC.fullmatch(labels[-1]):
        address = _read_ipv4(labels)
        return address is not None and _is_public_ipv4(address)
    return not any(name == local or name.endswith(f".{local}") for local in (*_LOCAL_NAMES, *_METADATA_NAMES))


def _read_host(host: str) -> str:
    """In the form in which `fetch` sees it, as far as it matters here: ASCII stays, what maps to ASCII is mapped."""
    text = unquote(host)
    if not text.isascii():
        from unicodedata import normalize  # noqa: PLC0415 - a large table, which few hosts need

        text = normalize("NFKC", _IGNORED.sub("", _DOTS.sub(".", text)))
    return text.lower().removesuffix(".")


def _read_ipv4(labels: list[str]) -> IPv4Address | None:
    """The URL Standard's IPv4 parser: the last number stands for all the bytes that are left. None if it is none."""
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
    return address.is_global and not address.is_multicast


def _is_public_ipv6(text: str) -> bool:
    try:
        address = IPv6Address(text.partition("%")[0])
    except ValueError:
        return False
    embedded = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in _NAT64 or address in _COMPATIBLE:
        embedded.append(IPv4Address(int(address) & 0xFFFFFFFF))
    if any(inner is not None and not _is_public_ipv4(inner) for inner in embedded):
        return False
    return address.ipv4_mapped is not None or (address.is_global and not address.is_multicast)
