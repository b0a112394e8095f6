"""The hosts that a component may call: `*`, a name, or `*.example.com`, each optionally with `:PORT` for that port
alone.
"""

import re
from collections.abc import Sequence

_HOST_PATTERN = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[^:\[\]]+|[0-9a-f:.]+)(?::(?P<port>\d{1,5}))?", re.ASCII)
_WRITTEN_NAME = re.compile(r"\*|(\*\.)?[\w-]+(\.[\w-]+)*|\[[0-9a-f:.]+\]")


def is_allowed(patterns: Sequence[str], host: str, port: int) -> bool:
    return any(_matches(pattern, host, port) for pattern in patterns)


def is_host_pattern(text: str) -> bool:
    """Whether the text can match a host: what is a URL or a template cannot."""
    match = _HOST_PATTERN.fullmatch(text.lower())
    return match is not None and _WRITTEN_NAME.fullmatch(match["name"]) is not None


def _matches(pattern: str, host: str, port: int) -> bool:
    match = _HOST_PATTERN.fullmatch(pattern.lower())
    if match is None or (match["port"] and int(match["port"]) != port):
        return False
    name, host = match["name"].strip("[]"), host.lower()
    return name in ("*", host) or (name.startswith("*.") and host.endswith(name[1:]))
