"""Sessions on the real runtime: what a browser sends to two platforms of one machine, and what comes back."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from workerd.local_platform import API_KEY, LocalPlatform, running_platform
from workerd.sessions.signed_in_browser import Browser, code_of

FLOW = {"name": "w", "flow": ["input >> PIPE >> a"], "config": {"a": {"component": "set", "values": {"x": 1}}}}


@pytest.fixture(scope="module")
def platforms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LocalPlatform, LocalPlatform]]:
    folder = tmp_path_factory.mktemp("sessions")
    with running_platform(folder / "one") as one, running_platform(folder / "two") as two:
        yield one, two


def test_a_browser_signs_in_works_and_signs_out(platforms: tuple[LocalPlatform, LocalPlatform]) -> None:
    origin, browser = platforms[0].urls["executor"], Browser()
    begun = browser.ask(origin, "POST", "/session", {"key": API_KEY})
    assert begun.status_code == 201, begun.text
    cookie = begun.headers["set-cookie"]
    assert re.match(rf"__Host-arcrun-[0-9a-f]{{12}}-{origin.rpartition(':')[2]}=acrs_", cookie)
    assert cookie.endswith("; Path=/; Max-Age=43200; Secure; HttpOnly; SameSite=Strict")
    assert begun.json()["data"]["platform"]["url"] == origin
    pushed = browser.ask(origin, "POST", "/webhooks", {"workflow": FLOW})
    assert (pushed.status_code, pushed.headers["cache-control"]) == (201, "no-store")
    run = browser.ask(origin, "POST", "/webhooks/named/w/trigger?async=1", {})
    followed = browser.ask(origin, "GET", f"/runs/{run.json()['run_id']}/follow", Accept="text/event-stream")
    assert (followed.status_code, followed.headers["cache-control"]) == (200, "no-store")
    assert "event:" in followed.text
    for headers in ({"Sec_Fetch_Site": "cross-site"}, {"Origin": "https://evil.test"}, {"Origin": "null"}):
        assert code_of(browser.ask(origin, "POST", "/webhooks", {"workflow": FLOW}, **headers)) == (
            401,
            "SESSION_CROSS_SITE",
        )
    held = dict(browser.cookies)
    assert browser.ask(origin, "DELETE", "/session").status_code == 200
    browser.cookies = held
    assert code_of(browser.ask(origin, "GET", "/webhooks")) == (401, "SESSION_ENDED")


def test_two_platforms_on_one_machine(platforms: tuple[LocalPlatform, LocalPlatform]) -> None:
    browser = Browser()
    one, two = (platform.urls["executor"] for platform in platforms)
    for origin in (one, two):
        assert browser.ask(origin, "POST", "/session", {"key": API_KEY}).status_code == 201
    assert len(browser.cookies) == 2
    for origin in (one, two):
        assert browser.ask(origin, "GET", "/session").status_code == 200
    assert code_of(browser.ask(one, "POST", "/webhooks", {"workflow": FLOW}, Origin=two)) == (401, "SESSION_CROSS_SITE")
    browser.ask(one, "DELETE", "/session")
    assert code_of(browser.ask(one, "GET", "/session")) == (401, "SESSION_ENDED")
    assert browser.ask(two, "GET", "/session").status_code == 200


def test_a_link_opens_once(platforms: tuple[LocalPlatform, LocalPlatform]) -> None:
    origin = platforms[0].urls["executor"]
    with platforms[0].executor as client:
        url = client.post("/session/links", json={"read_only": True}).json()["data"]["url"]
    assert url.startswith(f"{origin}/console/#link=acrl_")
    body, browsers = {"link": url.partition("=")[2]}, [Browser() for _ in range(4)]
    with ThreadPoolExecutor(len(browsers)) as pool:
        answers = list(pool.map(lambda browser: browser.ask(origin, "POST", "/session", body), browsers))
    assert sorted(code_of(answer) for answer in answers) == [(201, "")] + [(401, "LINK_USED")] * 3
    [signed_in] = [browser for browser in browsers if browser.cookies]
    assert signed_in.ask(origin, "GET", "/runs").status_code == 200
    assert code_of(signed_in.ask(origin, "POST", "/webhooks", {"workflow": FLOW})) == (403, "KEY_NOT_ALLOWED")


def test_acr_open_signs_in(platforms: tuple[LocalPlatform, LocalPlatform]) -> None:
    origin, browser = platforms[1].urls["executor"], Browser()
    printed = platforms[1].acr("open", "--read-only", "--print")
    assert printed.stdout.startswith(f"{origin}/console/#link=acrl_"), printed.stderr
    begun = browser.ask(origin, "POST", "/session", {"link": printed.stdout.strip().partition("=")[2]})
    assert begun.json()["data"]["can"] == "read"
    assert begun.json()["data"]["id"] in platforms[1].acr("sessions", "list").stdout
    assert platforms[1].acr("sessions", "revoke", begun.json()["data"]["id"]).returncode == 0
    assert code_of(browser.ask(origin, "GET", "/webhooks")) == (401, "SESSION_ENDED")


def test_a_session_ends_with_its_key(platforms: tuple[LocalPlatform, LocalPlatform]) -> None:
    origin, browser = platforms[0].urls["executor"], Browser()
    with platforms[0].executor as client:
        key = client.post("/keys", json={"name": "guest", "can": "read"}).json()["data"]["key"]
        assert browser.ask(origin, "POST", "/session", {"key": key}).status_code == 201
        assert browser.ask(origin, "GET", "/runs").status_code == 200
        client.delete("/keys/guest")
        assert code_of(browser.ask(origin, "GET", "/runs")) == (401, "SESSION_ENDED")
        audit = client.get("/audit").json()["data"]["lines"]
    assert audit[1]["action"] == "session.begin"


def test_the_platform_writes_no_token(platforms: tuple[LocalPlatform, LocalPlatform]) -> None:
    """Neither its log nor its files have the tokens of a session or a link."""
    platform, browser = platforms[0], Browser()
    origin = platform.urls["executor"]
    with platform.executor as client:
        link = client.post("/session/links", json={}).json()["data"]["url"].partition("=")[2]
        unused = client.post("/session/links", json={}).json()["data"]["url"].partition("=")[2]
    browser.ask(origin, "POST", "/session", {"link": link})
    [session] = browser.cookies.values()
    browser.ask(origin, "POST", "/session", {"link": link})
    written = b"".join(path.read_bytes() for path in Path(platform.folder).rglob("*") if path.is_file())
    for token in (link, unused, session):
        assert token.rpartition("_")[2].encode() not in written
