"""Requests for access tokens, and their answers: RFC 6749, sections 4.4 (a client in its own name), 5, and 6 (by a
refresh token).

No error quotes a token or a secret, not even if the service does.
"""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit

from arcrun.authorization.credential_forms import OAuthClient
from arcrun.authorization.model import IN_BASIC
from arcrun.errors import ArcrunError, CredentialError, UpstreamError
from arcrun.json_text import parse_json
from arcrun.limits import (
    MAX_ACCESS_TOKEN_CHARACTERS,
    MAX_ACCESS_TOKEN_MS,
    MAX_TOKEN_ANSWER_BYTES,
    TOKEN_REQUEST_TIMEOUT_MS,
)
from arcrun.ports import HttpRequest, HttpResponse
from arcrun.retries import parse_retry_after_ms

DEFAULT_LIFE_MS = 600_000  # of a token whose service does not say how long it lives
MARGIN_MS = 60_000  # before its end another one is fetched, or after nine tenths of a short life
_SHOWN_CHARACTERS = 200
_TOKEN = re.compile(r"[\x21-\x7e]+")
_CODE = re.compile(r"[\x20-\x21\x23-\x5b\x5d-\x7e]{1,100}")  # RFC 6749, section 5.2
# Errors of section 5.2, and of 4.1.2.1 that services answer here as well, that another try may not meet.
_PASSING_ERRORS = ("temporarily_unavailable", "server_error", "slow_down")
_PASSING_STATUSES = (408, 425, 429)


@dataclass(frozen=True)
class IssuedToken:
    """What a service has issued. `expires_ms` is when it ends, by the platform's clock; from `renew_ms` on another one
    is fetched. `refresh_token` is the one to use from now on; empty where there is none.
    """

    access_token: str = field(repr=False)
    expires_ms: float
    renew_ms: float
    scope: str = ""
    refresh_token: str = field(default="", repr=False)


def build_token_request(client: OAuthClient, refresh_token: str) -> HttpRequest:
    fields = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    if not refresh_token:
        fields = {"grant_type": "client_credentials"}
    fields |= {name: value for name, value in (("scope", client.scope), ("audience", client.audience)) if value}
    headers = {
        "accept": "application/json",
        "content-type": "application/x-www-form-urlencoded",
        "user-agent": "arcrun",
    }
    if client.client_auth == IN_BASIC:  # section 2.3.1: both are encoded as in a form first
        pair = f"{quote_plus(client.client_id)}:{quote_plus(client.client_secret)}"
        headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    else:
        fields["client_id"] = client.client_id
        if client.client_secret:
            fields["client_secret"] = client.client_secret
    return HttpRequest(
        "POST", client.token_url, headers, urlencode(fields).encode(), TOKEN_REQUEST_TIMEOUT_MS, MAX_TOKEN_ANSWER_BYTES
    )


def read_token_answer(client: OAuthClient, refresh_token: str, response: HttpResponse, now_ms: float) -> IssuedToken:
    """`refresh_token` is the one that was sent: it stays if there is no other. Raises CredentialError
    CREDENTIAL_REFUSED, UpstreamError TOKEN_UNAVAILABLE.
    """
    given = _read_object(response)
    if not 200 <= response.status < 300:
        raise _explain(client, refresh_token, response, given, now_ms)
    if "access_token" not in given and _read_reason(given):  # some services refuse by a 200
        raise _explain(client, refresh_token, response, given, now_ms)
    token = given.get("access_token")
    if not isinstance(token, str) or not _TOKEN.fullmatch(token) or len(token) > MAX_ACCESS_TOKEN_CHARACTERS:
        raise _misunderstood(client, f"it has answered {response.status}, but no access_token")
    kind = given.get("token_type")
    if isinstance(kind, str) and kind.lower() != "bearer":
        raise _misunderstood(client, "its token is not of the type bearer, and no other is supported")
    life_ms = _read_life_ms(given.get("expires_in"))
    rotated, scope = given.get("refresh_token"), given.get("scope")
    is_rotated = isinstance(rotated, str) and 0 < len(rotated) <= MAX_ACCESS_TOKEN_CHARACTERS and bool(refresh_token)
    return IssuedToken(
        access_token=token,
        expires_ms=now_ms + life_ms,
        renew_ms=now_ms + life_ms - min(MARGIN_MS, life_ms / 10),
        scope=scope if isinstance(scope, str) else client.scope,
        refresh_token=str(rotated) if is_rotated else refresh_token,
    )


def build_unavailable_error(url: str, problem: str, retry_after_s: float | None = None) -> UpstreamError:
    details = {} if retry_after_s is None else {"retry_after_s": retry_after_s}
    return UpstreamError(
        f"{urlsplit(url).netloc} issues no access token now: {problem}.",
        code="TOKEN_UNAVAILABLE",
        next_actions=["Let `retry` repeat the step, or try again later."],
        details=details,
    )


def build_refused_error(client: OAuthClient, reason: str, message: str) -> CredentialError:
    action = f"Store one that is valid: acr creds set {client.credential}"
    if client.refresh_token and reason == "invalid_grant":
        action = (
            "Authorize arcrun with the service again, and store its new refresh token: "
            f"acr creds set {client.credential}"
        )
    return CredentialError(
        message,
        code="CREDENTIAL_REFUSED",
        next_actions=[action, f"Then try it: acr creds test {client.credential}"],
        details={"key": client.credential, "reason": reason},
    )


def _read_object(response: HttpResponse) -> Mapping[str, Any]:
    try:
        given = parse_json(response.body.decode())
    except ValueError:
        return {}
    return given if isinstance(given, dict) else {}


def _explain(
    client: OAuthClient, refresh_token: str, response: HttpResponse, given: Mapping[str, Any], now_ms: float
) -> ArcrunError:
    reason = _read_reason(given)
    status, host = response.status, urlsplit(client.token_url).netloc
    if reason in _PASSING_ERRORS or status in _PASSING_STATUSES or status >= 500:
        wait_ms = parse_retry_after_ms(response.headers.get("retry-after", ""), now_ms)
        told = f"it has answered {status}{f' {reason}' if reason else ''}"
        return build_unavailable_error(client.token_url, told, wait_ms / 1000 if wait_ms else None)
    if status in (301, 302, 303, 307, 308):
        return _misunderstood(
            client, "it redirects, and a redirect must not get a secret: name the address it leads to"
        )
    if not reason and status not in (400, 401, 403):
        return _misunderstood(client, f"it has answered {status}")
    said = _clean(given.get("error_description"), client, refresh_token)
    shown = _clean(reason, client, refresh_token) or f"status {status}"
    message = f"{host} refuses the credential `{client.credential}`: {shown}{f' ({said})' if said else ''}."
    return build_refused_error(client, shown, message)


def _read_reason(given: Mapping[str, Any]) -> str:
    """RFC 6749, section 5.2."""
    code = given.get("error")
    return code if isinstance(code, str) and _CODE.fullmatch(code) else ""


def _clean(text: Any, client: OAuthClient, refresh_token: str) -> str:
    """A service's own words without what was sent to it."""
    if not isinstance(text, str):
        return ""
    for secret in (client.client_secret, refresh_token, client.refresh_token):
        if secret:
            text = text.replace(secret, "[REDACTED]")
    return json.dumps(text[:_SHOWN_CHARACTERS], ensure_ascii=True)[1:-1].rstrip(".")


def _misunderstood(client: OAuthClient, problem: str) -> CredentialError:
    return CredentialError(
        f"{urlsplit(client.token_url).netloc} issues no access token: {problem}.",
        code="TOKEN_ANSWER_INVALID",
        next_actions=["Compare `token_url` with what the service documents as its token endpoint."],
    )


def _read_life_ms(given: Any) -> float:
    """Of `expires_in`, which some services send as a text."""
    if isinstance(given, str) and given.isascii() and given.isdigit() and len(given) < 20:
        given = int(given)
    if isinstance(given, bool) or not isinstance(given, int | float) or not given > 0:
        return DEFAULT_LIFE_MS
    return min(float(given) * 1000, MAX_ACCESS_TOKEN_MS)
