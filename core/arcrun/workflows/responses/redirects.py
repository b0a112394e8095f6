"""Where a `redirect` may lead: to what the workflow itself writes, or to a host that it lists."""

import re
from typing import Any

from arcrun.templates.syntax import OPEN

# A URL as RFC 3986 has it, but stricter: http or https, and no user name before the host.
_ABSOLUTE = re.compile(r"https?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(?=[/?#]|$)", re.IGNORECASE)
_HOST = re.compile(r"([a-z0-9.-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")
_PORTS = {"http": ":80", "https": ":443"}
# Browsers drop tabs and line feeds from a URL, take a backslash for a slash, and trim control characters.
_REFUSED = re.compile(r"[\x00-\x20\x7f\\]")
RELATIVE_STARTS = ("/", "?", "#", ".")


def is_host(text: Any) -> bool:
    """Whether it is a host as `redirect_hosts` has it: in lower case, perhaps with a port."""
    return isinstance(text, str) and _HOST.fullmatch(text) is not None


def find_literal_host(text: Any) -> str:
    """The host that a redirect's text begins with before any template, as `find_host` returns it; else empty."""
    if not isinstance(text, str):
        return ""
    start = text.partition(OPEN)[0]
    match = _ABSOLUTE.match(start)
    # At the end of the literal part the host may go on in the template.
    return find_host(start) if match and (match.end() < len(start) or start == text) else ""


def find_host(url: str) -> str:
    """The host of an absolute URL in lower case, with its port unless that is the default; empty if it is none."""
    match = _ABSOLUTE.match(url)
    if match is None:
        return ""
    scheme = url.partition(":")[0].lower()
    return f"{match[1].lower()}{'' if match[2] == _PORTS[scheme] else match[2] or ''}"


def find_redirect_problem(url: str, text: str, hosts: tuple[str, ...]) -> tuple[str, str] | None:
    """Why a redirect to `url` is refused, and a hint; None if it is not. `text` is what the workflow writes, of which
    `url` has become; `hosts` are those that may come from data.
    """
    if _REFUSED.search(url):
        return "has white space, a control character or a backslash", "Encode it: {{input.path | url_encode}}."
    if url.startswith("//"):
        return "begins with //, which leads to another host", "Write the scheme too: https://example.com/..."
    if is_relative(url):
        if text.startswith(RELATIVE_STARTS):
            return None
        return "is a path that comes from data", "Write its beginning in the workflow: /thanks?name={{input.name}}."
    host = find_host(url)
    if not host:
        return "is not a plain http or https URL", "For example: https://example.com/thanks."
    if host in (find_literal_host(text), *hosts):
        return None
    return f"leads to the host {host[:100]}, which comes from data", f"redirect_hosts: [{host[:100]}] allows it."


def is_relative(url: str) -> bool:
    """Whether it is a path, a query or a fragment on the same host."""
    return url.startswith(RELATIVE_STARTS) and not url.startswith("//")
