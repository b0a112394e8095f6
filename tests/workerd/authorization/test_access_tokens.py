"""Proves on real workerd that access tokens are fetched once, however many runs need one, are kept sealed until they
expire or are refused, and survive a kill; and that none of them, and no secret, is stored or told in the clear.
"""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from workerd.authorization.oauth_server import CLIENT_ID, CLIENT_SECRET, FIRST_REFRESH, OAuthService, serving
from workerd.durable.test_cancel import until
from workerd.local_platform import ACR, LOG, LocalPlatform, find_workerd, running_platform

pytestmark = pytest.mark.workerd

CANARIES = (CLIENT_SECRET, "access-canary-", "refresh-canary-")


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalPlatform]:
    """A platform of its own, because everything it stores is searched."""
    with running_platform(tmp_path_factory.mktemp("tokens")) as platform:
        yield platform


@pytest.fixture
def service() -> Iterator[OAuthService]:
    with serving(OAuthService()) as it:
        yield it


def store(platform: LocalPlatform, name: str, secret: str) -> None:
    stored = subprocess.run(
        [str(ACR), "creds", "set", name],
        input=secret,
        env=platform.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert stored.returncode == 0, stored.stderr


def credential_of(service: OAuthService, **fields: str) -> str:
    return json.dumps(
        {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "token_url": f"{service.url}/token", **fields}
    )


def push(platform: LocalPlatform, name: str, url: str, auth: dict[str, Any], **settings: Any) -> str:
    workflow = {
        "name": name,
        "flow": ["input >> PIPE >> ask"],
        "config": {"ask": {"component": "http_request", "url": url, "auth": auth}},
        **settings,
    }
    with platform.executor as client:
        pushed = client.post("/webhooks", json={"workflow": workflow})
    assert pushed.status_code in (200, 201), pushed.text
    return f"/webhooks/named/{name}/trigger"


def trigger(platform: LocalPlatform, path: str) -> httpx.Response:
    with platform.executor as client:
        return client.post(path, json={})


def test_fifty_runs_at_once_fetch_one_token(own: LocalPlatform, service: OAuthService) -> None:
    service.answers_after_s = 1.0
    store(own, "many", credential_of(service))
    path = push(own, "many", f"{service.url}/api", {"type": "oauth2_client", "credential": "many", "scope": "read"})
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: trigger(own, path), range(50)))
    assert {answer.status_code for answer in answers} == {200}, answers[0].text
    assert service.asked == [{"grant_type": "client_credentials", "scope": "read"}]
    assert set(service.seen) == {"Bearer access-canary-0-90fe11"}
    assert "access-canary" not in "".join(answer.text for answer in answers)


def test_a_refused_token_is_replaced_once(own: LocalPlatform, service: OAuthService) -> None:
    store(own, "revoked", credential_of(service))
    path = push(own, "revoked", f"{service.url}/api", {"type": "oauth2_client", "credential": "revoked"})
    assert trigger(own, path).status_code == 200
    service.revoked.add(service.issued[0])
    assert trigger(own, path).status_code == 200
    assert (len(service.asked), len(service.seen)) == (2, 3)
    service.revoked.add(service.issued[1])
    service.failures.append((503, {"retry-after": "1"}, {}))
    failed = trigger(own, path).json()
    assert failed["error"]["code"] == "TOKEN_UNAVAILABLE", failed


def test_another_secret_takes_effect_at_once(own: LocalPlatform, service: OAuthService) -> None:
    store(own, "changed", credential_of(service))
    path = push(own, "changed", f"{service.url}/api", {"type": "oauth2_client", "credential": "changed"})
    assert trigger(own, path).status_code == 200
    store(own, "changed", credential_of(service, client_secret="another-secret-canary"))
    time.sleep(6)  # an isolate remembers a secret for 5 s
    refused = [trigger(own, path).json() for _ in range(2)]
    assert [each["error"]["code"] for each in refused] == ["CREDENTIAL_REFUSED"] * 2, refused
    assert refused[0]["error"]["next_actions"][0] == "Store one that is valid: acr creds set changed"
    assert len(service.asked) == 2  # the second run is told what the first was told
    store(own, "changed", credential_of(service))
    time.sleep(6)
    assert trigger(own, path).status_code == 200
    assert len(service.asked) == 2  # the token of that secret is still there


def test_a_credential_that_is_removed_takes_its_tokens_along(own: LocalPlatform, service: OAuthService) -> None:
    store(own, "removed", credential_of(service))
    path = push(own, "removed", f"{service.url}/api", {"type": "oauth2_client", "credential": "removed"})
    assert trigger(own, path).status_code == 200
    assert own.acr("creds", "rm", "removed").returncode == 0
    store(own, "removed", credential_of(service))
    assert trigger(own, path).status_code == 200
    assert len(service.asked) == 2


def test_refresh_tokens_rotate(own: LocalPlatform, service: OAuthService) -> None:
    service.rotates, service.expires_in = True, 1
    store(own, "rotating", credential_of(service, refresh_token=FIRST_REFRESH))
    path = push(own, "rotating", f"{service.url}/api", {"type": "oauth2_refresh", "credential": "rotating"})
    for _ in range(3):
        answer = trigger(own, path)
        assert answer.status_code == 200, answer.text
        time.sleep(1.1)
    sent = [form["refresh_token"] for form in service.asked]
    assert sent == [FIRST_REFRESH, "refresh-canary-1-77aa", "refresh-canary-2-77aa"]


def test_nothing_is_stored_or_told_in_the_clear(own: LocalPlatform) -> None:
    with own.executor as client:
        runs = client.get("/runs?limit=100").json()["data"]["runs"]
        told = "".join(client.get(f"/runs/{run['run_id']}").text for run in runs)
        told += client.get("/audit").text
    told += (own.folder / LOG).read_text()
    assert not [canary for canary in CANARIES if canary in told]
    found = [
        (str(path), canary)
        for path in own.folder.rglob("*")
        if path.is_file()
        for canary in CANARIES
        if canary.encode() in path.read_bytes()
    ]
    assert found == []


@pytest.mark.parametrize("is_lenient", [True, False], ids=["allowed once more", "refused"])
def test_a_kill_between_the_answer_and_the_store(tmp_path: Path, service: OAuthService, *, is_lenient: bool) -> None:
    service.rotates, service.answers_after_s = True, 2.0
    with running_platform(tmp_path) as platform:
        store(platform, "killed", credential_of(service, refresh_token=FIRST_REFRESH))
        path = push(platform, "killed", f"{service.url}/api", {"type": "oauth2_refresh", "credential": "killed"})
        with ThreadPoolExecutor(1) as pool:
            lost = pool.submit(trigger, platform, path)
            while not service.asked:
                time.sleep(0.05)
            os.kill(find_workerd(platform), signal.SIGKILL)
            assert isinstance(lost.exception(30), httpx.TransportError)
        service.has_answered.wait(10)
    service.answers_after_s = 0.0
    if is_lenient:
        service.refresh_token = FIRST_REFRESH
    with running_platform(tmp_path) as platform:
        deadline_s = time.monotonic() + 55  # the turn of the call that died ends by itself
        answer = trigger(platform, path)
        while answer.status_code >= 500 and time.monotonic() < deadline_s:
            answer = trigger(platform, path)
        sent = [form["refresh_token"] for form in service.asked]
        assert sent == [FIRST_REFRESH, FIRST_REFRESH]
        if is_lenient:
            assert answer.status_code == 200, answer.text
        else:
            error = answer.json()["error"]
            assert error["code"] == "CREDENTIAL_REFUSED"
            assert error["next_actions"][0].endswith("acr creds set killed")


def test_a_credential_is_tried(own: LocalPlatform, service: OAuthService) -> None:
    store(own, "tried", credential_of(service, scope="read"))
    tried = own.acr("creds", "test", "tried", "--url", f"{service.url}/api")
    assert tried.returncode == 0, tried.stderr
    assert "has the form that oauth2_client needs" in tried.stdout
    assert "for read" in tried.stdout
    assert "status: 200" in tried.stdout
    service.refresh_token = "another"
    store(own, "tried", credential_of(service, refresh_token=FIRST_REFRESH))
    time.sleep(6)
    refused = own.acr("creds", "test", "tried")
    assert refused.returncode == 1
    assert "invalid_grant" in refused.stderr
    assert "Authorize arcrun with the service again" in refused.stderr
    store(own, "plain", "not-json-canary-11")
    asked = own.acr("creds", "test", "plain", "--type", "header", "--set", "name=X-Key", "--url", f"{service.url}/api")
    assert (asked.returncode, "status: 401" in asked.stdout) == (1, True), asked
    unusable = own.acr("creds", "test", "plain", "--type", "oauth2_client", "--json")
    assert "CREDENTIAL_UNUSABLE" in unusable.stdout
    told = "".join(each.stdout + each.stderr for each in (tried, refused, asked, unusable))
    assert "canary" not in told


def test_a_token_that_has_gone_is_kept_out_of_a_later_record(tmp_path: Path, service: OAuthService) -> None:
    """The step that has used it is not done again after a kill, and the isolate that writes the record never had it."""
    service.expires_in, service.rotates = 1, True
    with running_platform(tmp_path) as platform:
        store(platform, "lasting", credential_of(service, refresh_token=FIRST_REFRESH))
        workflow = {
            "name": "lasting",
            "durable": True,
            "flow": ["input >> PIPE >> ask", "ask >> PIPE >> pause", "pause >> PIPE >> tell"],
            "config": {
                "ask": {
                    "component": "http_request",
                    "url": f"{service.url}/api",
                    "auth": {"type": "oauth2_refresh", "credential": "lasting"},
                },
                "pause": {"component": "wait", "for": "12s"},
                "tell": {"component": "set", "values": {"said": "{{ask.data.body.header}}"}},
            },
        }
        with platform.executor as client:
            assert client.post("/webhooks", json={"workflow": workflow}).status_code == 201
            run_id = client.post("/webhooks/named/lasting/trigger?async=1", json={}).json()["run_id"]
        while not service.seen:
            time.sleep(0.1)
        time.sleep(2)
        os.kill(find_workerd(platform), signal.SIGKILL)
    with running_platform(tmp_path) as platform:
        record = until(platform, run_id, "success")
    assert service.seen == ["Bearer access-canary-0-90fe11"]
    assert "canary" not in json.dumps(record)
    assert "Bearer [REDACTED]" in json.dumps(record["trace"])
