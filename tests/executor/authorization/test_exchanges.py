"""Proves that gmail and google_sheets get an access token that is kept, in the place of a client with a refresh token;
and that everything else reaches them as it is.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from arcrun.contracts.model import Contract
from arcrun.errors import ComponentError
from arcrun.store.access import Caller
from arcrun.wasm.abi import Outcome
from executor.authorization.access_tokens import AccessToken
from executor.authorization.exchanges import Exchanges
from fakes.builtins import BUILTINS
from fakes.ports.http_client import FakeHttpClient

pytestmark = pytest.mark.anyio

CLIENT = json.dumps({"client_id": "i", "client_secret": "s", "refresh_token": "r"})
GMAIL = BUILTINS["gmail"]


class Tokens:
    def __init__(self) -> None:
        self.asked: list[tuple[str, int | None]] = []

    async def find(self, client: Any, _user: Any, refused: int | None = None) -> AccessToken:
        self.asked.append((client.token_url, refused))
        return AccessToken(f"ya29.{len(self.asked)}", len(self.asked), 0, "")


async def run(
    secret: str, *statuses: int, contract: Contract = GMAIL, secrets: Mapping[str, str] | None = None
) -> tuple[list[Any], Tokens, Caller]:
    """What the component got, whose calls end with these statuses."""
    tokens, got, left = Tokens(), list[Any](), list(statuses)
    caller = Caller("w", "r", "c", dict({"mail": secret} if secrets is None else secrets))

    async def call(value: Mapping[str, Any]) -> Outcome:
        got.append(value["google_oauth"])
        status = left.pop(0) if left else 200
        error = None if status == 200 else ComponentError("no", code="UNAUTHORIZED", details={"status": status})
        return Outcome({"success": error is None}, error)

    exchanges = Exchanges(tokens, FakeHttpClient(), int)  # type: ignore[arg-type]
    await exchanges.call(call, contract, {"google_oauth": secret, "to": "ada@example.com"}, caller)
    return got, tokens, caller


@pytest.mark.parametrize("component", ["gmail", "google_sheets"])
async def test_a_client_is_exchanged(component: str) -> None:
    got, tokens, caller = await run(CLIENT, contract=BUILTINS[component])
    assert (got, tokens.asked) == (["ya29.1"], [("https://oauth2.googleapis.com/token", None)])
    assert "ya29.1" in caller.secrets.values()


async def test_a_refused_token_is_replaced_once() -> None:
    got, tokens, _ = await run(CLIENT, 401, 401)
    assert (got, [refused for _, refused in tokens.asked]) == (["ya29.1", "ya29.2"], [None, 1])


async def test_another_failure_is_none_of_its_business() -> None:
    assert (await run(CLIENT, 403))[0] == ["ya29.1"]


@pytest.mark.parametrize("secret", ["ya29.own", '{"client_id": "i"}', "{", "[]"])
async def test_what_is_no_client_stays(secret: str) -> None:
    got, tokens, _ = await run(secret)
    assert (got, tokens.asked) == ([secret], [])


async def test_only_what_the_run_has_read_is_exchanged() -> None:
    got, tokens, _ = await run(CLIENT, secrets={})
    assert (got, tokens.asked) == ([CLIENT], [])


async def test_a_contract_sends_a_client_only_where_it_may_go_itself() -> None:
    got, tokens, _ = await run(CLIENT, contract=replace(GMAIL, allowed_hosts=("gmail.googleapis.com",)))
    assert (got, tokens.asked) == ([CLIENT], [])
