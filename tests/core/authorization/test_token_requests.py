"""Proves requests for access tokens and what is read from their answers: the examples of RFC 6749, and what services do
besides.
"""

import json
from typing import Any

import pytest

from arcrun.authorization.credential_forms import OAuthClient
from arcrun.authorization.token_requests import DEFAULT_LIFE_MS, build_token_request, read_token_answer
from arcrun.errors import ArcrunError, CredentialError, UpstreamError
from arcrun.limits import MAX_ACCESS_TOKEN_MS
from arcrun.ports import HttpResponse

NOW_MS = 1_700_000_000_000.0
CLIENT = OAuthClient("name", "https://server.example.com/token", "s6BhdRkqt3", "gX1fBat3bV")
REFRESHING = OAuthClient(
    "name", "https://server.example.com/token", "s6BhdRkqt3", "gX1fBat3bV", "tGzv3JOkF0XG5Qx2TlKWIA"
)


def answer(body: Any, status: int = 200, **headers: str) -> HttpResponse:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return HttpResponse(status, {"content-type": "application/json", **headers}, content)


def test_the_request_of_a_client() -> None:
    """RFC 6749, section 4.4.2."""
    request = build_token_request(CLIENT, "")
    assert (request.method, request.body) == ("POST", b"grant_type=client_credentials")
    assert request.headers["authorization"] == "Basic czZCaGRSa3F0MzpnWDFmQmF0M2JW"
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"


def test_the_request_by_a_refresh_token() -> None:
    """RFC 6749, section 6."""
    request = build_token_request(REFRESHING, "tGzv3JOkF0XG5Qx2TlKWIA")
    assert request.body == b"grant_type=refresh_token&refresh_token=tGzv3JOkF0XG5Qx2TlKWIA"
    assert request.headers["authorization"] == "Basic czZCaGRSa3F0MzpnWDFmQmF0M2JW"


def test_a_client_in_the_body() -> None:
    """RFC 6749, section 2.3.1; a public client (section 2.1) has no secret."""
    client = OAuthClient("n", "https://a.b/t", "i", "s&", scope="a b", audience="https://api", client_auth="body")
    request = build_token_request(client, "")
    assert request.body == (
        b"grant_type=client_credentials&scope=a+b&audience=https%3A%2F%2Fapi&client_id=i&client_secret=s%26"
    )
    assert "authorization" not in request.headers
    public = build_token_request(OAuthClient("n", "https://a.b/t", "i", "", "r", client_auth="body"), "r")
    assert public.body == b"grant_type=refresh_token&refresh_token=r&client_id=i"


def test_id_and_secret_are_encoded_before_they_are_joined() -> None:
    client = OAuthClient("n", "https://a.b/t", "a:b", "ü c")
    assert build_token_request(client, "").headers["authorization"] == "Basic YSUzQWI6JUMzJUJDK2M="


def test_the_answer_of_the_standard() -> None:
    """RFC 6749, section 5.1."""
    given = {
        "access_token": "2YotnFZFEjr1zCsicMWpAA",
        "token_type": "example",
        "expires_in": 3600,
        "refresh_token": "tGzv3JOkF0XG5Qx2TlKWIA",
        "example_parameter": "example_value",
    }
    with pytest.raises(CredentialError, match="not of the type bearer"):
        read_token_answer(REFRESHING, "r0", answer(given), NOW_MS)
    issued = read_token_answer(REFRESHING, "r0", answer({**given, "token_type": "Bearer"}), NOW_MS)
    assert (issued.access_token, issued.refresh_token) == ("2YotnFZFEjr1zCsicMWpAA", "tGzv3JOkF0XG5Qx2TlKWIA")
    assert (issued.expires_ms - NOW_MS, issued.renew_ms - NOW_MS) == (3_600_000, 3_540_000)
    assert "2Yotn" not in repr(issued)


@pytest.mark.parametrize(
    ("expires_in", "life_ms"),
    [
        *[(60, 60_000), ("120", 120_000), (None, DEFAULT_LIFE_MS), (0, DEFAULT_LIFE_MS), (-5, DEFAULT_LIFE_MS)],
        *[(True, DEFAULT_LIFE_MS), ("soon", DEFAULT_LIFE_MS), (10**12, MAX_ACCESS_TOKEN_MS), (1.5, 1_500)],
    ],
)
def test_how_long_a_token_lives(expires_in: Any, life_ms: float) -> None:
    issued = read_token_answer(CLIENT, "", answer({"access_token": "t", "expires_in": expires_in}), NOW_MS)
    assert issued.expires_ms - NOW_MS == life_ms
    assert NOW_MS < issued.renew_ms < issued.expires_ms


def test_a_refresh_token_stays_if_there_is_no_other() -> None:
    assert read_token_answer(REFRESHING, "r1", answer({"access_token": "t"}), NOW_MS).refresh_token == "r1"
    own_name = answer({"access_token": "t", "refresh_token": "not asked for"})
    assert read_token_answer(CLIENT, "", own_name, NOW_MS).refresh_token == ""


@pytest.mark.parametrize(
    ("status", "body", "code", "said"),
    [
        (400, {"error": "invalid_grant"}, "CREDENTIAL_REFUSED", "invalid_grant"),
        (401, {"error": "invalid_client"}, "CREDENTIAL_REFUSED", "invalid_client"),
        (400, {"error": "invalid_scope"}, "CREDENTIAL_REFUSED", "invalid_scope"),
        (400, {"error": "unauthorized_client"}, "CREDENTIAL_REFUSED", "unauthorized_client"),
        (401, {}, "CREDENTIAL_REFUSED", "status 401"),
        (403, b"<html>", "CREDENTIAL_REFUSED", "status 403"),
        (400, {"error": "temporarily_unavailable"}, "TOKEN_UNAVAILABLE", "temporarily_unavailable"),
        (503, {"error": "invalid_grant"}, "TOKEN_UNAVAILABLE", "503"),
        (429, b"", "TOKEN_UNAVAILABLE", "429"),
        (302, b"", "TOKEN_ANSWER_INVALID", "redirects"),
        (404, b"not here", "TOKEN_ANSWER_INVALID", "404"),
        (200, b"<html>", "TOKEN_ANSWER_INVALID", "no access_token"),
        (200, {"access_token": "a b"}, "TOKEN_ANSWER_INVALID", "no access_token"),
        (200, {"access_token": "t" * 20_000}, "TOKEN_ANSWER_INVALID", "no access_token"),
        (200, {"error": "invalid_grant"}, "CREDENTIAL_REFUSED", "invalid_grant"),
        (200, {"ok": False, "error": "invalid_refresh_token"}, "CREDENTIAL_REFUSED", "invalid_refresh_token"),
        (200, {"error": "temporarily_unavailable"}, "TOKEN_UNAVAILABLE", "temporarily_unavailable"),
        (200, {"error": {"code": 1}}, "TOKEN_ANSWER_INVALID", "no access_token"),
    ],
)
def test_what_a_service_answers_else(status: int, body: Any, code: str, said: str) -> None:
    with pytest.raises(ArcrunError, match=said) as caught:
        read_token_answer(REFRESHING, "r0", answer(body, status), NOW_MS)
    error = caught.value
    assert (error.code, error.retriable, bool(error.next_actions)) == (code, code == "TOKEN_UNAVAILABLE", True)


def test_a_busy_service_says_how_long() -> None:
    with pytest.raises(UpstreamError) as caught:
        read_token_answer(CLIENT, "", answer(b"", 503, **{"retry-after": "30"}), NOW_MS)
    assert caught.value.details["retry_after_s"] == 30


@pytest.mark.parametrize("status", [400, 200])
def test_what_was_sent_is_not_told_again(status: int) -> None:
    said = {"error": "invalid_grant", "error_description": "r0-canary of s6BhdRkqt3 with gX1fBat3bV\nis bad"}
    with pytest.raises(CredentialError) as caught:
        read_token_answer(REFRESHING, "r0-canary", answer(said, status), NOW_MS)
    told = json.dumps(caught.value.to_json())
    assert "[REDACTED] of s6BhdRkqt3 with [REDACTED]" in told
    assert ("canary" in told, "gX1fBat3bV" in told) == (False, False)
    assert caught.value.next_actions[0].startswith("Authorize arcrun with the service again")
