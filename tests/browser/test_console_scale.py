"""The console where there is much: 1,000 workflows, 10,000 runs, a run of 10,000 rounds."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, expect

from browser.console_page import Console, signed_in
from browser.made_data import Made, has_ended
from workerd.local_platform import API_KEY, LocalPlatform

WORKFLOWS, RUNS, AT_ONCE = 1_000, 10_000, 8
MAX_ELEMENTS = 6_000  # of a view: what it shows of much stays little
MAX_VIEW_MS = 1_500
SET = {"component": "set", "values": {"at": "{{input.at}}"}}
# How long the page could not answer, at most, since this was first asked.
LONGEST_TASK = """() => new Promise((done) => {
  new PerformanceObserver((list) => done(Math.max(...list.getEntries().map((each) => each.duration))))
    .observe({type: "longtask", buffered: true});
  setTimeout(done, 500, 0);
})"""


def small(name: str) -> dict[str, Any]:
    return {"name": name, "flow": ["input >> PIPE >> kept", "kept >> PIPE >> output"], "config": {"kept": SET}}


@pytest.fixture(scope="module")
def much(local: LocalPlatform) -> LocalPlatform:
    headers = {"X-Arcrun-API-Key": API_KEY}
    with (
        httpx.Client(base_url=local.urls["executor"], headers=headers, timeout=60) as client,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):

        def push(number: int) -> int:
            return client.post("/webhooks", json={"workflow": small(f"flow_{number:04}")}).status_code

        def run(number: int) -> int:
            name = f"flow_{number % 20:04}"
            return client.post(f"/webhooks/named/{name}/trigger", json={"at": number}).status_code

        assert {*pool.map(push, range(WORKFLOWS))} <= {200, 201}
        assert {*pool.map(run, range(RUNS))} == {200}
    return local


@pytest.fixture
def busy(browser: Browser, much: LocalPlatform) -> Iterator[Console]:
    with signed_in(browser, much) as console:
        yield console


def check_smooth(console: Console) -> None:
    elements = console.page.evaluate("document.querySelectorAll('*').length")
    longest_ms = console.page.evaluate(LONGEST_TASK)
    print(f"\n{console.page.url.partition('#')[2]}: {elements} elements, longest task {longest_ms:.0f} ms")
    assert elements <= MAX_ELEMENTS
    assert longest_ms <= MAX_VIEW_MS


def test_a_thousand_workflows(busy: Console) -> None:
    page = busy.page
    search = page.get_by_role("searchbox", name=f"Search {WORKFLOWS} workflows")
    expect(search).to_be_visible()
    check_smooth(busy)
    search.fill("flow_0777")
    expect(page.locator("[data-row]")).to_have_count(1)
    page.keyboard.press("Control+k")
    page.get_by_role("dialog").get_by_role("textbox").or_(page.get_by_role("dialog").get_by_role("combobox")).fill(
        "0999"
    )
    expect(page.get_by_role("dialog")).to_contain_text("flow_0999")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="flow_0999")).to_be_visible()


def test_ten_thousand_runs(busy: Console) -> None:
    page = busy.page
    busy.open("runs")
    rows = page.locator("[data-row]")
    expect(rows).to_have_count(50)
    for pages in (2, 3, 4, 5):
        page.get_by_role("button", name="Older runs").click()
        expect(rows).to_have_count(50 * pages)
    check_smooth(busy)
    page.get_by_label("Status").select_option("failed")
    expect(page.get_by_text("No run is like this.")).to_be_visible()
    page.get_by_role("button", name="Clear filters").click()
    page.get_by_label("Workflow").fill("flow_0007")
    page.keyboard.press("Enter")
    expect(rows.first).to_contain_text("flow_0007")
    busy.open("workflows/flow_0007/runs")
    expect(rows).to_have_count(50)


def test_a_loop_of_ten_thousand_rounds_is_smooth(busy: Console) -> None:
    each = {
        "name": "rounds",
        "flow": ["input >> PIPE >> items", "items >> FOREACH item >> keep", "items >> CONTINUE >> output"],
        "config": {
            "items": {"component": "foreach_control", "items": "{{input.items}}", "item_key": "item"},
            "keep": {"component": "set", "values": {"at": "{{item}}"}},
        },
    }
    with busy.platform.executor as client:
        made = Made(client)
        made.push(each)
        run_id = made.run("rounds", {"items": [*range(10_000)]})
        made.wait_until(run_id, has_ended, within_s=60)
    busy.open(f"runs/{run_id}?node=keep")
    expect(busy.page.get_by_role("region", name="Timeline")).to_contain_text("×10000")
    check_smooth(busy)
