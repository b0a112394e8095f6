"""`auth` of a node: how its requests prove who sends them, and by which credential."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any
from urllib.parse import urlsplit

from arcrun.credentials.record import NAME_PATTERN
from arcrun.errors import InputError

BEARER, BASIC, HEADER, QUERY = "bearer", "basic", "header", "query"
OAUTH2_CLIENT, OAUTH2_REFRESH, AWS_SIGV4 = "oauth2_client", "oauth2_refresh", "aws_sigv4"
OAUTH2_TYPES = (OAUTH2_CLIENT, OAUTH2_REFRESH)
IN_BASIC, IN_BODY = "basic", "body"  # where a client's id and secret stand in a request for a token

_TOKEN_FIELDS = ("token_url", "scope", "audience", "client_auth")
# The fields of each type besides `type` and `credential`: those that it needs, and those that it may have.
_FIELDS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    BEARER: ((), ()),
    BASIC: ((), ()),
    HEADER: (("name",), ("prefix",)),
    QUERY: (("name",), ()),
    OAUTH2_CLIENT: ((), _TOKEN_FIELDS),
    OAUTH2_REFRESH: ((), _TOKEN_FIELDS),
    AWS_SIGV4: (("region", "service"), ()),
}
TYPES = tuple(_FIELDS)
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")  # RFC 9110, section 5.6.2
_PRINTABLE = re.compile(r"[\x20-\x7e]*")
_AWS_NAME = re.compile(r"[a-z0-9-]{1,64}")
# As components/http_request/headers.zig has them, which a node cannot give either.
_RESERVED_HEADERS = frozenset(
    "connection content-length expect host keep-alive proxy-connection te trailer transfer-encoding upgrade".split()
)


@dataclass(frozen=True)
class Authorization:
    """`auth`, checked. Fields that the type does not have are empty. `name` is that of a header or of a parameter of
    the query, `prefix` stands before the secret in a header. The rest are for tokens: RFC 6749, and `audience`, which
    some services want besides; what is empty may stand in the credential.
    """

    type: str
    credential: str
    name: str = ""
    prefix: str = ""
    region: str = ""
    service: str = ""
    token_url: str = ""
    scope: str = ""
    audience: str = ""
    client_auth: str = ""

    @property
    def fetches_tokens(self) -> bool:
        return self.type in OAUTH2_TYPES


def name_derived(credential: str, what: str = "") -> str:
    """The name, among a run's secrets, of one that was made of a credential. No credential has such a name."""
    return f"authorization by {credential} {what}"


_KEYS = tuple(field.name for field in fields(Authorization))


def parse_authorization(given: Any) -> Authorization:
    """Raises InputError, whose details name the `field`."""
    if not isinstance(given, Mapping):
        raise _refuse("auth", "must be an object", "For example: auth: {type: bearer, credential: NAME}.")
    kind = given.get("type")
    if not isinstance(kind, str) or kind not in _FIELDS:
        raise _refuse("auth.type", f"must be one of {', '.join(TYPES)}", "Name how the service wants to be asked.")
    needed, optional = _FIELDS[kind]
    allowed = ("type", "credential", *needed, *optional)
    for key, value in given.items():
        if key not in allowed:
            raise _refuse(f"auth.{key}", f"does not belong to the type {kind}", f"Allowed: {', '.join(allowed)}.")
        if not isinstance(value, str) or not value:
            raise _refuse(f"auth.{key}", "must be a text that is not empty", "Write it into the workflow.")
    for key in ("credential", *needed):
        if key not in given:
            raise _refuse(f"auth.{key}", f"is missing: the type {kind} needs it", f"Add {key} to `auth`.")
    found = Authorization(**{key: given[key] for key in _KEYS if key in given})
    _check_values(found)
    return found


def _check_values(found: Authorization) -> None:
    if not NAME_PATTERN.fullmatch(found.credential):
        raise _refuse(
            "auth.credential", "is the name of a stored credential, not the secret", "Store it: acr creds set NAME"
        )
    if found.type == HEADER and not _HEADER_NAME.fullmatch(found.name):
        raise _refuse("auth.name", "is no name that a header can have", "For example: X-Api-Key.")
    if found.type == HEADER and found.name.lower() in _RESERVED_HEADERS:
        raise _refuse("auth.name", "is a header of the connection", "Name the header that the service documents.")
    if not _PRINTABLE.fullmatch(found.prefix):
        raise _refuse("auth.prefix", "must be printable ASCII", 'For example: "Token ".')
    for key in ("region", "service"):
        value = getattr(found, key)
        if value and not _AWS_NAME.fullmatch(value):
            raise _refuse(f"auth.{key}", "is lower-case letters, digits and -", "For example: eu-central-1, s3.")
    if found.token_url:
        require_token_url(found.token_url, "auth.token_url")
    if found.client_auth not in ("", IN_BASIC, IN_BODY):
        raise _refuse("auth.client_auth", f"must be {IN_BASIC} or {IN_BODY}", "See RFC 6749, section 2.3.1.")


def require_token_url(url: str, field: str) -> None:
    """Raises InputError."""
    try:
        parts = urlsplit(url)
        is_valid = parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.fragment
        is_valid = is_valid and parts.username is None and parts.port != 0
    except ValueError:
        is_valid = False
    if not is_valid:
        hint = "For example: https://login.example.com/oauth/token."
        raise _refuse(field, "must be an absolute https URL, without a user or a fragment", hint)


def _refuse(field: str, problem: str, hint: str) -> InputError:
    return InputError(f"`{field}` {problem}.", next_actions=[hint], details={"field": field})
