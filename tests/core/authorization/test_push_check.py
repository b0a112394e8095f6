"""Proves what a push says of `auth`: what is wrong in it, what says the same twice, and which credential is missing."""

from typing import Any

import pytest

from arcrun.workflows.compile import Compilation, compile_workflow
from arcrun.workflows.model import SymbolTable
from arcrun.workflows.parse import parse_workflow
from fakes.builtins import BUILTINS

BEARER = {"type": "bearer", "credential": "crm"}


def compile_request(auth: Any, url: str = "https://api.example.com/", **config: Any) -> Compilation:
    ask = {"component": "http_request", "url": url, "auth": auth, **config}
    flow = ["input >> PIPE >> ask", "ask >> PIPE >> output"]
    draft = parse_workflow({"name": "w", "flow": flow, "config": {"ask": ask}})
    return compile_workflow(draft, SymbolTable(BUILTINS, credentials=frozenset({"crm"})))


def said(compilation: Compilation) -> list[tuple[str, str]]:
    return [(each.code, each.message) for each in compilation.diagnostics]


@pytest.mark.parametrize(
    "auth",
    [
        BEARER,
        {"type": "header", "credential": "crm", "name": "X-Api-Key"},
        {"type": "aws_sigv4", "credential": "crm", "region": "eu-central-1", "service": "s3"},
        {"type": "oauth2_refresh", "credential": "crm", "token_url": "https://login.example.com/t", "scope": "a b"},
    ],
)
def test_what_is_right(auth: Any) -> None:
    compilation = compile_request(auth, headers={"Accept": "application/json"}, query={"a": 1})
    assert (said(compilation), compilation.plan is not None) == ([], True)


@pytest.mark.parametrize(
    ("auth", "config", "words"),
    [
        ({"type": "digest", "credential": "crm"}, {}, "auth.type"),
        ({"type": "header", "credential": "crm"}, {}, "`auth.name` is missing"),
        ({**BEARER, "region": "x"}, {}, "`auth.region` does not belong to the type bearer"),
        ({**BEARER, "credential": "{{input.name}}"}, {}, "filled from data"),
        ("{{input.auth}}", {}, "filled from data"),
        ({"type": "bearer", "credential": "sk-live 9/f"}, {}, "the name of a stored credential"),
        (BEARER, {"headers": {"authorization": "Bearer x"}}, "both `auth` and `headers.authorization`"),
        (
            *({"type": "header", "credential": "crm", "name": "X-Key"}, {"headers": {"x-key": "x"}}),
            "both `auth` and `headers.x-key`",
        ),
        (
            *({"type": "query", "credential": "crm", "name": "key"}, {"query": {"key": "x"}}),
            "both `auth` and `query.key`",
        ),
    ],
)
def test_what_is_wrong(auth: Any, config: Any, words: str) -> None:
    compilation = compile_request(auth, **config)
    assert compilation.plan is None
    assert words in "; ".join(message for _, message in said(compilation)), said(compilation)


def test_a_credential_that_is_not_stored_is_a_warning() -> None:
    compilation = compile_request({**BEARER, "credential": "other"})
    assert [code for code, _ in said(compilation)] == ["MISSING_CREDENTIAL"]
    assert compilation.plan is not None


@pytest.mark.parametrize(
    ("url", "is_warned"),
    [("http://api.example.com/", True), ("http://127.0.0.1:8080/", False), ("http://crm/", False)],
)
def test_a_secret_in_the_clear_is_a_warning(url: str, *, is_warned: bool) -> None:
    assert ("not https" in str(said(compile_request(BEARER, url)))) == is_warned


def test_no_data_chooses_the_credential() -> None:
    """What a node takes has no `auth` for it."""
    contract = BUILTINS["http_request"]
    assert (contract.takes_field("auth"), contract.takes_field("url")) == (False, True)
