"""Who has sent a message, as the platform has found out by DMARC (RFC 7489).

Email Routing adds an Authentication-Results header (RFC 8601) above all that the message came with. Whatever the sender
has written stands below it.
"""

import re
from collections.abc import Sequence

from arcrun.mail.model import Mailbox

AUTHENTICATION_RESULTS = "authentication-results"
AUTHORITY = "mx.cloudflare.net"  # by which Cloudflare names itself there
PASS, NONE = "pass", "none"
_AUTHORITY = re.compile(rf"\s*{re.escape(AUTHORITY)}(\s+\d+)?\s*")  # and a version
# What SPF says quotes the address of the envelope's sender, which may be written to look like a result. It comes last.
_QUOTING = re.compile(r"spf\s*=|smtp\.", re.IGNORECASE)
_DMARC = re.compile(r"(?<![\w.-])dmarc\s*=", re.IGNORECASE)
_RESULT = re.compile(r";\s*dmarc\s*=\s*(?P<result>[a-z]+)(?P<rest>[^;()\"]*)", re.IGNORECASE)
_HEADER_FROM = re.compile(r"\sheader\.from\s*=\s*(?P<domain>[a-z0-9._-]+)(?=\s|$)", re.IGNORECASE)


def find_dmarc(results: Sequence[str], senders: Sequence[Mailbox]) -> str:
    """The result of DMARC for the only sender of a message: `pass` proves that it comes from the domain of its address.

    `results` are the message's Authentication-Results headers, topmost first. NONE if the platform says none, or says
    it of another domain.
    """
    if not results or len(senders) != 1:
        return NONE
    authority, _, rest = results[0].partition(";")
    if not _AUTHORITY.fullmatch(authority) or len(_DMARC.findall(results[0])) != 1:
        return NONE
    found = _RESULT.search(f";{rest}")
    if found is None or _QUOTING.search(rest, 0, found.start()):
        return NONE
    result, domain = found["result"].lower(), _HEADER_FROM.search(found["rest"])
    if result == PASS and (domain is None or domain["domain"].lower() != domain_of(senders[0].address)):
        return NONE
    return result


def domain_of(address: str) -> str:
    return address.rpartition("@")[2].lower()


def is_allowed(address: str, patterns: Sequence[str]) -> bool:
    """Whether an address is among those of a list: addresses, or *@DOMAIN for all of a domain."""
    given = address.lower()
    return given in patterns or f"*@{domain_of(given)}" in patterns
