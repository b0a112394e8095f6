"""The console of a hosted platform: each tenant sees its own and nothing else, each view of one that has nothing says
what to do, and whoever is signed out, or is somebody else in another tab, is told so.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, expect

from browser.console_page import Console, new_page
from browser.made_data import Made, fill, has_ended
from fakes.cloudflare_rest.api import CloudflareApiStandIn, served
from workerd.hosted.test_tenants import TenantDesk, TwoTenants, build_desk
from workerd.hosted_platform import Hosted
from workerd.local_platform import LocalPlatform, running_platform

VIEWS = (
    *("workflows", "new", "workflows/orders", "workflows/orders/runs", "workflows/orders/versions", "runs"),
    *("workflows/stock_report/starts", "workflows/orders/settings", "runs/{good}?node=price", "runs/{asking}"),
    *("runs/{good}/compare/{failed}", "components", "credentials", "schedules", "stores", "stores/workflow/orders"),
    *("audit", "keys", "health"),
)
# What an empty account is told in each view.
EMPTY = {
    "workflows": "No workflows yet.",
    "runs": "No runs yet.",
    "credentials": "No credentials yet.",
    "schedules": "No schedules yet.",
    "stores": "Nothing is kept yet.",
    "stores/workflow/orders": "Nothing found.",
    "keys": "No keys beside your own.",
    "health": "Nothing wants your attention.",
    "workflows/orders": "There is no workflow `orders`.",
    "runs/{good}": "There is no run",
}
# Names of steps, fields, workflows and credentials that all objects of JavaScript have already.
NAMES = ("__proto__", "constructor", "toString")


@dataclass
class Shared:
    """Two tenants of one platform: `a` has a shop, `b` nothing."""

    two: TwoTenants
    platform: LocalPlatform
    runs: dict[str, str]

    @property
    def a(self) -> TenantDesk:
        return self.two.a

    @property
    def b(self) -> TenantDesk:
        return self.two.b

    def client(self, desk: TenantDesk) -> httpx.Client:
        return client_of(self.platform, desk)


def client_of(platform: LocalPlatform, desk: TenantDesk) -> httpx.Client:
    headers = {"X-Arcrun-API-Key": desk.api_key}
    return httpx.Client(base_url=platform.urls["executor"], headers=headers, timeout=60, trust_env=False)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    cloudflare, folder = CloudflareApiStandIn(), tmp_path_factory.mktemp("hosted")
    limits = {"TENANT_BURST_REQUESTS": "1000", "TENANT_REQUESTS_A_MINUTE": "6000"}
    with (
        served(cloudflare) as base_url,
        running_platform(
            folder, "--no-reload", CLOUDFLARE_API_BASE_URL=base_url, MULTI_TENANT="true", **limits
        ) as platform,
    ):
        desks = [build_desk(cloudflare, letter, f"canary-secret-of-{letter}") for letter in "ab"]
        two = TwoTenants(Hosted(platform, cloudflare, base_url), *desks)
        for desk in desks:
            desk.api_key = two.register(desk)
        with client_of(platform, desks[0]) as client:
            runs = fill(Made(client))
        yield Shared(two, platform, runs)
        two.hosted.executor.close()


def test_each_view_of_a_tenant_is_accessible(browser: Browser, shared: Shared) -> None:
    with new_page(browser, shared.platform) as console:
        console.watch.allowed.append("/input")  # of a quick run none is stored, which the view says
        console.sign_in(shared.a.api_key)
        for view in VIEWS:
            console.open(view.format(**shared.runs))
            expect(console.page.locator("main h1")).to_be_visible()
            assert console.find_violations() == [], view
            assert console.page.locator("main .error-box").count() == ("failed" in view and "compare" not in view), view


def test_a_tenant_without_anything_is_told_what_to_do_and_sees_nothing_of_others(
    browser: Browser, shared: Shared
) -> None:
    with new_page(browser, shared.platform) as console:
        console.watch.allowed.append("status of 404")
        console.sign_in(shared.b.api_key)
        for view, words in EMPTY.items():
            console.open(view.format(**shared.runs))
            expect(console.page.locator("main")).to_contain_text(words)
        for view in ("audit", "components", "keys", "credentials"):
            console.open(view)
            shown = console.page.locator("main").inner_text()
            assert not [name for name in ("orders", "refund", "telegram_bot_token") if name in shown.split()], view
        console.page.keyboard.press("Control+k")
        console.page.get_by_role("combobox", name="Go to").fill("refund")
        expect(console.page.get_by_role("listbox").get_by_role("option")).to_have_count(0)


def test_a_tenant_is_told_its_limits(browser: Browser, shared: Shared) -> None:
    with new_page(browser, shared.platform) as console:
        console.sign_in(shared.a.api_key)
        console.open("health")
        limits = console.page.locator("section", has_text="Limits of your account")
        expect(limits).to_contain_text("Runs at once20")
        expect(limits).to_contain_text("All versions50.0 MiB")
        expect(console.page.get_by_role("meter", name="Schedules")).to_have_attribute("value", "1")


def test_a_link_of_a_tenant_signs_in_to_look(browser: Browser, shared: Shared) -> None:
    made = shared.platform.acr("open", "orders", "--read-only", "--print", ARCRUN_API_KEY=shared.a.api_key)
    assert made.returncode == 0, made.stderr
    with new_page(browser, shared.platform) as console:
        console.page.goto(made.stdout.strip())
        expect(console.page.get_by_role("heading", name="orders")).to_be_visible()
        expect(console.page.locator(".side")).to_contain_text("read only")
        assert "link" not in console.page.url
        console.open("workflows/orders/starts")
        assert "/webhooks/" not in console.page.locator("main").inner_text()


def test_another_tenant_in_another_tab_is_one_in_this_tab_too(browser: Browser, shared: Shared) -> None:
    """The cookie is the browser's: what this page knows of the first must not be taken for the second's."""
    with new_page(browser, shared.platform) as console:
        console.sign_in(shared.a.api_key)
        console.open("workflows")
        expect(console.page.locator("main")).to_contain_text("orders")
        other = Console(console.page.context.new_page(), console.platform, console.watch)
        other.page.goto(f"{console.origin}/console/")
        other.page.get_by_role("button", name="Sign out").click()
        expect(console.page.get_by_label("API key")).to_be_visible()
        expect(console.page.get_by_role("alert")).to_contain_text("Your session has ended")
        other.enter_key(shared.b.api_key)
        expect(other.page.locator("main")).to_contain_text("No workflows yet.")
        expect(console.page.locator("main")).to_contain_text("No workflows yet.")
        expect(console.page.locator("main")).not_to_contain_text("orders")
        console.watch.allowed.append("status of 401")


def test_names_that_every_object_has(browser: Browser, shared: Shared) -> None:
    runs = []
    with shared.client(shared.b) as client:
        made = Made(client)
        for name in NAMES:
            client.put(f"/credentials/{name}", json={"value": "made-up-value"})
            values: dict[str, Any] = {each: {each: 9223372036854775807} for each in NAMES}
            made.push(
                {
                    "name": name,
                    "input_schema": {"type": "object", "properties": {each: {"type": "integer"} for each in NAMES}},
                    "flow": [f"input >> ON_SUCCESS >> {name}", f"{name} >> ON_SUCCESS >> output"],
                    "config": {name: {"component": "set", "values": values}},
                }
            )
            runs.append((name, made.run(name, {"toString": 1})))
            client.put(f"/stores/workflow/{name}/entry", params={"key": name}, json={"value": values})
        for _, run_id in runs:
            made.wait_until(run_id, has_ended)
    with new_page(browser, shared.platform) as console:
        page = console.page
        console.watch.allowed.append("/input")
        console.sign_in(shared.b.api_key)
        for view in ("workflows", "credentials", "stores", "health", "runs"):
            console.open(view)
            expect(page.locator("main")).to_contain_text("__proto__" if view != "health" else "attention")
            assert page.locator("main .error-box").count() == 0, view
        for name, run_id in runs:
            console.open(f"runs/{run_id}?node={name}")
            expect(page.locator(f'[data-node="{name}"]')).to_be_visible()
            expect(page.locator("main")).to_contain_text("9223372036854775807")
            console.open(f"workflows/{name}")
            page.get_by_role("main").get_by_role("button", name="Try it").first.click()
            expect(page.get_by_role("dialog").get_by_label("toString")).to_have_value("0")
            page.keyboard.press("Escape")
        console.open("stores/workflow/constructor")
        page.get_by_role("button", name="constructor").click()
        page.get_by_role("button", name="Change").click()
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("dialog")).to_have_count(0)
    with shared.client(shared.b) as client:
        stored = client.get("/stores/workflow/constructor/entry", params={"key": "constructor"}).json()
        assert stored["data"]["value"] == values


def test_what_cannot_be_drawn_leaves_the_rest(browser: Browser, shared: Shared) -> None:
    with new_page(browser, shared.platform) as console:
        page = console.page
        console.sign_in(shared.a.api_key)
        broken = {"success": True, "data": {"stores": [None], "cursor": None}}
        page.route("**/stores?*", lambda route: route.fulfill(json=broken))
        page.route("**/stores", lambda route: route.fulfill(json=broken))
        console.open("stores")
        expect(page.get_by_role("heading", name="This could not be drawn")).to_be_visible()
        assert console.find_violations() == []
        console.open("workflows")
        expect(page.locator("main")).to_contain_text("orders")
        page.unroute_all()
        console.open("stores")
        expect(page.locator("main")).to_contain_text("orders")


def test_without_its_registry_the_list_says_so(browser: Browser, shared: Shared) -> None:
    with new_page(browser, shared.platform) as console:
        page = console.page
        console.watch.allowed.append("status of 503")
        console.sign_in(shared.a.api_key)
        error = {"code": "REGISTRY_UNAVAILABLE", "message": "The registry failed.", "next_actions": []}
        page.route("**/components", lambda route: route.fulfill(status=503, json={"success": False, "error": error}))
        console.open("components")
        expect(page.locator("main .notice")).to_contain_text("The registry failed.")
        expect(page.locator("main")).to_contain_text("http_request")


def test_who_is_signed_out_is_told_and_goes_on_with_another_key(browser: Browser, shared: Shared) -> None:
    """The tenant's key is replaced while the console is open; it is the last test, as its sessions have ended."""
    with new_page(browser, shared.platform) as console:
        page = console.page
        console.watch.allowed.append("status of 401")
        console.sign_in(shared.b.api_key)
        console.open("workflows")
        rotated = shared.two.hosted.ask("POST", "/me/api-key/rotate?grace_s=0", shared.b.api_key)
        shared.b.api_key = rotated.json()["data"]["api_key"]
        expect(page.get_by_role("alert")).to_contain_text("Your session has ended", timeout=70_000)
        assert console.find_violations() == []
        page.reload()
        expect(page.get_by_label("API key")).to_be_visible()
        console.enter_key("a-key-that-is-none")
        expect(page.get_by_role("alert")).to_contain_text("This key is not known here")
        console.enter_key(shared.b.api_key)
        expect(page.locator("main")).to_contain_text("constructor")
