"""Proves how access tokens are kept and fetched: once for all who wait, anew before they end, by the newest refresh
token; what happens if the service or the Workspace fails in between; and that only sealed ones are stored.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from arcrun.authorization.credential_forms import OAuthClient
from arcrun.authorization.protocol import TokenAsk
from arcrun.errors import ArcrunError, CredentialError, DecryptionError, HostFunctionError, UpstreamError
from arcrun.limits import MAX_ACCESS_TOKENS, REFUSED_CREDENTIAL_MS, TOKEN_LEASE_MS
from arcrun.ports import HttpRequest, HttpResponse
from executor.authorization.access_tokens import AccessToken, AccessTokenStore, TokenUser
from executor.authorization.tables import AccessTokens
from fakes.ports.background import FakeBackground
from fakes.ports.http_client import respond
from fakes.ports.objects import FakeWorkspace
from fakes.ports.system import FixedClock, SeededRandom

pytestmark = pytest.mark.anyio

URL = "https://login.example.com/token"
OWN = OAuthClient("crm", URL, "id", "client-canary")
REFRESHING = OAuthClient("crm", URL, "id", "client-canary", "refresh-canary-0")
HOUR_MS = 3_600_000


class Service:
    """Issues tokens whose refresh tokens are good once. `failures` are what it answers first."""

    def __init__(self, *failures: HttpResponse | HostFunctionError, rotates: bool = True) -> None:
        self.failures, self.rotates = list(failures), rotates
        self.asked: list[str] = []
        self.on_answer: Callable[[], object] = lambda: None

    async def send(self, request: HttpRequest) -> HttpResponse:
        self.asked.append(request.body.decode())
        await asyncio.sleep(0)
        self.on_answer()
        if self.failures:
            failure = self.failures.pop(0)
            if isinstance(failure, HostFunctionError):
                raise failure
            return failure
        count = len(self.asked)
        issued = {"access_token": f"access-canary-{count}", "expires_in": 3600}
        if self.rotates and "refresh_token" in request.body.decode():
            issued["refresh_token"] = f"refresh-canary-{count}"
        return respond(200, json.dumps(issued).encode())


class Sealer:
    """Seals by turning the bytes around, for one purpose."""

    is_lost = False

    async def seal_part(self, purpose: str, content: bytes) -> bytes:
        return purpose.encode() + b"|" + content[::-1]

    async def open_part(self, purpose: str, sealed: bytes) -> bytes:
        kept, _, content = sealed.partition(b"|")
        if kept != purpose.encode() or self.is_lost:
            raise DecryptionError("another purpose")
        return content[::-1]


@dataclass
class Bench:
    service: Service
    clock: FixedClock = field(default_factory=FixedClock)
    keys: list[bytes] = field(default_factory=lambda: [b"key of today"])
    sealer: Sealer = field(default_factory=Sealer)
    background: FakeBackground = field(default_factory=FakeBackground)
    random: SeededRandom = field(default_factory=SeededRandom)
    taken: int = 0

    def __post_init__(self) -> None:
        self.workspace = FakeWorkspace(self.clock)

    @property
    def store(self) -> AccessTokenStore:
        ports: Any = {
            "clock": self.clock,
            "random": self.random,
            "background": self.background,
        }
        return AccessTokenStore(self.workspace, self.sealer, lambda name: f"id of {name}", lambda: self.keys, **ports)

    async def find(self, client: OAuthClient = OWN, refused: int | None = None, **options: Any) -> AccessToken:
        user = TokenUser(f"{client.client_secret} {client.refresh_token}", self.service, self._take)
        return await self.store.find(client, user, refused, **options)

    def _take(self) -> None:
        self.taken += 1

    @property
    def rows(self) -> list[Any]:
        return self.workspace.sql.execute("SELECT * FROM access_tokens")


@pytest.fixture
def bench() -> Bench:
    return Bench(Service())


async def test_all_who_wait_get_one_token(bench: Bench) -> None:
    found = await asyncio.gather(*(bench.find() for _ in range(20)))
    assert {token.value for token in found} == {"access-canary-1"}
    assert bench.service.asked == ["grant_type=client_credentials"]


async def test_a_token_is_fetched_anew_before_it_ends(bench: Bench) -> None:
    first = await bench.find()
    bench.clock.advance(HOUR_MS - 61_000)
    assert await bench.find() == first
    bench.clock.advance(2_000)
    assert (await bench.find()).value == "access-canary-2"


async def test_the_one_before_is_used_while_it_is_valid(bench: Bench) -> None:
    """By others who come meanwhile, and if the service does not answer."""
    first = await bench.find()
    bench.clock.advance(HOUR_MS - 30_000)
    bench.service.failures = [respond(503), HostFunctionError("No answer.", code="HTTP_TIMEOUT")]
    assert [(await bench.find()).value for _ in range(2)] == [first.value] * 2
    bench.clock.advance(30_000)
    bench.service.failures = [respond(503)]
    with pytest.raises(UpstreamError, match="503"):
        await bench.find()
    assert (await bench.find()).value == "access-canary-5"


async def test_a_refused_token_is_replaced_for_all(bench: Bench) -> None:
    first = await bench.find()
    second, third = await asyncio.gather(bench.find(refused=first.generation), bench.find(refused=first.generation))
    assert (second.value, third.value, len(bench.service.asked)) == ("access-canary-2", "access-canary-2", 2)


async def test_refresh_tokens_take_each_others_place(bench: Bench) -> None:
    for _ in range(3):
        await bench.find(REFRESHING)
        bench.clock.advance(HOUR_MS)
    sent = [form.rpartition("refresh_token=")[2] for form in bench.service.asked]
    assert sent == ["refresh-canary-0", "refresh-canary-1", "refresh-canary-2"]


async def test_what_is_stored_is_sealed_and_bound_to_its_credential(bench: Bench) -> None:
    await bench.find(REFRESHING)
    assert "canary" not in json.dumps(bench.rows)
    told = sorted((row["credential_id"], row["is_lasting"], row["holder"]) for row in bench.rows)
    assert told == [("id of crm", 0, None), ("id of crm", 1, None)]


async def test_tokens_of_several_scopes_come_by_one_refresh_token(bench: Bench) -> None:
    """Each of which is good once: they are fetched one after the other."""
    scopes = [replace(REFRESHING, scope=scope) for scope in ("read", "write", "admin")]
    found = await asyncio.gather(*(bench.find(client) for client in scopes))
    sent = [form.partition("refresh_token=")[2].partition("&")[0] for form in bench.service.asked]
    assert sorted(token.value for token in found) == [f"access-canary-{number}" for number in (1, 2, 3)]
    assert sent == ["refresh-canary-0", "refresh-canary-1", "refresh-canary-2"]


async def test_a_credential_with_another_content_has_tokens_of_its_own(bench: Bench) -> None:
    await bench.find(OWN)
    await bench.find(OAuthClient("crm", URL, "id", "another-secret"))
    await bench.find(OAuthClient("crm", URL, "id", "client-canary", scope="read"))
    assert (len(bench.service.asked), len(bench.rows)) == (3, 3)
    await bench.find(OWN)
    assert len(bench.service.asked) == 3
    await bench.store.forget(["crm"])
    assert bench.rows == []


async def test_another_encryption_key_finds_them_again(bench: Bench) -> None:
    today, tomorrow = b"key of today", b"key of tomorrow"
    for keys in ([today], [tomorrow, today], [tomorrow]):
        bench.keys = keys
        await bench.find(REFRESHING)
        bench.clock.advance(HOUR_MS)
    sent = [form.rpartition("=")[2] for form in bench.service.asked]
    assert sent == ["refresh-canary-0", "refresh-canary-1", "refresh-canary-2"]
    assert len(bench.rows) == 2


async def test_one_that_no_key_opens_is_fetched_again(bench: Bench) -> None:
    await bench.find()
    bench.sealer.is_lost = True
    found = await bench.find()
    assert found.value == "access-canary-2"


async def test_a_refusal_is_told_to_others_for_a_moment(bench: Bench) -> None:
    bench.service.failures = [respond(400, b'{"error": "invalid_grant"}')] * 2
    outcomes = await asyncio.gather(*(bench.find(REFRESHING) for _ in range(5)), return_exceptions=True)
    assert [type(each) for each in outcomes] == [CredentialError] * 5
    assert {each.to_json()["message"] for each in outcomes if isinstance(each, ArcrunError)} == {
        "login.example.com refuses the credential `crm`: invalid_grant."
    }
    assert len(bench.service.asked) == 1
    with pytest.raises(CredentialError):  # somebody tries whether it works now
        await bench.find(REFRESHING, tries_again=True)
    bench.clock.advance(REFUSED_CREDENTIAL_MS)
    assert (await bench.find(REFRESHING)).value == "access-canary-3"


async def test_a_refusal_of_the_client_keeps_the_refresh_token(bench: Bench) -> None:
    await bench.find(REFRESHING)
    bench.clock.advance(HOUR_MS)
    bench.service.failures = [respond(401, b'{"error": "invalid_client"}')]
    with pytest.raises(CredentialError):
        await bench.find(REFRESHING)
    bench.clock.advance(REFUSED_CREDENTIAL_MS)
    await bench.find(REFRESHING)
    assert bench.service.asked[-1].endswith("refresh_token=refresh-canary-1")


async def test_a_turn_that_nobody_ends_goes_to_the_next(bench: Bench) -> None:
    """As after a kill: the refresh token from before is sent once more."""
    asked: TokenAsk = {
        "keys": bench.store._name_keys(REFRESHING, TokenUser("client-canary refresh-canary-0", bench.service, int)),
        "credential_id": "id of crm",
        "holder": "one that has died",
        "lease_ms": TOKEN_LEASE_MS,
        "refused": None,
    }
    assert (await bench.workspace.take_token(asked))["state"] == "turn"
    began_ms = bench.clock.now_ms()
    assert (await bench.find(REFRESHING)).value == "access-canary-1"
    assert TOKEN_LEASE_MS <= bench.clock.now_ms() - began_ms <= TOKEN_LEASE_MS + 2_000
    assert bench.service.asked == ["grant_type=refresh_token&refresh_token=refresh-canary-0"]


async def test_a_call_that_is_ended_meanwhile_loses_no_refresh_token(bench: Bench) -> None:
    call = asyncio.ensure_future(bench.find(REFRESHING))
    bench.service.on_answer = call.cancel
    with pytest.raises(asyncio.CancelledError):
        await call
    bench.service.on_answer = lambda: None
    await bench.background.finish()
    assert (await bench.find(REFRESHING)).value == "access-canary-1"
    assert len(bench.service.asked) == 1


async def test_a_refresh_token_that_cannot_be_stored_is_not_used(bench: Bench) -> None:
    """One that stays is."""

    def fail() -> None:
        bench.workspace.channel.is_down = True

    bench.service.on_answer = fail
    with pytest.raises(UpstreamError):
        await bench.find(REFRESHING)
    other = Bench(Service(rotates=False))
    other.service.on_answer = lambda: setattr(other.workspace.channel, "is_down", True)
    assert (await other.find(REFRESHING)).value == "access-canary-1"


@pytest.mark.parametrize("url", ["https://127.0.0.1/token", "https://metadata.goog/token", "http://a.example.com/t"])
async def test_a_token_comes_from_the_public_internet_by_https(bench: Bench, url: str) -> None:
    with pytest.raises(HostFunctionError) as caught:
        await bench.find(OAuthClient("crm", url, "id", "s"))
    assert (caught.value.code in ("ADDRESS_NOT_ALLOWED", "INVALID_URL"), bench.service.asked) == (True, [])


async def test_what_is_kept_is_bounded(bench: Bench) -> None:
    """Expired tokens go first; refresh tokens that have taken another one's place go last."""
    await bench.find(REFRESHING)
    tables = AccessTokens(bench.workspace.sql, bench.clock)
    for number in range(MAX_ACCESS_TOKENS + 5):
        key = f"key {number}"
        tables.take({"keys": [key], "credential_id": "c", "holder": "h", "lease_ms": 1.0, "refused": None})
        ends_ms = bench.clock.now_ms() + HOUR_MS + number
        tables.keep(
            {
                "key": key,
                "generation": 0,
                "token": "t",
                "renew_ms": ends_ms,
                "expires_ms": ends_ms,
                "is_lasting": False,
            }
        )
    assert len(bench.rows) == MAX_ACCESS_TOKENS
    assert [row["credential_id"] for row in bench.rows if row["is_lasting"]] == ["id of crm"]
    bench.clock.advance(2 * HOUR_MS)
    await bench.find(OWN)
    assert len(bench.rows) == 2
    bench.clock.advance(401 * 24 * HOUR_MS)
    await bench.find(OAuthClient("other", URL, "id", "s"))
    assert len(bench.rows) == 1


async def test_a_closed_workspace_keeps_none(bench: Bench) -> None:
    await bench.find()
    await bench.workspace.close()
    await bench.find()
    assert (bench.rows, len(bench.service.asked)) == ([], 2)
