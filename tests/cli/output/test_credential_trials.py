"""Proves what `acr creds test` asks for, and what it prints of what came of it."""

from typing import Any

import pytest

from acr.errors import CliError
from acr.output.credential_trials import build_auth, describe_trial, explain_status


def test_what_is_asked() -> None:
    assert build_auth(None, ()) is None
    assert build_auth("query", ("name=key", "prefix=a=b")) == {"type": "query", "name": "key", "prefix": "a=b"}


@pytest.mark.parametrize(("kind", "fields"), [("header", ("name",)), ("header", ("=x",)), (None, ("name=x",))])
def test_what_cannot_be_asked(kind: str | None, fields: tuple[str, ...]) -> None:
    with pytest.raises(CliError) as caught:
        build_auth(kind, fields)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("tried", "lines"),
    [
        (
            {"type": None, "form": "text"},
            ["crm: stored, and the platform can read it. Whether a service takes it, --url tells."],
        ),
        (
            {"type": "oauth2_client", "form": "valid", "token": {"expires_at": "2026-01-01T00:00:00Z", "scope": "a b"}},
            ["crm: has the form that oauth2_client needs", "access token: good until 2026-01-01T00:00:00Z, for a b"],
        ),
        (
            {"type": "oauth2_client", "form": "valid", "token": {"expires_at": "2026-01-01T00:00:00Z", "scope": ""}},
            [
                "crm: has the form that oauth2_client needs",
                "access token: good until 2026-01-01T00:00:00Z, no scope named",
            ],
        ),
        (
            {"type": "bearer", "form": "valid", "answer": {"status": 401, "headers": {"www-authenticate": "Bearer"}}},
            ["crm: has the form that bearer needs", "status: 401", "www-authenticate: Bearer"],
        ),
    ],
)
def test_what_is_printed(tried: Any, lines: list[str]) -> None:
    assert list(describe_trial("crm", tried)) == lines


@pytest.mark.parametrize(("status", "words"), [(401, "acr creds set crm"), (403, "scope"), (404, "another URL")])
def test_what_to_do(status: int, words: str) -> None:
    assert words in explain_status("crm", status)
