"""Proves the real auth Worker on workerd, with a stand-in for Cloudflare's API: it registers, refuses, rotates, deletes
and limits. Nothing that the platform stores, answers or logs contains a tenant's secret."""

import base64
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from fakes.auth import ACCOUNT, DATA_KEY, EMAIL, NAMESPACE, TOKEN
from fakes.cloudflare_rest.api import KV_WRITE, MINT, CloudflareApiStandIn, served
from fakes.wire import UNAUTHORIZED, read_error
from workerd.hosted_platform import Hosted
from workerd.local_platform import ACR, LOG, running_platform

pytestmark = pytest.mark.workerd

GREEDY = "canary-greedy-token"


@pytest.fixture(scope="module")
def hosted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosted]:
    """A platform of its own, because everything it stores is searched."""
    cloudflare = CloudflareApiStandIn()
    cloudflare.add_token(TOKEN, ACCOUNT)
    cloudflare.add_token(GREEDY, ACCOUNT, KV_WRITE, "Workers Scripts Read", "Queues Read")
    cloudflare.add_namespace(ACCOUNT, NAMESPACE)
    with served(cloudflare) as base_url:
        folder = tmp_path_factory.mktemp("accounts")
        with running_platform(folder, CLOUDFLARE_API_BASE_URL=base_url) as platform:
            yield Hosted(platform, cloudflare, base_url)


def test_a_tenant_from_registration_to_removal(hosted: Hosted) -> None:
    first = hosted.register()
    assert first.status_code == 201, first.text
    key = first.json()["data"]["api_key"]
    me = hosted.ask("GET", "/me", key).json()["data"]
    assert (me["tenant_id"], me["email"]) == (first.json()["data"]["tenant_id"], EMAIL)
    rotated = hosted.ask("POST", "/me/api-key/rotate?grace_s=60", key).json()["data"]
    new_key = rotated["api_key"]
    assert [hosted.ask("GET", "/me", each).status_code for each in (key, new_key)] == [200, 200]
    assert hosted.ask("DELETE", "/me", new_key).status_code == 200
    assert [hosted.ask("GET", "/me", each).status_code for each in (key, new_key)] == [401, 401]
    assert hosted.cloudflare.namespaces[ACCOUNT, NAMESPACE].keys == []


def test_a_token_that_can_do_more_is_refused(hosted: Hosted) -> None:
    answer = hosted.register(token=GREEDY)
    error = read_error(answer)
    assert (answer.status_code, error["code"]) == (422, "TOKEN_CAN_DO_MORE")
    assert error["details"]["permissions_to_drop"] == ["Workers Scripts", "Queues"]


def test_every_wrong_key_gets_the_same_answer(hosted: Hosted) -> None:
    revoked = hosted.register_key("1" * 32, "192.0.2.3")
    hosted.register_key("1" * 32, "192.0.2.3")
    keys = [None, "", "nonsense", "ak_" + "A" * 43, revoked]
    answers = [hosted.ask("GET", "/me", key, "192.0.2.3") for key in keys]
    assert {(answer.status_code, answer.content) for answer in answers} == {(401, answers[0].content)}
    assert read_error(answers[0]) == UNAUTHORIZED


def test_an_address_may_try_only_so_often(hosted: Hosted) -> None:
    """Miniflare's window is aligned to the minute, so twice the limit always ends in a refusal."""
    answers = [hosted.register(token="canary-unknown", address="192.0.2.9") for _ in range(21)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert {answer.status_code for answer in answers} == {422, 429}
    assert (read_error(refused[0])["code"], refused[0].headers["retry-after"]) == ("RATE_LIMITED", "60")
    assert hosted.register(token="canary-unknown", address="192.0.2.10").status_code == 422


OWN = "canary-own-token"


def acr(hosted: Hosted, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a user on another machine."""
    folder = hosted.platform.folder / "user"
    folder.mkdir(exist_ok=True)
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("ARCRUN_", "CLOUDFLARE_", "ACR_"))}
    own = {"ACR_CONFIG_DIR": str(folder / "config"), "CLOUDFLARE_API_BASE_URL": hosted.base_url}
    result = subprocess.run(
        [str(ACR), *arguments],
        cwd=folder,
        env={**kept, **own, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert "Traceback" not in result.stderr, result.stderr
    assert OWN not in result.stdout + result.stderr
    return result


def test_a_user_from_init_to_removal(hosted: Hosted) -> None:
    """`acr init --standard` makes the KV-only token with the user's own, which only Cloudflare ever sees."""
    auth_url, config_path = hosted.platform.urls["auth"], hosted.platform.folder / "user/config/config.json"
    hosted.cloudflare.add_token(OWN, ACCOUNT, KV_WRITE, MINT, "Workers Scripts Read")
    place = ("--api-url", auth_url, "--url", "https://executor.example.com", "--email", EMAIL, "--account-id", ACCOUNT)
    init = ("init", "--standard", "--no-input", "--json", *place)
    first = acr(hosted, *init, CLOUDFLARE_API_TOKEN=OWN)
    assert first.returncode == 0, first.stderr
    registered, config = json.loads(first.stdout)["data"], json.loads(config_path.read_text())
    assert config["auth_url"] == auth_url
    assert config["url"] == "https://executor.example.com"
    assert set(config["namespaces"].values()) == {registered["kv_namespace_id"]}
    assert hosted.cloudflare.tokens[config["api_token"]].permissions == {KV_WRITE}
    assert config_path.stat().st_mode & 0o777 == 0o600
    shown = json.loads(acr(hosted, "account", "show", "--json").stdout)["data"]
    assert (shown["tenant_id"], shown["email"]) == (registered["tenant_id"], EMAIL)
    assert shown["tenant_id"] in acr(hosted, "account", "show").stdout

    again = acr(hosted, "init", "--standard", "--no-input", "--json", "--email", EMAIL)  # the rest is known
    assert {**json.loads(again.stdout)["data"], "files": [], "created": []} == {
        **registered,
        "files": [],
        "created": [],
    }
    after = json.loads(config_path.read_text())
    assert after["api_key"] != config["api_key"]
    assert {**after, "api_key": ""} == {**config, "api_key": ""}

    assert acr(hosted, "account", "rotate-key", "--grace", "0").returncode == 0
    rotated = json.loads(config_path.read_text())["api_key"]
    assert hosted.ask("GET", "/me", after["api_key"], "192.0.2.5").status_code == 401
    refused = acr(hosted, "account", "delete")
    assert (refused.returncode, "--yes" in refused.stderr) == (2, True)
    assert acr(hosted, "account", "delete", "--yes").returncode == 0
    assert hosted.ask("GET", "/me", rotated, "192.0.2.5").status_code == 401
    gone = acr(hosted, "account", "show")
    assert (gone.returncode, "acr init --standard" in gone.stderr) == (4, True)
    assert OWN.encode() not in b"".join(path.read_bytes() for path in config_path.parent.rglob("*"))


def test_a_token_that_may_make_none_is_not_sent(hosted: Hosted, tmp_path: Path) -> None:
    hosted.cloudflare.add_token(OWN, ACCOUNT, KV_WRITE, "Workers Scripts Read")
    place = ("--api-url", hosted.platform.urls["auth"], "--email", EMAIL, "--account-id", ACCOUNT)
    config = {"ACR_CONFIG_DIR": str(tmp_path)}
    result = acr(hosted, "init", "--standard", "--no-input", *place, CLOUDFLARE_API_TOKEN=OWN, **config)
    assert (result.returncode, "dash.cloudflare.com/profile/api-tokens" in result.stderr) == (4, True)
    assert "ARCRUN_KV_TOKEN" in result.stderr
    greedy = acr(hosted, "init", "--standard", "--no-input", *place, ARCRUN_KV_TOKEN=GREEDY, **config)
    assert (greedy.returncode, "TOKEN_CAN_DO_MORE" in greedy.stderr) == (1, True)


def test_nothing_that_is_stored_or_said_holds_a_secret(hosted: Hosted) -> None:
    """Runs last, after all other tests. One tenant remains, so that there is something to search."""
    hosted.register_key("2" * 32, "192.0.2.4")
    folder = hosted.platform.folder
    sent = [TOKEN, GREEDY, OWN, DATA_KEY, base64.b64decode(DATA_KEY).decode(), (folder / "keys/master-key").read_text()]
    sent += [secret for secret in hosted.cloudflare.tokens if secret.startswith("minted")]
    stored = [path.read_bytes() for path in (folder / "state").rglob("*") if path.is_file()]
    log = (folder / LOG).read_bytes()
    answers = [answer.content for answer in hosted.answers]
    assert b"audit=register outcome=done" in log
    assert len(stored) > 3
    assert len(hosted.api_keys) == 5
    for secret in [*sent, *hosted.api_keys, EMAIL]:
        assert not any(secret.encode() in content for content in [*stored, log])
    for secret in sent:
        assert not any(secret.encode() in content for content in answers)
    for key in hosted.api_keys:
        assert sum(key.encode() in content for content in answers) == 1


def test_only_auth_gets_the_master_key(hosted: Hosted) -> None:
    plan = httpx.Response(200, content=(hosted.platform.folder / "plan.json").read_bytes()).json()
    holders = [worker["service"] for worker in plan["workers"] if "MASTER_KEY" in worker["vars"]]
    assert holders == ["auth"]
    assert (hosted.platform.folder / "keys/master-key").stat().st_mode & 0o777 == 0o600
