"""The workflows that stand on the pages of recipes alone do what the pages say, between stubs of the services."""

import base64
import hashlib
import hmac
import json
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from arcrun.ports import HttpRequest, HttpResponse
from examples import services
from examples.bench import ROOT, Exchange, StubModel, StubServices, build_example_bench
from examples.cases import AGENT, BOT
from examples.test_documented_workflows import documented
from fakes.executor import build_client
from fakes.workflows import ADA

pytestmark = pytest.mark.anyio

KEY = rsa.generate_private_key(65537, 2048)
PEM = KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
).decode()
ACCOUNT = {"type": "service_account", "private_key": PEM, "client_email": "report@my-project.iam.gserviceaccount.com"}
SECRET = "what both of us know"


def read_workflow(page: str, name: str) -> str:
    [text] = [text for _, text in documented(page) if text.startswith(f"name: {name}\n")]
    return text


async def run(page: str, name: str, given: Any, stubs: StubServices, secrets: dict[str, str]) -> httpx.Response:
    assert (ROOT / page).is_file()
    bench = build_example_bench(stubs, StubModel(None))
    for credential, secret in secrets.items():
        bench.store_credential(credential, secret)
    await bench.service.push(read_workflow(page, name), ADA)
    async with build_client(bench.service) as client:
        answer = await client.post(f"/webhooks/named/{name}/trigger", json=given)
    await bench.background.finish()
    return answer


class TokenServices(StubServices):
    """Google's exchange of tokens, which looks at the signature, and what the token opens."""

    async def send(self, request: HttpRequest) -> HttpResponse:
        if not request.url.startswith("https://oauth2"):
            return await super().send(request)
        assert isinstance(request.body, bytes)
        [assertion] = parse_qs(request.body.decode())["assertion"]
        message, _, signature = assertion.rpartition(".")
        raw = base64.urlsafe_b64decode(signature + "==")
        KEY.public_key().verify(raw, message.encode(), padding.PKCS1v15(), hashes.SHA256())
        claims = json.loads(base64.urlsafe_b64decode(message.partition(".")[2] + "=="))
        assert (claims["iss"], claims["exp"] - claims["iat"]) == (ACCOUNT["client_email"], 600)
        return HttpResponse(200, services.JSON, b'{"access_token": "ya29.x", "expires_in": 3599}')


async def test_a_service_account_lists_its_files() -> None:
    files = {"files": [{"id": "1", "name": "a.pdf"}, {"id": "2", "name": "b.pdf"}]}
    headers = {"Authorization": "Bearer ya29.x", **AGENT}
    stubs = TokenServices([Exchange("GET", "https://www.googleapis.com/drive/v3/files", files, headers=headers)])
    secrets = {"google_account": json.dumps(ACCOUNT)}
    answer = await run("docs/recipes/jwt.md", "drive_files", {}, stubs, secrets)
    assert answer.json()["data"] == {"result": ["a.pdf", "b.pdf"]}
    assert "PRIVATE KEY" not in answer.text


async def test_a_signed_webhook_is_what_its_receiver_computes() -> None:
    body = {"order": 7, "name": "Ä & Co"}
    sent: list[HttpRequest] = []

    class Partner(StubServices):
        async def send(self, request: HttpRequest) -> HttpResponse:
            sent.append(request)
            return HttpResponse(200, services.JSON, b"{}")

    answer = await run("docs/recipes/jwt.md", "tell_partner", body, Partner([]), {"partner_secret": SECRET})
    assert answer.json()["success"] is True
    [request] = sent
    assert isinstance(request.body, bytes)
    assert json.loads(request.body) == body
    mac = hmac.digest(SECRET.encode(), request.body, hashlib.sha256).hex()
    assert {name.lower(): value for name, value in request.headers.items()}["x-signature-256"] == f"sha256={mac}"


@pytest.mark.parametrize(
    ("claims", "data"),
    [
        pytest.param({"sub": "ada"}, {"user": "ada"}, id="right"),
        pytest.param({"sub": "ada", "aud": "another"}, {"error": "JWT_REFUSED"}, id="for another"),
        pytest.param({"sub": "ada", "exp": 1}, {"error": "JWT_EXPIRED"}, id="old"),
    ],
)
async def test_a_token_of_a_user(claims: dict[str, Any], data: dict[str, str]) -> None:
    numbers = KEY.public_key().public_numbers()
    jwk = {"kty": "RSA", "kid": "1", "e": "AQAB", "n": _encode(numbers.n.to_bytes(256, "big"))}
    url = "https://login.example.com/.well-known/jwks.json"
    stubs = StubServices([Exchange("GET", url, {"keys": [jwk]}, headers=AGENT)])
    payload = {"iss": "https://login.example.com/", "aud": "my-app", **claims}
    message = f"{_encode(json.dumps({'alg': 'RS256', 'kid': '1'}).encode())}.{_encode(json.dumps(payload).encode())}"
    token = f"{message}.{_encode(KEY.sign(message.encode(), padding.PKCS1v15(), hashes.SHA256()))}"
    answer = await run("docs/recipes/jwt.md", "profile", {"token": token}, stubs, {})
    assert answer.json()["data"] == data


def _encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


async def test_offers_are_told_once_each() -> None:
    offer = "<article class=offer><h2><a href=/{0}>Lamp {0}</a></h2><p class=price>12 €</article>"
    stubs = StubServices(
        [
            services.page("https://shop.example.com/offers", offer.format(1) + offer.format(2) + offer.format(1)),
            *(
                services.telegram(BOT, {"chat_id": 42, "text": f"Lamp {n}, 12 €: https://shop.example.com/{n}"})
                for n in (1, 2)
            ),
        ]
    )
    answer = await run("docs/recipes/page-watch.md", "new_offers", {}, stubs, {"telegram_bot_token": BOT})
    assert answer.json()["success"] is True
    assert (stubs.left, stubs.unexpected) == ([], [])
