"""Plain messages for outside failures, of `fetch` and Workers AI, and which of them a retry may fix.

The platform reports few details. If a host refuses, resets or closes the connection it says "Network connection lost";
if a name lookup or a TLS handshake fails, "internal error; reference = ...".
"""

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

from arcrun.errors import HostFunctionError

# The other side, or the path to it, may soon recover.
RETRIABLE_CODES = frozenset(
    {
        "HTTP_TIMEOUT",  # no complete answer in time
        "HTTP_CONNECTION_FAILED",  # refused, reset, or closed before an answer
        "HTTP_CONNECTION_LOST",  # closed in the middle of the answer
        "HTTP_HOST_NOT_FOUND",  # the name cannot be looked up
        "HTTP_HOST_UNREACHABLE",  # the name cannot be looked up, or TLS failed: the platform does not say which
        "HTTP_FAILED",  # any other failure without an answer
        "AI_FAILED",
        "MEMORY_BUSY",  # other components of the isolate have ended by then
    }
)

# Workers AI's error codes for which a repeated request will not succeed:
# https://developers.cloudflare.com/workers-ai/platform/errors/
_AI_REFUSALS = frozenset(
    {
        "3003",  # incomplete request
        "3006",  # request too large
        "3023",  # account blocked
        "3036",  # the account's daily allocation is used up
        "3039",  # a finetune without its files
        "3041",  # a private model
        "3042",  # invalid model id
        "5004",  # invalid data
        "5005",  # no LoRA
        "5007",  # no such model
        "5016",  # the model's terms are not agreed to
        "5018",  # a private model
        "5019",  # deprecated SDK
    }
)
_AI_CODE = re.compile(r"\b(\d{4}): ")
_INTERNAL_ERROR = re.compile(r"internal error; reference = \w+", re.IGNORECASE)
_TLS = re.compile(r"certificate|\bTLS\b|\bSSL\b", re.IGNORECASE)


def is_retriable(error: HostFunctionError) -> bool:
    """Whether the same call may succeed later."""
    return error.retriable or error.code in RETRIABLE_CODES


def build_fetch_failure(url: str, said: str, *, has_begun: bool, is_closed: bool = False) -> HostFunctionError:
    """The error for the message `said` by the platform about a request to `url`.

    `has_begun`: the response's status and headers had arrived. `is_closed`: under `acr dev`, where hosts of the local
    network are hidden. Codes: HTTP_CONNECTION_FAILED, HTTP_CONNECTION_LOST, HTTP_HOST_NOT_FOUND, HTTP_HOST_UNREACHABLE,
    HTTP_TLS_FAILED, INVALID_RESPONSE_BODY, SUBREQUEST_LIMIT, HTTP_FAILED.
    """
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    if "network connection lost" in said.lower():
        if has_begun:
            return _fail("HTTP_CONNECTION_LOST", f"The answer of {host} broke off in the middle.")
        message = f"{host} refused the connection, or ended it without an HTTP answer."
        return _fail("HTTP_CONNECTION_FAILED", message)
    if "decompression failed" in said.lower():
        message = f"The answer of {host} is not compressed in the way that its content-encoding says."
        return _fail("INVALID_RESPONSE_BODY", message)
    if "subrequests" in said.lower():
        return _fail("SUBREQUEST_LIMIT", "The platform allows no more requests in this run.")
    if _INTERNAL_ERROR.search(said):
        return _build_unexplained(parts.scheme, parts.hostname or "", host, is_closed=is_closed)
    if _TLS.search(said):
        return _fail("HTTP_TLS_FAILED", f"TLS failed with {host}: {said.replace(url, host)}")
    return _fail("HTTP_FAILED", f"The request to {host} failed: {said.replace(url, host)}")


def _build_unexplained(scheme: str, hostname: str, host: str, *, is_closed: bool) -> HostFunctionError:
    """Narrow down an internal error: an IP address needs no lookup, and http has no TLS."""
    if scheme == "https" and _is_address(hostname):
        return _fail(
            "HTTP_TLS_FAILED", f"TLS failed with {host}: it does not speak TLS, or its certificate is invalid."
        )
    own = " A host of your own network needs `acr dev --allow-local-network`." if is_closed else ""
    if scheme == "https":
        message = (
            f"No connection to {host}: its name cannot be looked up, or TLS failed "
            f"(it does not speak it, or its certificate is invalid).{own}"
        )
        return _fail("HTTP_HOST_UNREACHABLE", message)
    if _is_address(hostname):
        return _fail("HTTP_FAILED", f"The request to {host} failed, and the platform does not say why.")
    return _fail("HTTP_HOST_NOT_FOUND", f"No connection to {host}: its name cannot be looked up.{own}")


def _is_address(hostname: str) -> bool:
    try:
        ip_address(hostname)
    except ValueError:
        return False
    return True


def build_ai_failure(said: str) -> HostFunctionError:
    """AI_REFUSED if a repeated request cannot succeed, else AI_FAILED."""
    found = _AI_CODE.search(said)
    code = "AI_REFUSED" if found and found[1] in _AI_REFUSALS else "AI_FAILED"
    explained = _INTERNAL_ERROR.sub("the platform does not say why", said)
    return _fail(code, f"The model failed: {explained}")


def _fail(code: str, message: str) -> HostFunctionError:
    return HostFunctionError(message, code=code)
