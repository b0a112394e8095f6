"""Proves on real workerd that WebCrypto accepts the services' signed requests and refuses tampered ones, and that a
webhook of the whole platform does.
"""

import base64
import hashlib
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

import httpx
import pytest

from fixtures.signed_requests import DISCORD_KEY, DISCORD_PUBLIC, EXAMPLES, Example, discord, in_base64, sign
from workerd.local_platform import LocalPlatform
from workerd.probe_platform import running_probe

pytestmark = pytest.mark.workerd

SECRET = "hush-9f8e7d6c"

each_example = pytest.mark.parametrize("example", EXAMPLES, ids=[example.id for example in EXAMPLES])


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with running_probe(tmp_path_factory.mktemp("signatures")) as client:
        yield client


def verify(probe: httpx.Client, example: Example, secret: str | None = None) -> Any:
    body = base64.b64encode(example.request.body).decode()
    sent = {
        "policy": example.policy.to_json(),
        "secrets": {"secret": example.secret if secret is None else secret},
        "now_ms": example.now_ms,
        "request": {**asdict(example.request), "body": body},
    }
    return probe.post("/verify", json=sent).json()


@each_example
def test_a_genuine_request_is_accepted(probe: httpx.Client, example: Example) -> None:
    assert verify(probe, example) == {"code": "accepted", "answer": None}


@each_example
def test_a_tampered_request_is_refused(probe: httpx.Client, example: Example) -> None:
    if example.signs_body:
        assert verify(probe, example.change(body=example.request.body + b" ")) == {"code": "SIGNATURE_INVALID"}
    late = replace(example, now_s=example.now_s + 301)
    assert verify(probe, late)["code"] == ("SIGNATURE_EXPIRED" if example.is_timed else "accepted")


def test_a_public_key_that_is_no_point_accepts_nothing(probe: httpx.Client) -> None:
    for key in ("02" + "00" * 31, "ff" * 32, "00" * 32):
        assert verify(probe, discord(b"{}"), key) == {"code": "SIGNATURE_INVALID"}


def test_an_answer_comes_from_a_handshake(probe: httpx.Client) -> None:
    assert verify(probe, discord(b'{"type":1}')) == {"code": "accepted", "answer": '{"type": 1}'}


@pytest.fixture(scope="module")
def webhooks(platform: LocalPlatform, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The paths of webhooks by their schemes, whose secret is stored."""
    file = tmp_path_factory.mktemp("credentials") / "credentials.yaml"
    file.write_text(f"hook_secret: {SECRET}\nhook_login: ada:{SECRET}\nhook_public_key: {DISCORD_PUBLIC.hex()}\n")
    file.chmod(0o600)
    assert platform.acr("creds", "push", "--file", str(file)).returncode == 0
    schemes = {
        "github": {"credential": "hook_secret"},
        "slack": {"credential": "hook_secret"},
        "twilio": {"credential": "hook_secret", "url": "https://arcrun.example"},
        "discord": {"credential": "hook_public_key"},
        "basic": {"credential": "hook_login"},
    }
    paths = {}
    with platform.executor as owner:
        for scheme, settings in schemes.items():
            workflow = {
                "name": f"signed_{scheme}",
                "triggers": {"webhook": {"verify": {"scheme": scheme, **settings}}},
                "flow": ["input >> PIPE >> said", "said >> PIPE >> output"],
                "config": {"said": {"component": "set", "values": {"path": "{{request.path}}"}}},
            }
            answer = owner.post("/webhooks", json={"workflow": workflow}).json()
            assert answer["data"]["diagnostics"] == []
            paths[scheme] = f"/webhooks/{answer['data']['token']}/trigger"
    return paths


def sign_now(scheme: str, path: str, body: bytes) -> tuple[str, dict[str, str]]:
    """The URL's end and the headers of a request that the service sends now."""
    now = int(time.time())
    match scheme:
        case "github":
            return path, {"X-Hub-Signature-256": f"sha256={sign(SECRET, body).hex()}"}
        case "slack":
            digest = sign(SECRET, b"v0:%d:%s" % (now, body)).hex()
            return path, {"X-Slack-Request-Timestamp": str(now), "X-Slack-Signature": f"v0={digest}"}
        case "twilio":
            target = f"{path}/sms%20in?a=%2Bb&bodySHA256={hashlib.sha256(body).hexdigest()}"
            signature = in_base64(sign(SECRET, f"https://arcrun.example{target}".encode(), "sha1"))
            return target, {"X-Twilio-Signature": signature}
        case "discord":
            signed = DISCORD_KEY.sign(b"%d%s" % (now, body)).hex()
            return path, {"X-Signature-Timestamp": str(now), "X-Signature-Ed25519": signed}
        case _:
            return path, {"Authorization": f"Basic {in_base64(f'ada:{SECRET}'.encode())}"}


@pytest.mark.parametrize("scheme", ["github", "slack", "twilio", "discord", "basic"])
def test_a_webhook_runs_for_its_service_only(platform: LocalPlatform, webhooks: dict[str, str], scheme: str) -> None:
    body = '{"text": "é ☃", "type": 2}'.encode()
    target, headers = sign_now(scheme, webhooks[scheme], body)
    with httpx.Client(base_url=platform.urls["executor"], timeout=60) as caller:
        ran = caller.post(target, content=body, headers={"Content-Type": "application/json", **headers})
        assert (ran.status_code, ran.json()["data"]) == (200, {"path": "/sms in" if scheme == "twilio" else "/"})
        if scheme != "basic":
            tampered = caller.post(target, content=body + b" ", headers={"Content-Type": "application/json", **headers})
            assert (tampered.status_code, tampered.json()["error"]["code"]) == (401, "SIGNATURE_INVALID")
        unsigned = caller.post(webhooks[scheme], content=body)
        assert (unsigned.status_code, unsigned.json()["error"]["code"]) == (401, "SIGNATURE_MISSING")
        assert unsigned.headers.get("www-authenticate", "").startswith("Basic") == (scheme == "basic")
    with platform.executor as owner:
        deadline = time.monotonic() + 20
        expected = 1 if scheme == "basic" else 2
        while (refused := _find_refused(owner, scheme)) is None or refused["count"] < expected:
            assert time.monotonic() < deadline, refused
            time.sleep(0.5)
        assert refused["count"] == expected
        runs = owner.get("/runs", params={"workflow": f"signed_{scheme}"}).json()["data"]["runs"]
        assert [run["status"] for run in runs] == ["success"]
    shown = platform.acr("show", f"signed_{scheme}")
    assert f"refused   {expected} request" in shown.stderr


def _find_refused(owner: httpx.Client, scheme: str) -> Any:
    return owner.get(f"/webhooks/named/signed_{scheme}").json()["data"]["refused"]


def test_a_handshake_is_answered_at_once(platform: LocalPlatform, webhooks: dict[str, str]) -> None:
    with httpx.Client(base_url=platform.urls["executor"], timeout=60) as caller:
        for scheme, body, expected in (
            ("slack", b'{"type":"url_verification","challenge":"abc"}', (200, '{"challenge": "abc"}')),
            ("discord", b'{"type":1}', (200, '{"type": 1}')),
            ("discord", b'{"type":0}', (204, "")),
        ):
            target, headers = sign_now(scheme, webhooks[scheme], body)
            answer = caller.post(target, content=body, headers=headers)
            assert (answer.status_code, answer.text) == expected
