"""Proves what `auth` may say, what the credentials of each type must have, and that no message quotes a secret."""

import json
from typing import Any

import pytest

from arcrun.authorization.credential_forms import check_form, read_basic, read_client
from arcrun.authorization.model import TYPES, Authorization, parse_authorization
from arcrun.errors import CredentialError, InputError

VALID: dict[str, dict[str, str]] = {
    "bearer": {},
    "basic": {},
    "header": {"name": "X-Api-Key", "prefix": "Token "},
    "query": {"name": "key"},
    "oauth2_client": {"token_url": "https://a.b/token", "scope": "read", "audience": "x", "client_auth": "body"},
    "oauth2_refresh": {},
    "aws_sigv4": {"region": "eu-central-1", "service": "s3"},
}
CLIENT = {"client_id": "id-1", "client_secret": "canary-secret", "token_url": "https://a.b/token"}


@pytest.mark.parametrize("kind", TYPES)
def test_each_type_has_its_fields(kind: str) -> None:
    parsed = parse_authorization({"type": kind, "credential": "name", **VALID[kind]})
    assert parsed == Authorization(kind, "name", **VALID[kind])


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ("name", "auth"),
        ({}, "auth.type"),
        ({"type": "digest"}, "auth.type"),
        ({"type": ["bearer"]}, "auth.type"),
        ({"type": "bearer"}, "auth.credential"),
        ({"type": "bearer", "credential": "sk live/9+="}, "auth.credential"),
        ({"type": "bearer", "credential": "n", "name": "X"}, "auth.name"),
        ({"type": "bearer", "credential": 1}, "auth.credential"),
        ({"type": "header", "credential": "n"}, "auth.name"),
        ({"type": "header", "credential": "n", "name": "a b"}, "auth.name"),
        ({"type": "header", "credential": "n", "name": "Host"}, "auth.name"),
        ({"type": "header", "credential": "n", "name": "X", "prefix": "a\nb"}, "auth.prefix"),
        ({"type": "aws_sigv4", "credential": "n", "region": "eu-central-1"}, "auth.service"),
        ({"type": "aws_sigv4", "credential": "n", "region": "a/b", "service": "s3"}, "auth.region"),
        ({"type": "oauth2_client", "credential": "n", "token_url": "ftp://a.b"}, "auth.token_url"),
        ({"type": "oauth2_client", "credential": "n", "token_url": "https://u:p@a.b"}, "auth.token_url"),
        ({"type": "oauth2_client", "credential": "n", "token_url": "https://[a"}, "auth.token_url"),
        ({"type": "oauth2_client", "credential": "n", "client_auth": "none"}, "auth.client_auth"),
    ],
)
def test_what_is_wrong_is_named(given: Any, field: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_authorization(given)
    assert (caught.value.details["field"], bool(caught.value.next_actions)) == (field, True)


@pytest.mark.parametrize(
    ("kind", "secret", "said"),
    [
        ("bearer", "canary two words\nlines", "one line"),
        ("header", "canary\x00", "one line"),
        ("basic", "canary-without-colon", "USER:PASSWORD"),
        ("basic", '{"username": "a:b", "password": "canary"}', "colon"),
        ("basic", '{"username": "canary"}', "`password` is missing"),
        ("aws_sigv4", "canary", "must be JSON"),
        ("aws_sigv4", '{"access_key_id": "canary"}', "`secret_access_key` is missing"),
        ("oauth2_client", json.dumps({**CLIENT, "client_secret": ""}), "`client_secret` is missing"),
        ("oauth2_client", json.dumps({**CLIENT, "token_url": "nowhere/canary"}), "absolute https URL"),
        ("oauth2_client", json.dumps({**CLIENT, "client_auth": "canary"}), "`client_auth` must be"),
        ("oauth2_refresh", json.dumps(CLIENT), "`refresh_token` is missing"),
        ("oauth2_refresh", json.dumps({"client_id": "i", "refresh_token": "canary"}), "no `token_url`"),
    ],
)
def test_a_credential_of_another_form_is_refused(kind: str, secret: str, said: str) -> None:
    fields = {name: value for name, value in VALID[kind].items() if name not in ("token_url", "client_auth")}
    with pytest.raises(CredentialError, match=said) as caught:
        check_form(Authorization(kind, "name", **fields), secret)
    assert caught.value.code == "CREDENTIAL_UNUSABLE"
    assert "canary" not in json.dumps(caught.value.to_json())


@pytest.mark.parametrize("secret", ["Aladdin:open sesame", '{"username": "Aladdin", "password": "open sesame"}'])
def test_user_and_password(secret: str) -> None:
    """The pair of RFC 7617, section 2."""
    assert read_basic("name", secret) == "Aladdin:open sesame"


def test_the_node_says_more_than_the_credential() -> None:
    secret = json.dumps({**CLIENT, "scope": "all", "audience": "a", "project_id": "left out", "refresh_token": "r"})
    own = read_client(Authorization("oauth2_client", "name"), secret)
    assert (own.scope, own.audience, own.token_url, own.refresh_token) == ("all", "a", "https://a.b/token", "")
    said = Authorization("oauth2_refresh", "name", token_url="https://c.d/t", scope="read")
    refreshing = read_client(said, secret)
    assert (refreshing.scope, refreshing.token_url, refreshing.refresh_token) == ("read", "https://c.d/t", "r")
    assert "canary" not in repr(refreshing)
