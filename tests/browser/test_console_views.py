"""Each view and each dialog of the console, with a shop's data: axe finds nothing wrong, in light and in dark, and 360
pixels are wide enough.
"""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, expect

from browser.console_page import PHONE, WIDE, Console, new_page, signed_in
from browser.made_data import make_shop
from workerd.local_platform import LocalPlatform

VIEWS = (
    *("workflows", "new", "workflows/orders", "workflows/orders/runs", "workflows/orders/versions"),
    *("workflows/stock_report/starts", "workflows/orders/starts", "workflows/orders/settings"),
    *("runs", "runs/{good}", "runs/{failed}", "runs/{large}?node=price", "runs/{asking}"),
    *("runs/{good}/compare", "runs/{good}/compare/{failed}", "components", "components/http_request"),
    *("credentials", "schedules", "stores", "stores/workflow/orders", "audit", "keys", "health", "nowhere"),
)
CONTRAST = "color-contrast"


@pytest.fixture(scope="module")
def runs(local: LocalPlatform) -> dict[str, str]:
    return make_shop(local)


@pytest.fixture(scope="module")
def shop(browser: Browser, local: LocalPlatform, runs: dict[str, str]) -> Iterator[Console]:
    with signed_in(browser, local) as console:
        yield console


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_is_accessible(shop: Console, runs: dict[str, str], view: str) -> None:
    page = shop.page
    page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
    shop.open(view.format(**runs))
    found = shop.find_violations()
    page.emulate_media(color_scheme="dark")
    found += [f"dark: {each}" for each in shop.find_violations(CONTRAST)]
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    expect(page.locator(".side.is-open")).to_have_count(0)
    found += [f"phone: {each}" for each in shop.find_violations()]
    assert not found, "\n".join(found)
    wide = page.evaluate(TOO_WIDE)
    assert wide == [], f"wider than {PHONE[0]} pixels: {wide}"
    shop.watch.check()


def test_it_shows_what_the_platform_finds_of_itself(shop: Console) -> None:
    shop.open("health")
    checks = shop.page.locator("section", has=shop.page.get_by_role("heading", name="Checks", exact=True))
    expect(checks).to_contain_text("Records all written")
    expect(checks).to_contain_text("Registry accepts the executor's key; version")
    expect(checks.get_by_role("img", name="failed")).to_have_count(0)
    shop.watch.check()


# What makes the page scroll sideways.
TOO_WIDE = """() => document.documentElement.scrollWidth <= innerWidth ? [] : [...document.querySelectorAll("main *")]
  .filter((each) => each.getBoundingClientRect().right > innerWidth + 1 && !each.closest(".graph-frame"))
  .slice(0, 5).map((each) => each.outerHTML.slice(0, 160))"""


def press(key: str) -> Callable[[Console], None]:
    return lambda console: console.page.keyboard.press(key)


def click(name: str) -> Callable[[Console], None]:
    return lambda console: console.page.get_by_role("main").get_by_role("button", name=name, exact=True).first.click()


DIALOGS: dict[str, tuple[str, Callable[[Console], None]]] = {
    "palette": ("workflows", press("Control+k")),
    "shortcuts": ("workflows", press("?")),
    "push": ("workflows/orders", press("Control+s")),
    "try": ("workflows/orders", click("Try it")),
    "add": ("workflows/orders", click("Add step")),
    "replay": ("runs/{good}", click("Replay")),
    "test": ("runs/{good}", click("Make it a test")),
    "cancel": ("runs/{asking}", click("Cancel run")),
    "key": ("keys", click("New key")),
    "credential": ("credentials", click("New credential")),
    "delete": ("workflows/orders/settings", click("Delete workflow")),
}


@pytest.mark.parametrize("dialog", DIALOGS)
def test_a_dialog_is_accessible(shop: Console, runs: dict[str, str], dialog: str) -> None:
    view, act = DIALOGS[dialog]
    page = shop.page
    page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
    shop.open(view.format(**runs))
    if view == "workflows/orders":
        shop.editor.click()  # where Ctrl S is meant for it
    act(shop)
    shown = page.get_by_role("dialog")
    expect(shown).to_be_visible()
    shop.settle()
    found = shop.find_violations()
    page.emulate_media(color_scheme="dark")
    found += [f"dark: {each}" for each in shop.find_violations(CONTRAST)]
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    found += [f"phone: {each}" for each in shop.find_violations()]
    box = shown.bounding_box()
    page.keyboard.press("Escape")
    expect(shown).to_have_count(0)
    assert not found, "\n".join(found)
    assert box is not None
    assert 0 <= box["x"] <= box["x"] + box["width"] <= PHONE[0], box
    shop.watch.check()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_first_page_is_accessible(browser: Browser, local: LocalPlatform, scheme: str) -> None:
    with new_page(browser, local, PHONE, "dark" if scheme == "dark" else "light") as console:
        console.page.goto(f"{console.origin}/console/")
        expect(console.page.get_by_label("API key")).to_be_visible()
        assert console.find_violations() == []


def test_it_speaks_chinese(browser: Browser, local: LocalPlatform) -> None:
    with signed_in(browser, local) as console:
        page = console.page
        page.get_by_label("Language").select_option("zh-Hant")
        expect(page.get_by_role("heading", name="工作流程")).to_be_visible()
        expect(page.locator("html")).to_have_attribute("lang", "zh-Hant")
        assert console.find_violations() == []
        page.reload()
        expect(page.get_by_role("heading", name="工作流程")).to_be_visible()


def test_keys_lead_through_the_graph_and_the_rows(shop: Console, runs: dict[str, str]) -> None:
    page = shop.page
    page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
    shop.open(f"runs/{runs['good']}")
    page.locator('[data-node="input"]').focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator('[data-node="customer"]')).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name="Step", exact=True)).to_contain_text("string_ops")
    page.keyboard.press("g")
    page.keyboard.press("r")
    expect(page.get_by_role("heading", name="Runs")).to_be_visible()
    shop.settle()
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator("[data-row]").nth(1)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"#/runs/01"))
