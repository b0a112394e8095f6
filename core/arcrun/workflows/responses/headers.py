"""The headers that a workflow may answer with. A webhook shares its origin with the console and other webhooks, so a
header is refused if its effect goes beyond the one answer: on the connection, the origin, or the visitor's cookies.
"""

import re

from arcrun.limits import MAX_RESPONSE_HEADER_CHARACTERS
from arcrun.templates.hints import suggest_nearest

HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}")  # RFC 9110, section 5.6.2: a token
SET_COOKIE, CONTENT_TYPE = "set-cookie", "content-type"
POLICY = "content-security-policy"
_VALUE = re.compile(r"[\t\x20-\x7e]*")
_OF_CONNECTION = "belongs to the connection, which the platform keeps"
_OF_ORIGIN = "would change what browsers do with the whole origin, which the webhook shares"
_OF_ARCRUN = "is set by arcrun on every answer, and cannot be changed"
_CORS = "triggers: {webhook: {cors: {origins: [...]}}} sets it."
# Names with the reason why they are refused.
_REFUSED = {
    # RFC 9110, section 7.6.1; RFC 9112
    **dict.fromkeys(
        ("connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"),
        _OF_CONNECTION,
    ),
    **dict.fromkeys(("content-length", "content-encoding", "content-range", "http2-settings"), _OF_CONNECTION),
    **dict.fromkeys(("date", "server", "via", "age"), _OF_CONNECTION),
    **dict.fromkeys(("clear-site-data", "service-worker-allowed", "service-worker"), _OF_ORIGIN),
    **dict.fromkeys(("strict-transport-security", "public-key-pins", "expect-ct", "alt-svc", "alt-used"), _OF_ORIGIN),
    # Reports about every request to the origin, URLs included
    **dict.fromkeys(("nel", "report-to", "reporting-endpoints"), _OF_ORIGIN),
    **dict.fromkeys(("accept-ch", "critical-ch", "origin-agent-cluster", "use-as-dictionary"), _OF_ORIGIN),
    **dict.fromkeys(("shared-storage-write", "activate-storage-access"), _OF_ORIGIN),
    **dict.fromkeys(("set-login", "speculation-rules", "supports-loading-mode"), _OF_ORIGIN),
    **dict.fromkeys(("www-authenticate", "set-cookie2", "p3p", "authentication-info"), _OF_ORIGIN),
    **dict.fromkeys(("x-content-type-options", "referrer-policy"), _OF_ARCRUN),
    "idempotent-replayed": "marks an answer that was given before",
    "location": "is the header of a redirect, which is checked",
    "refresh": "redirects without the check that a redirect has",
}
_REFUSED_STARTS = {
    "access-control-": "belongs to CORS",
    "sec-": "is for browsers' own use",
    "proxy-": _OF_CONNECTION,
    "cf-": "is Cloudflare's own",
    "attribution-reporting-": _OF_ORIGIN,
    "arcrun-": "is arcrun's own",
    "x-arcrun-": "is arcrun's own",
}
_HINTS = {
    "location": 'redirect: "https://example.com/thanks"',
    "refresh": 'redirect: "https://example.com/thanks"',
    "content-length": "arcrun sets it from the body.",
    "www-authenticate": "A browser would ask the visitor for a password under the platform's own name.",
}
# RFC 6265, section 4.1.1, without what the workflow cannot choose: Path and Domain.
_COOKIE_PAIR = re.compile(r'([!#$%&\'*+.^_`|~0-9A-Za-z-]+)=("?)[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*\2')
_COOKIE_ATTRIBUTES = {
    "expires": re.compile(r"[A-Za-z]{3,9}, [A-Za-z0-9 :-]+"),
    "max-age": re.compile(r"-?[0-9]{1,12}"),
    "samesite": re.compile(r"(?i:strict|lax|none)"),
    **dict.fromkeys(("secure", "httponly", "partitioned"), re.compile("")),
}
_NAMED = "Expires, Max-Age, SameSite, Secure, HttpOnly, Partitioned"
_REPLACING = re.compile(r"\s*multipart/x-mixed-replace\b", re.IGNORECASE)


def find_name_problem(name: str) -> tuple[str, str] | None:
    """Why a header is refused, and a hint; None if it is not. `name` is in lower case."""
    reason = _REFUSED.get(name)
    for start, why in _REFUSED_STARTS.items():
        reason = why if reason is None and name.startswith(start) else reason
    if reason is None:
        return None
    return reason, _CORS if name.startswith("access-control-") else _HINTS.get(name, "Leave it out.")


def find_value_problem(name: str, value: str) -> tuple[str, str] | None:
    """Why the value of a header is refused, and a hint; None if it is not. `name` is in lower case."""
    if len(value) > MAX_RESPONSE_HEADER_CHARACTERS:
        limit = MAX_RESPONSE_HEADER_CHARACTERS
        return f"has {len(value)} characters; the limit is {limit}", "Send it in the body."
    if not _VALUE.fullmatch(value):
        return (
            "has a line break, another control character, or a character that is not ASCII",
            "Encode it: {{input.name | url_encode}}.",
        )
    if name == SET_COOKIE:
        return find_cookie_problem(value)
    if name == CONTENT_TYPE and _REPLACING.match(value):
        return "is a type whose parts have headers of their own", "Send one of them."
    return None


def find_cookie_problem(text: str) -> tuple[str, str] | None:
    """Why a Set-Cookie is refused, and a hint; None if it is not. A cookie without a name would be its value, and
    names with two underscores are those that browsers and platforms protect.
    """
    pair, *attributes = text.split(";")
    match = _COOKIE_PAIR.fullmatch(pair.strip())
    if match is None:
        return "is no cookie of the form NAME=VALUE", "Encode its value: theme={{input.theme | url_encode}}."
    if match[1].startswith("__"):
        return f"sets {match[1][:40]}: names that begin with __ are the platform's", "Give the cookie another name."
    for attribute in attributes:
        name, _, value = (part.strip() for part in attribute.partition("="))
        known = _COOKIE_ATTRIBUTES.get(name.lower())
        if name.lower() == "path":
            return "sets a Path, which is always that of the webhook", "Leave it out."
        if name.lower() == "domain":
            return "sets a Domain: a cookie is for the webhook alone", "Leave it out."
        if known is None:
            return f"has the attribute {name[:40]!r}", suggest_nearest(name, _NAMED.split(", "), f"Allowed: {_NAMED}.")
        if not known.fullmatch(value):
            return f"has an invalid {name}", "For example: theme=dark; Max-Age=3600; SameSite=Lax; Secure"
    return None
