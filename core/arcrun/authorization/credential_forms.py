"""What the credentials of each type of `auth` have in them. No message quotes a secret."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from arcrun.authorization.model import (
    AWS_SIGV4,
    BASIC,
    IN_BASIC,
    IN_BODY,
    OAUTH2_REFRESH,
    Authorization,
    require_token_url,
)
from arcrun.errors import CredentialError, InputError
from arcrun.json_text import parse_json

_VISIBLE = re.compile(r"[\x21-\x7e]+")
_PRINTABLE = re.compile(r"[\x20-\x7e]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True)
class OAuthClient:
    """What asks for tokens, by the stored `credential`. `refresh_token` is empty of one that asks in its own name."""

    credential: str
    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str = field(default="", repr=False)
    scope: str = ""
    audience: str = ""
    client_auth: str = IN_BASIC


@dataclass(frozen=True)
class AwsKeys:
    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(default="", repr=False)


def read_visible(credential: str, secret: str) -> str:
    """A token: one line without spaces. Raises CredentialError CREDENTIAL_UNUSABLE."""
    token = secret.strip()
    if not _VISIBLE.fullmatch(token):
        raise _refuse(credential, "it must be one line of printable ASCII without spaces")
    return token


def read_header_value(credential: str, secret: str) -> str:
    """Raises CredentialError CREDENTIAL_UNUSABLE."""
    value = secret.strip()
    if not _PRINTABLE.fullmatch(value):
        raise _refuse(credential, "it must be one line of printable ASCII")
    return value


def read_basic(credential: str, secret: str) -> str:
    """`user:password` of that text, or of the JSON {"username", "password"} (RFC 7617, section 2). Raises
    CredentialError CREDENTIAL_UNUSABLE.
    """
    text = secret.strip()
    if text.startswith("{"):
        given = _read_object(credential, secret, ("username", "password"), ())
        if ":" in given["username"]:
            raise _refuse(credential, "`username` must not have a colon")
        text = f"{given['username']}:{given['password']}"
    if ":" not in text or _CONTROL.search(text):
        raise _refuse(credential, 'it must be USER:PASSWORD in one line, or JSON: {"username", "password"}')
    return text


def read_aws_keys(credential: str, secret: str) -> AwsKeys:
    """Raises CredentialError CREDENTIAL_UNUSABLE."""
    given = _read_object(credential, secret, ("access_key_id", "secret_access_key"), ("session_token",))
    for key, value in given.items():
        if not _VISIBLE.fullmatch(value):
            raise _refuse(credential, f"`{key}` must be printable ASCII without spaces")
    return AwsKeys(**given)


def read_client(authorization: Authorization, secret: str) -> OAuthClient:
    """What `auth` says goes before what the credential says. Raises CredentialError CREDENTIAL_UNUSABLE."""
    credential, refreshes = authorization.credential, authorization.type == OAUTH2_REFRESH
    needed = ("client_id", "refresh_token") if refreshes else ("client_id", "client_secret")
    public = ("client_secret",) if refreshes else ()  # a public client has none
    optional = (*public, "token_url", "scope", "audience", "client_auth")
    given = _read_object(credential, secret, needed, optional)
    token_url = authorization.token_url or given.get("token_url", "")
    if not token_url:
        raise _refuse(credential, "it has no `token_url`, and neither has `auth` of the node")
    try:
        require_token_url(token_url, "token_url")
    except InputError as error:
        raise _refuse(credential, error.message.rstrip(".")) from None
    client_auth = authorization.client_auth or given.get("client_auth") or IN_BASIC
    if client_auth not in (IN_BASIC, IN_BODY):
        raise _refuse(credential, f"`client_auth` must be {IN_BASIC} or {IN_BODY}")
    return OAuthClient(
        credential=credential,
        token_url=token_url,
        client_id=given["client_id"],
        client_secret=given.get("client_secret", ""),
        refresh_token=given["refresh_token"] if refreshes else "",
        scope=authorization.scope or given.get("scope", ""),
        audience=authorization.audience or given.get("audience", ""),
        client_auth=client_auth if given.get("client_secret") else IN_BODY,
    )


def check_form(authorization: Authorization, secret: str) -> None:
    """Whether the credential is of the form that the type needs. Raises CredentialError CREDENTIAL_UNUSABLE."""
    credential = authorization.credential
    if authorization.fetches_tokens:
        read_client(authorization, secret)
    elif authorization.type == AWS_SIGV4:
        read_aws_keys(credential, secret)
    elif authorization.type == BASIC:
        read_basic(credential, secret)
    else:
        read_header_value(credential, secret)


def _read_object(credential: str, secret: str, needed: tuple[str, ...], optional: tuple[str, ...]) -> Mapping[str, str]:
    """The texts of a JSON object; further fields, such as those of a file from the service, are left out."""
    try:
        given: Any = parse_json(secret)
    except ValueError:
        given = None
    form = ", ".join((*needed, *(f"{key}?" for key in optional)))
    if not isinstance(given, dict):
        raise _refuse(credential, f"it must be JSON: {{{form}}}")
    for key in needed:
        if not isinstance(given.get(key), str) or not given[key].strip():
            raise _refuse(credential, f"`{key}` is missing in it: it must be JSON: {{{form}}}")
    found = {
        key: given[key].strip()
        for key in (*needed, *optional)
        if isinstance(given.get(key), str) and given[key].strip()
    }
    for key, value in found.items():
        if _CONTROL.search(value):
            raise _refuse(credential, f"`{key}` must not have control characters")
    return found


def _refuse(credential: str, problem: str) -> CredentialError:
    return CredentialError(
        f"The credential `{credential}` cannot be used: {problem}.",
        code="CREDENTIAL_UNUSABLE",
        next_actions=[
            f"Store it in that form: acr creds set {credential}",
            f"Then try it: acr creds test {credential}",
        ],
        details={"key": credential},
    )
