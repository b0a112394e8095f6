"""Sessions of tenants on the real runtime: each is its tenant's alone, and ends when the tenant's key is replaced."""

import time
from pathlib import Path

import pytest

from fakes.cloudflare_rest.api import CloudflareApiStandIn, served
from workerd.hosted.test_tenants import TenantDesk, TwoTenants, build_desk
from workerd.hosted_platform import Hosted
from workerd.local_platform import running_platform
from workerd.sessions.signed_in_browser import Browser, code_of

pytestmark = pytest.mark.workerd

FLOW = {"name": "w", "flow": ["input >> PIPE >> a"], "config": {"a": {"component": "set", "values": {"x": 1}}}}
FORGOTTEN_S = 60  # the isolate's cache, and KV's


def sign_in(two: TwoTenants, desk: TenantDesk) -> Browser:
    browser = Browser()
    begun = browser.ask(two.hosted.platform.urls["executor"], "POST", "/session", {"key": desk.api_key})
    assert begun.status_code == 201, begun.text
    assert begun.json()["data"]["platform"]["multi_tenant"] is True
    return browser


def test_sessions_of_tenants(tmp_path: Path) -> None:
    cloudflare = CloudflareApiStandIn()
    settings = {"MULTI_TENANT": "true", "TENANT_BURST_REQUESTS": "400"}
    with (
        served(cloudflare) as base_url,
        running_platform(tmp_path, CLOUDFLARE_API_BASE_URL=base_url, **settings) as platform,
    ):
        desks = [build_desk(cloudflare, letter, f"canary-secret-of-{letter}") for letter in "ab"]
        two, origin = TwoTenants(Hosted(platform, cloudflare, base_url), *desks), platform.urls["executor"]
        for desk in desks:
            desk.api_key = two.register(desk)
        a, b = (sign_in(two, desk) for desk in desks)

        assert a.ask(origin, "POST", "/webhooks", {"workflow": FLOW}).status_code == 201
        assert [each["name"] for each in a.ask(origin, "GET", "/webhooks").json()["data"]["workflows"]] == ["w"]
        assert b.ask(origin, "GET", "/webhooks").json()["data"]["workflows"] == []
        assert code_of(b.ask(origin, "GET", "/webhooks/named/w")) == (404, "WORKFLOW_NOT_FOUND")
        assert len(b.ask(origin, "GET", "/sessions").json()["data"]["sessions"]) == 1
        cross = a.ask(origin, "GET", "/webhooks", Sec_Fetch_Site="cross-site")
        assert code_of(cross) == (401, "SESSION_CROSS_SITE")

        link = two.ask("POST", "/session/links", desks[1], {}).json()["data"]["url"].partition("=")[2]
        guest = Browser()
        answers = [guest.ask(origin, "POST", "/session", {"link": link}) for _ in range(2)]
        assert [code_of(answer) for answer in answers] == [(201, ""), (401, "LINK_USED")]
        assert guest.ask(origin, "GET", "/webhooks").json()["data"]["workflows"] == []

        rotated = two.hosted.ask("POST", "/me/api-key/rotate?grace_s=0", desks[0].api_key)
        assert rotated.status_code == 200, rotated.text
        deadline = time.monotonic() + FORGOTTEN_S
        while (answer := a.ask(origin, "GET", "/webhooks")).status_code == 200 and time.monotonic() < deadline:
            time.sleep(0.5)
        assert code_of(answer) == (401, "SESSION_ENDED")
        assert b.ask(origin, "GET", "/webhooks").status_code == 200

        two.hosted.executor.close()
        tokens = [value.rpartition("_")[2] for browser in (a, b, guest) for value in browser.cookies.values()]
        written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
        assert [token for token in (*tokens, link.rpartition("_")[2]) if token.encode() in written] == []
