"""Proves how a browser signs in and out, of which requests its cookie counts, and with what a session ends; on a
platform of one's own and on a hosted one.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from arcrun.accounts.limits import TenantLimits
from arcrun.limits import MAX_SESSIONS, SESSION_LINK_MS, SESSION_MS, SESSION_USE_STEP_MS
from executor.access import OwnerAccess
from executor.app import build_app
from fakes.components import echo
from fakes.executor import API_KEY, build_bench
from fakes.tenants import ADDRESS, build_hosted

pytestmark = pytest.mark.anyio

ORIGIN = "https://executor.test"
SAME = {"sec-fetch-site": "same-origin", "origin": ORIGIN}
SAYING = {"component": "echo", "text": "x"}
FLOW = {"name": "w", "flow": ["input >> PIPE >> a"], "config": {"a": SAYING}}


class Browser:
    """Asks a platform as a page of its own origin does. It keeps the last cookie that was set."""

    def __init__(self, app: Any, origin: str = ORIGIN) -> None:
        self.app, self.origin, self.cookie = app, origin, ""

    async def ask(self, method: str, path: str, body: Any = None, **headers: str | None) -> httpx.Response:
        sent = {"sec_fetch_site": "same-origin", "origin": self.origin, "cookie": self.cookie or None, **headers}
        named = {name.replace("_", "-"): value for name, value in sent.items() if value is not None}
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=self.origin) as client:
            answer = await client.request(method, path, json=body, headers={"cf-connecting-ip": ADDRESS, **named})
        if "set-cookie" in answer.headers:
            self.cookie = answer.headers["set-cookie"].partition(";")[0]
        return answer

    async def sign_in(self, key: str, **more: Any) -> Any:
        answer = await self.ask("POST", "/session", {"key": key, **more})
        assert answer.status_code == 201, answer.text
        return answer.json()["data"]


class Platform:
    """`clock` moves its time, `key` is the account's own key, `workspace` the account's object."""

    def __init__(self, app: Any, key: str, bench: Any, workspace: Callable[[], Any]) -> None:
        self.app, self.key, self.clock, self._workspace = app, key, bench.clock, workspace
        self.finish = bench.background.finish

    @property
    def workspace(self) -> Any:
        return self._workspace()

    async def ask(self, method: str, path: str, body: Any = None, key: str | None = None) -> httpx.Response:
        browser = Browser(self.app)
        asked = {"sec_fetch_site": None, "origin": None, "x_arcrun_api_key": key or self.key}
        return await browser.ask(method, path, body, **asked)

    async def make_key(self, name: str, can: str, **fields: Any) -> str:
        return str((await self.ask("POST", "/keys", {"name": name, "can": can, **fields})).json()["data"]["key"])

    async def make_link(self, key: str | None = None, **fields: Any) -> str:
        made = await self.ask("POST", "/session/links", fields, key)
        assert made.status_code == 201, made.text
        url: str = made.json()["data"]["url"]
        assert url.startswith(f"{ORIGIN}/console/#link=acrl_")
        return url.partition("=")[2]


async def open_own() -> Platform:
    bench = build_bench({"echo": echo})
    app = build_app(OwnerAccess(bench.service, API_KEY))
    return Platform(app, API_KEY, bench, lambda: bench.service.audit.workspace)


async def open_hosted() -> Platform:
    bench = await build_hosted({"echo": echo}, "a")
    app = build_app(bench.access, ORIGIN)
    return Platform(app, bench.keys["a"], bench, lambda: next(iter(bench.workspaces.values())))


@pytest.fixture(params=[open_own, open_hosted], ids=["own", "hosted"])
async def platform(request: pytest.FixtureRequest) -> Platform:
    opened: Callable[[], Awaitable[Platform]] = request.param
    return await opened()


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json().get("error", {}).get("code", "")


async def test_signing_in_and_out(platform: Platform) -> None:
    browser = Browser(platform.app)
    begun = await browser.ask("POST", "/session", {"key": platform.key})
    data = begun.json()["data"]
    assert (begun.status_code, data["can"], data["workflow"], data["read_only"]) == (201, "admin", None, False)
    assert (data["platform"]["url"], data["platform"]["name"]) == (ORIGIN, "executor.test")
    name, *attributes = begun.headers["set-cookie"].split("; ")
    assert name.startswith("__Host-arcrun-443=acrs_")
    assert sorted(attributes) == ["HttpOnly", f"Max-Age={SESSION_MS // 1000}", "Path=/", "SameSite=Strict", "Secure"]
    assert browser.cookie.partition("=")[2] not in begun.text
    shown = await browser.ask("GET", "/session", origin=None)
    assert shown.json()["data"] == data
    assert (await browser.ask("GET", "/webhooks", origin=None)).status_code == 200
    assert (await browser.ask("POST", "/webhooks", {"workflow": FLOW})).status_code == 201
    held = browser.cookie
    out = await browser.ask("DELETE", "/session")
    assert (out.status_code, "Max-Age=0" in out.headers["set-cookie"]) == (200, True)
    assert code_of(await browser.ask("GET", "/webhooks", cookie=held)) == (401, "SESSION_ENDED")
    assert code_of(await browser.ask("GET", "/session", cookie=held)) == (401, "SESSION_ENDED")
    assert (await browser.ask("DELETE", "/session", cookie=held)).status_code == 200
    assert code_of(await browser.ask("GET", "/session", cookie=None)) == (401, "SESSION_ENDED")


async def test_who_signs_in_again_has_one_session(platform: Platform) -> None:
    browser = Browser(platform.app)
    await browser.sign_in(platform.key)
    held = browser.cookie
    await browser.sign_in(platform.key, read_only=True)
    assert code_of(await browser.ask("GET", "/session", cookie=held)) == (401, "SESSION_ENDED")
    [listed] = (await platform.ask("GET", "/sessions")).json()["data"]["sessions"]
    assert listed["can"] == "read"
    assert (await browser.ask("POST", "/session", {"key": "wrong"})).status_code == 401
    assert (await browser.ask("GET", "/session")).status_code == 200


async def test_answers_to_sessions_are_kept_nowhere(platform: Platform) -> None:
    browser = Browser(platform.app)
    for answer in (
        await browser.ask("POST", "/session", {"key": platform.key}),
        await browser.ask("GET", "/session"),
        await browser.ask("GET", "/webhooks"),
        await browser.ask("GET", "/webhooks/named/none"),
        await browser.ask("DELETE", "/session"),
        await platform.ask("POST", "/session/links", {}),
    ):
        assert answer.headers["cache-control"] == "no-store", answer.text


@pytest.mark.parametrize(
    ("method", "headers", "counts"),
    [
        ("GET", {"origin": None}, True),
        ("GET", {"origin": "https://evil.test"}, True),  # a browser that says same-origin lies about nothing
        ("GET", {"sec_fetch_site": None}, False),
        ("GET", {"sec_fetch_site": "none"}, False),
        ("GET", {"sec_fetch_site": "same-site"}, False),
        ("GET", {"sec_fetch_site": "cross-site"}, False),
        ("POST", {}, True),
        ("POST", {"origin": "HTTPS://EXECUTOR.test:443"}, True),
        ("POST", {"origin": None}, False),
        ("POST", {"origin": "null"}, False),
        ("POST", {"origin": "http://executor.test"}, False),
        ("POST", {"origin": "https://executor.test:8443"}, False),
        ("POST", {"origin": "https://executor.test.evil.test"}, False),
        ("POST", {"origin": "https://[::1"}, False),
        ("POST", {"sec_fetch_site": "cross-site"}, False),
    ],
)
async def test_of_which_requests_a_cookie_counts(
    platform: Platform, method: str, headers: dict[str, str | None], counts: bool
) -> None:
    browser = Browser(platform.app)
    await browser.sign_in(platform.key)
    answer = await browser.ask(method, "/webhooks", {"workflow": FLOW} if method == "POST" else None, **headers)
    assert code_of(answer) == ((200 if method == "GET" else 201, "") if counts else (401, "SESSION_CROSS_SITE"))
    if not counts:
        for path, body in (("/session", {"key": platform.key}), ("/session", {"link": "acrl_x"})):
            if method == "POST":
                assert code_of(await browser.ask("POST", path, body, **headers)) == (401, "SESSION_CROSS_SITE")
        if method == "GET":
            assert code_of(await browser.ask("GET", "/session", **headers)) == (401, "SESSION_CROSS_SITE")


async def test_the_public_url_is_an_own_origin() -> None:
    bench = build_bench({"echo": echo})
    app = build_app(OwnerAccess(bench.service, API_KEY), "https://flows.example.com/")
    browser = Browser(app, "http://127.0.0.1:8787")
    begun = await browser.ask("POST", "/session", {"key": API_KEY}, origin="https://flows.example.com")
    assert begun.json()["data"]["platform"]["url"] == "https://flows.example.com"
    assert browser.cookie.startswith("__Host-arcrun-8787=")
    assert (await browser.ask("DELETE", "/session")).status_code == 200


async def test_platforms_of_one_address_one_after_the_other_keep_their_sessions() -> None:
    jar: dict[str, str] = {}
    browsers = []
    for platform_id in ("one", "two"):
        access = OwnerAccess(build_bench({"echo": echo}).service, API_KEY)
        browsers.append(browser := Browser(build_app(access, ORIGIN, platform_id=platform_id)))
        begun = await browser.ask("POST", "/session", {"key": API_KEY})
        name, _, value = begun.headers["set-cookie"].partition(";")[0].partition("=")
        jar[name] = value
    assert [*jar] == ["__Host-arcrun-one-443", "__Host-arcrun-two-443"]
    for browser in browsers:
        browser.cookie = "; ".join(f"{name}={value}" for name, value in jar.items())
        assert (await browser.ask("GET", "/session", origin=None)).status_code == 200


async def test_a_key_in_a_header_wins(platform: Platform) -> None:
    browser = Browser(platform.app)
    await browser.sign_in(await platform.make_key("r", "read"))
    assert code_of(await browser.ask("GET", "/keys")) == (403, "KEY_NOT_ALLOWED")
    own = {"sec_fetch_site": "cross-site", "x_arcrun_api_key": platform.key}
    assert (await browser.ask("GET", "/keys", **own)).status_code == 200
    assert code_of(await browser.ask("GET", "/runs", x_arcrun_api_key="wrong")) == (401, "UNAUTHORIZED")


@pytest.mark.parametrize("value", ["", "acrs_", "acrs_nonsense", "acrk_x", f"acrs_{'0' * 32}", f"acrs_{'0' * 96}"])
async def test_cookies_that_are_none(platform: Platform, value: str) -> None:
    browser = Browser(platform.app)
    browser.cookie = f"a=b; __Host-arcrun-443={value}"
    code = "SESSION_ENDED" if value.startswith("acrs_") else "UNAUTHORIZED"
    assert code_of(await browser.ask("GET", "/runs")) == (401, code)
    browser.cookie = browser.cookie.replace("-443=", "-8787=")
    assert code_of(await browser.ask("GET", "/runs")) == (401, "UNAUTHORIZED")


async def test_a_webhook_knows_no_session(platform: Platform) -> None:
    browser = Browser(platform.app)
    await browser.sign_in(platform.key)
    told = {"component": "echo", "text": "{{request.headers | json}}"}
    flow = {"name": "w", "flow": ["input >> PIPE >> tell"], "config": {"tell": told}}
    token = (await browser.ask("POST", "/webhooks", {"workflow": flow})).json()["data"]["token"]
    answer = await browser.ask("POST", f"/webhooks/{token}/trigger", {})
    assert answer.status_code == 200, answer.text
    assert ("trace" in answer.json(), "acrs_" in answer.text, browser.cookie[:20] in answer.text) == (False,) * 3
    other = await browser.ask("POST", f"/webhooks/{token}/trigger", {}, sec_fetch_site="cross-site", origin="null")
    assert other.status_code == 200


async def test_a_page_of_a_workflow_reaches_nothing(platform: Platform) -> None:
    """Its sandbox gives it an opaque origin: what it asks is cross-site, and of no origin."""
    browser = Browser(platform.app)
    await browser.sign_in(platform.key)
    page = {"status": 200, "html": "<script>fetch('/keys')</script>"}
    flow = {"name": "page", "flow": ["input >> PIPE >> a"], "config": {"a": SAYING}, "response": page}
    pushed = await browser.ask("POST", "/webhooks", {"workflow": flow})
    assert pushed.status_code == 201, pushed.text
    answer = await browser.ask("POST", f"/webhooks/{pushed.json()['data']['token']}/trigger", {})
    policy = answer.headers["content-security-policy"]
    assert answer.headers["content-type"].startswith("text/html")
    assert ("sandbox" in policy, "allow-same-origin" in policy) == (True, False)
    for method, path in (("GET", "/keys"), ("POST", "/keys"), ("GET", "/session"), ("DELETE", "/session")):
        asked = await browser.ask(method, path, sec_fetch_site="cross-site", origin="null")
        assert code_of(asked) == (401, "SESSION_CROSS_SITE")


async def test_the_page_of_an_approval_runs_nothing() -> None:
    """It is on the console's origin: it has no scripts, is in no frame, and its form tells no origin."""
    browser = Browser((await open_own()).app)
    await browser.sign_in(API_KEY)
    page = await browser.ask("GET", f"/approvals/{'0' * 26}/ticket", sec_fetch_site="none", origin=None)
    policy = page.headers["content-security-policy"]
    assert page.headers["content-type"].startswith("text/html")
    assert ("default-src 'none'" in policy, "script-src" in policy) == (True, False)
    assert ("frame-ancestors 'none'" in policy, page.headers["referrer-policy"]) == (True, "no-referrer")


async def test_wrong_keys_begin_nothing(platform: Platform) -> None:
    browser = Browser(platform.app)
    for key in ("wrong", "acrk_" + "0" * 32, "acrs_" + "0" * 32):
        answer = await browser.ask("POST", "/session", {"key": key})
        assert (code_of(answer), "set-cookie" in answer.headers) == ((401, "UNAUTHORIZED"), False)


@pytest.mark.parametrize(
    "body", [{}, {"key": ""}, {"key": "a", "link": "b"}, {"key": 5}, {"key": "a", "read_only": 1}, {"more": 1}, []]
)
async def test_bodies_that_cannot_be(platform: Platform, body: Any) -> None:
    assert (await Browser(platform.app).ask("POST", "/session", body)).status_code == 400


async def test_a_session_that_only_reads(platform: Platform) -> None:
    browser = Browser(platform.app)
    data = await browser.sign_in(platform.key, read_only=True)
    assert (data["can"], data["read_only"]) == ("read", True)
    assert (await browser.ask("GET", "/webhooks")).status_code == 200
    assert code_of(await browser.ask("POST", "/webhooks", {"workflow": FLOW})) == (403, "KEY_NOT_ALLOWED")


async def test_a_session_has_the_right_of_its_key(platform: Platform) -> None:
    browser = Browser(platform.app)
    data = await browser.sign_in(await platform.make_key("shop", "run", workflow="orders"))
    assert (data["can"], data["workflow"], data["read_only"]) == ("run", "orders", False)


async def test_a_session_ends_with_its_access_key(platform: Platform) -> None:
    browser, other = Browser(platform.app), Browser(platform.app)
    await browser.sign_in(await platform.make_key("dash", "push"))
    await other.sign_in(platform.key)
    link = await platform.make_link(await platform.make_key("guest", "read"))
    for name in ("dash", "guest"):
        assert (await platform.ask("DELETE", f"/keys/{name}")).status_code == 200
    assert code_of(await browser.ask("GET", "/runs")) == (401, "SESSION_ENDED")
    assert (await other.ask("GET", "/runs")).status_code == 200
    assert code_of(await browser.ask("POST", "/session", {"link": link})) == (401, "LINK_USED")
    again = await platform.make_key("dash", "push")
    assert code_of(await browser.ask("GET", "/runs")) == (401, "SESSION_ENDED")
    assert again != platform.key


async def test_a_session_lasts_no_longer_than_its_key(platform: Platform) -> None:
    browser = Browser(platform.app)
    key = await platform.make_key("short", "read", expires_in_s=60)
    begun = await browser.ask("POST", "/session", {"key": key})
    assert "Max-Age=60;" in begun.headers["set-cookie"]
    platform.clock.advance(61_000)
    assert code_of(await browser.ask("GET", "/runs")) == (401, "SESSION_ENDED")


async def test_a_session_lasts_twelve_hours(platform: Platform) -> None:
    browser = Browser(platform.app)
    await browser.sign_in(platform.key)
    platform.clock.advance(SESSION_MS - 1)
    assert (await browser.ask("GET", "/runs")).status_code == 200
    platform.clock.advance(1)
    assert code_of(await browser.ask("GET", "/runs")) == (401, "SESSION_ENDED")


async def test_a_session_of_the_own_key_ends_when_that_changes() -> None:
    bench = build_bench({"echo": echo})
    browser = Browser(build_app(OwnerAccess(bench.service, API_KEY)))
    platform = Platform(browser.app, API_KEY, bench, lambda: None)
    await browser.sign_in(API_KEY)
    link = await platform.make_link()
    browser.app = build_app(OwnerAccess(bench.service, "another-key-1"))
    assert code_of(await browser.ask("GET", "/runs")) == (401, "SESSION_ENDED")
    assert code_of(await browser.ask("POST", "/session", {"link": link})) == (401, "LINK_USED")
    browser.app = build_app(OwnerAccess(bench.service, None))
    assert code_of(await browser.ask("GET", "/runs")) == (503, "NOT_CONFIGURED")


async def test_a_link_is_good_once(platform: Platform) -> None:
    browser, late = Browser(platform.app), Browser(platform.app)
    link = await platform.make_link()
    begun = await browser.ask("POST", "/session", {"link": link})
    assert (begun.status_code, begun.json()["data"]["can"]) == (201, "admin")
    assert (await browser.ask("GET", "/keys")).status_code == 200
    assert code_of(await late.ask("POST", "/session", {"link": link})) == (401, "LINK_USED")


async def test_of_many_at_once_one_uses_a_link(platform: Platform) -> None:
    link = await platform.make_link()
    browsers = [Browser(platform.app) for _ in range(10)]
    answers = await asyncio.gather(*(each.ask("POST", "/session", {"link": link}) for each in browsers))
    assert sorted(answer.status_code for answer in answers) == [201, *[401] * 9]
    assert len(await platform.workspace.list_sessions()) == 1


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *[(method, "/keys") for method in ("OPTIONS", "TRACE", "PUT", "PATCH")],
        *[("GET", path) for path in ("/keys/", "//keys", "/KEYS", "/console/..%2fkeys")],
        *[("GET", path) for path in ("/console/none", "/console/%2e%2e/keys", "/CONSOLE/", "/session/", "/keys%00")],
        *[("POST", path) for path in ("/console", "/session/", "/webhooks/named/w/..%2f..%2fkeys")],
    ],
)
async def test_no_other_way_leads_to_what_a_session_sees(platform: Platform, method: str, path: str) -> None:
    browser = Browser(platform.app)
    await browser.sign_in(platform.key)
    await platform.make_key("canary", "read")
    answer = await browser.ask(method, path, {} if method in ("POST", "PUT", "PATCH") else None)
    assert answer.status_code in (404, 405), answer.text
    assert "canary" not in answer.text
    assert "set-cookie" not in answer.headers


async def test_what_a_request_says_of_its_method_counts_for_nothing(platform: Platform) -> None:
    await platform.make_key("canary", "read")
    browser = Browser(platform.app)
    await browser.sign_in(platform.key)
    for path in ("/keys/canary?_method=DELETE", "/keys/canary"):
        answer = await browser.ask("GET", path, x_http_method_override="DELETE", x_method_override="DELETE")
        assert answer.status_code == 405
    assert "canary" in (await browser.ask("GET", "/keys")).text


async def test_of_several_cookies_the_first_counts(platform: Platform) -> None:
    """A browser sends one: the name's prefix lets no page and no other host set a second one."""
    browser = Browser(platform.app)
    await browser.sign_in(platform.key)
    name = browser.cookie.partition("=")[0]
    assert (await browser.ask("GET", "/keys", cookie=f"a=b;{browser.cookie}; {name}=acrs_other")).status_code == 200
    refused = await browser.ask("GET", "/keys", cookie=f"{name}=acrs_other; {browser.cookie}")
    assert code_of(refused) == (401, "SESSION_ENDED")


async def test_a_link_is_good_for_a_minute(platform: Platform) -> None:
    link = await platform.make_link()
    platform.clock.advance(SESSION_LINK_MS)
    assert code_of(await Browser(platform.app).ask("POST", "/session", {"link": link})) == (401, "LINK_USED")


@pytest.mark.parametrize("link", ["acrl_", "acrl_nonsense", f"acrl_{'0' * 32}", "x"])
async def test_links_that_are_none(platform: Platform, link: str) -> None:
    assert code_of(await Browser(platform.app).ask("POST", "/session", {"link": link})) == (401, "LINK_USED")


async def test_a_link_gives_no_more_than_its_key(platform: Platform) -> None:
    key = await platform.make_key("ci", "push", workflow="w")
    for fields, can in (({}, "push"), ({"read_only": True}, "read")):
        browser = Browser(platform.app)
        data = (await browser.ask("POST", "/session", {"link": await platform.make_link(key, **fields)})).json()["data"]
        assert (data["can"], data["workflow"], data["read_only"]) == (can, "w", can == "read")


async def test_a_session_makes_no_links(platform: Platform) -> None:
    browser = Browser(platform.app)
    await browser.sign_in(platform.key)
    assert code_of(await browser.ask("POST", "/session/links", {})) == (403, "SESSION_NOT_ALLOWED")


async def test_sessions_are_listed_and_revoked(platform: Platform) -> None:
    first, second = Browser(platform.app), Browser(platform.app)
    begun = await first.sign_in(platform.key)
    platform.clock.advance(1)
    await second.sign_in(platform.key, read_only=True)
    await first.ask("GET", "/runs")
    sessions = (await platform.ask("GET", "/sessions")).json()["data"]["sessions"]
    assert [(each["can"], each["last_used_at"] is None) for each in sessions] == [("admin", False), ("read", True)]
    assert sessions[0]["id"] == begun["id"]
    used = sessions[0]["last_used_at"]
    platform.clock.advance(SESSION_USE_STEP_MS)
    await first.ask("GET", "/runs")
    [listed, _] = (await platform.ask("GET", "/sessions")).json()["data"]["sessions"]
    assert listed["last_used_at"] > used
    assert (await platform.ask("DELETE", f"/sessions/{begun['id']}")).status_code == 200
    assert code_of(await first.ask("GET", "/runs")) == (401, "SESSION_ENDED")
    assert code_of(await platform.ask("DELETE", f"/sessions/{begun['id']}")) == (404, "SESSION_NOT_FOUND")
    assert (await second.ask("GET", "/runs")).status_code == 200
    assert (await platform.ask("DELETE", "/sessions")).json()["data"] == {"revoked": 1}
    assert code_of(await second.ask("GET", "/runs")) == (401, "SESSION_ENDED")


async def test_only_so_many_at_once(platform: Platform) -> None:
    first = Browser(platform.app)
    await first.sign_in(platform.key)
    for _ in range(MAX_SESSIONS):
        platform.clock.advance(1)
        await Browser(platform.app).sign_in(platform.key)
    platform.clock.advance(20_001)  # the isolate's cache
    assert code_of(await first.ask("GET", "/runs")) == (401, "SESSION_ENDED")
    assert len(await platform.workspace.list_sessions()) == MAX_SESSIONS


async def test_the_audit_log_tells_of_them(platform: Platform) -> None:
    browser = Browser(platform.app)
    key = await platform.make_key("ci", "push")
    [listed] = (await platform.ask("GET", "/keys")).json()["data"]["keys"]
    begun = await browser.sign_in(key)
    await browser.ask("POST", "/webhooks", {"workflow": FLOW})
    await browser.ask("DELETE", "/session")
    linked = (await browser.ask("POST", "/session", {"link": await platform.make_link(key)})).json()["data"]
    await platform.ask("DELETE", f"/sessions/{linked['id']}")
    lines = (await platform.ask("GET", "/audit")).json()["data"]["lines"]
    told = [(line["action"], line["subject"], line["key_id"] == listed["id"], line["detail"]) for line in lines[:5]]
    assert told[0] == ("session.revoke", linked["id"], False, None)
    assert told[1] == ("session.begin", linked["id"], True, "by link, can push")
    assert told[2] == ("session.end", begun["id"], True, None)
    assert told[3][:3] == ("workflow.push", "w", True)
    assert told[4] == ("session.begin", begun["id"], True, "by key, can push")
    assert begun["key_id"] == listed["id"]
    assert [line["via"] for line in lines[:6]] == [None, *["console"] * 4, None]


async def test_what_is_stored_tells_no_one(platform: Platform) -> None:
    browser = Browser(platform.app)
    await browser.sign_in(platform.key)
    link = await platform.make_link()
    sql = platform.workspace.sql
    stored = str(sql.execute("SELECT * FROM sessions")) + str(sql.execute("SELECT * FROM session_links"))
    for secret in (platform.key, browser.cookie.partition("=")[2], link):
        assert secret not in stored
        assert secret.rpartition("_")[2] not in stored


async def test_runs_are_followed_with_a_cookie(platform: Platform) -> None:
    browser = Browser(platform.app)
    await browser.sign_in(platform.key)
    await browser.ask("POST", "/webhooks", {"workflow": FLOW})
    run = (await browser.ask("POST", "/webhooks/named/w/trigger", {})).json()["run_id"]
    await platform.finish()
    followed = await browser.ask("GET", f"/runs/{run}/follow", origin=None, accept="text/event-stream")
    assert followed.headers["content-type"].startswith("text/event-stream"), followed.text
    assert followed.headers["cache-control"] == "no-store"


async def test_a_tenant_s_cookie_is_its_own() -> None:
    bench = await build_hosted({"echo": echo}, "a", "b")
    app = build_app(bench.access, ORIGIN)
    browser, other = Browser(app), Browser(app)
    await browser.sign_in(bench.keys["a"])
    await other.sign_in(bench.keys["b"])
    await browser.ask("POST", "/webhooks", {"workflow": FLOW})
    assert (await other.ask("GET", "/webhooks")).json()["data"]["workflows"] == []
    assert code_of(await other.ask("GET", "/webhooks/named/w")) == (404, "WORKFLOW_NOT_FOUND")
    stored = [str(workspace.sql.execute("SELECT * FROM sessions")) for workspace in bench.workspaces.values()]
    assert all(text.count("sha256") == 1 and "admin" not in text for text in stored)  # sealed, each in its own object


async def test_a_tenant_s_session_ends_with_its_key_and_with_the_tenant() -> None:
    bench = await build_hosted({"echo": echo}, "a")
    browser = Browser(build_app(bench.access, ORIGIN))
    await browser.sign_in(bench.keys["a"])
    tenant = await bench.store.find_by_key(bench.keys["a"])
    assert tenant is not None
    _, key = await bench.store.rotate_key(tenant, 0)
    bench.clock.advance(60_000)  # the isolate's cache, and KV's
    assert code_of(await browser.ask("GET", "/runs")) == (401, "SESSION_ENDED")
    await browser.sign_in(key)
    await bench.workspaces[tenant.tenant_id].close()
    bench.clock.advance(60_000)
    assert code_of(await browser.ask("GET", "/runs")) == (401, "SESSION_ENDED")


async def test_guesses_of_a_hosted_platform_s_sessions_are_limited() -> None:
    bench = await build_hosted({"echo": echo}, "a", limits=TenantLimits(requests_a_minute=60, burst_requests=5))
    browser = Browser(build_app(bench.access, ORIGIN))
    browser.cookie = f"__Host-arcrun-443=acrs_{'0' * 96}"
    for headers in ({}, {"sec_fetch_site": "cross-site"}):
        statuses = [(await browser.ask("GET", "/session", **headers)).status_code for _ in range(10)]
        assert statuses[-1] == 429


async def test_what_a_session_runs_sees_its_headers_without_the_cookie(platform: Platform) -> None:
    config = {"a": {"component": "echo", "text": "{{request.headers | json}}"}}
    flow = {"name": "w", "flow": ["input >> PIPE >> a", "a >> PIPE >> output"], "config": config}
    await platform.ask("POST", "/webhooks", {"workflow": flow})
    browser = Browser(platform.app)
    await browser.sign_in(platform.key)
    ran = await browser.ask("POST", "/webhooks/named/w/trigger", {})
    assert ran.status_code == 200, ran.text
    assert '\\"origin\\"' in ran.text
    assert browser.cookie.partition("=")[2] not in ran.text
