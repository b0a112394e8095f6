"""Proves on the real Workers that a tenant's access tokens are its own, sealed, and go with the account."""

import json
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from arcrun.credentials.record import kv_key_of
from fakes.cloudflare_rest.api import CloudflareApiStandIn, served
from fakes.ports.cipher import seal
from workerd.authorization.oauth_server import CLIENT_ID, CLIENT_SECRET, FIRST_REFRESH, OAuthService, serving
from workerd.durable.test_at_rest import find
from workerd.hosted.test_tenants import TenantDesk, TwoTenants, build_desk
from workerd.hosted_platform import Hosted
from workerd.local_platform import LocalPlatform, running_platform

pytestmark = pytest.mark.workerd

NAME = "crm-canary-name"


def count_tokens(platform: LocalPlatform) -> list[int]:
    """How many each Workspace has that has any table for them."""
    folder = platform.folder / "state" / "do" / "arcrun-cypher-executor-Workspace"
    return sorted(count for path in folder.glob("*.sqlite") for count in count_in(path))


def count_in(path: Path) -> list[int]:
    deadline_s = time.monotonic() + 10
    while True:
        try:
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
                if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'access_tokens'").fetchone():
                    return []
                return [database.execute("SELECT COUNT(*) FROM access_tokens").fetchone()[0]]
        except sqlite3.OperationalError:  # workerd is about to begin the file anew, which no reader may do
            if time.monotonic() > deadline_s:
                raise
            time.sleep(0.1)


def flow(url: str) -> dict[str, Any]:
    auth = {"type": "oauth2_refresh", "credential": NAME}
    return {
        "name": "ask",
        "flow": ["input >> PIPE >> a"],
        "config": {"a": {"component": "http_request", "url": f"{url}/api", "auth": auth}},
    }


def run(two: TwoTenants, desk: TenantDesk) -> Any:
    return two.ask("POST", "/webhooks/named/ask/trigger", desk, {}).json()


def test_access_tokens_of_tenants(tmp_path: Path) -> None:
    cloudflare, service = CloudflareApiStandIn(), OAuthService(rotates=True)
    with served(cloudflare) as base_url, serving(service):
        desks = [build_desk(cloudflare, letter, f"canary-secret-of-{letter}") for letter in "ab"]
        with running_platform(tmp_path, CLOUDFLARE_API_BASE_URL=base_url, MULTI_TENANT="true") as platform:
            two = TwoTenants(Hosted(platform, cloudflare, base_url), *desks)
            client = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "token_url": f"{service.url}/token"}
            for desk in desks:
                desk.api_key = two.register(desk)
                service.refresh_token = FIRST_REFRESH
                secret = json.dumps({**client, "refresh_token": FIRST_REFRESH})
                desk.kv.upload(kv_key_of(NAME), seal(desk.data_key, NAME, secret))
                two.push(desk, flow(service.url))
                assert [run(two, desk)["success"] for _ in range(2)] == [True, True]
            assert [form["refresh_token"] for form in service.asked] == [FIRST_REFRESH] * 2  # each its own, once
            assert service.seen == [f"Bearer access-canary-{n}-90fe11" for n in (0, 0, 1, 1)]
            for text in (CLIENT_SECRET, "access-canary-", "refresh-canary-", NAME):
                assert find(platform, text) == set(), text
            assert count_tokens(platform)[-2:] == [2, 2]  # an access token and a refresh token
            tried = two.ask("POST", f"/credentials/{NAME}/try", desks[0], {}).json()
            assert tried["data"]["type"] == "oauth2_refresh"
            assert two.hosted.ask("DELETE", "/me", desks[1].api_key).status_code == 200
            assert sum(count_tokens(platform)) == 2
            two.ask("POST", "/audit", desks[0], {"action": "credential.delete", "subjects": [NAME]})
            assert sum(count_tokens(platform)) == 0
            two.hosted.executor.close()
