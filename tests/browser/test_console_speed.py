"""How fast the console is, in a real browser: until something can be done, until a run of 200 steps is drawn, and what
a key costs in a text of 500 lines.
"""

import os
import statistics

import pytest
from playwright.sync_api import Browser, expect

from browser.console_page import Console, new_page, signed_in
from browser.made_data import Made, has_ended, long_text, wide_text
from workerd.local_platform import LocalPlatform

pytestmark = pytest.mark.quiet

INTERACTIVE_MS = 500
RUN_VIEW_MS = 150
KEY_MS = 16
TIMES, MOST_TIMES = 7, 25  # more than TIMES only while none has been quick enough: others on the machine add to each
KEYS = "    note: {a: 1} # typed, as a person does "
# The newest mark or measure of a name, once there is one.
TIMED = """(name) => new Promise((done) => {
  const look = () => {
    const entry = performance.getEntriesByName(name).at(-1);
    entry ? done(entry.entryType === "mark" ? entry.startTime : entry.duration) : requestAnimationFrame(look);
  };
  look();
})"""
# From a key's coming, before anybody handles it, until all that handles it and what it has written is done; the frame
# that shows it is not among it.
WATCH_KEYS = """() => {
  self.keyTimes = [];
  let begunMs = 0;
  addEventListener("keydown", () => { begunMs = performance.now(); }, true);
  addEventListener("input", () => queueMicrotask(() => self.keyTimes.push(performance.now() - begunMs)));
}"""


def wants_more(found_ms: list[float], most_ms: float) -> bool:
    return len(found_ms) < TIMES or (min(found_ms) > most_ms and len(found_ms) < MOST_TIMES)


def tell(what: str, found_ms: list[float], most_ms: float) -> float:
    """Print what was measured, with the machine's load. Returns the least: what others do there only adds to it."""
    each = ", ".join(f"{one:.1f}" for one in found_ms)
    least = min(found_ms)
    middle = statistics.median(found_ms)
    print(f"\n{what}: {least:.1f} ms, median {middle:.1f}, at most {most_ms} ({each}; load {os.getloadavg()[0]:.1f})")
    return least


def test_the_time_until_something_can_be_done(browser: Browser, local: LocalPlatform) -> None:
    with signed_in(browser, local) as console:
        found: list[float] = []
        while wants_more(found, INTERACTIVE_MS):
            found.append(reload(console))
    assert tell("time to interactive", found, INTERACTIVE_MS) <= INTERACTIVE_MS


def reload(console: Console) -> float:
    console.page.reload()
    console.page.get_by_role("heading", name="Workflows").wait_for()
    found: float = console.page.evaluate(TIMED, "interactive")
    return found


def test_the_time_until_a_run_of_200_steps_is_drawn(browser: Browser, local: LocalPlatform) -> None:
    with local.executor as client:
        made = Made(client)
        made.push(wide_text(200))
        run_id = made.run("wide")
        made.wait_until(run_id, has_ended)
    found: list[float] = []
    while wants_more(found, RUN_VIEW_MS):
        with signed_in(browser, local) as console:
            console.open("runs")
            console.page.locator(f"[href*='{run_id}']").click()
            console.settle()
            expect(console.page.locator("[data-node]")).to_have_count(202)
            found.append(console.page.evaluate(TIMED, "run-view"))
    assert tell("run of 200 steps", found, RUN_VIEW_MS) <= RUN_VIEW_MS


def test_the_time_that_a_key_takes(browser: Browser, local: LocalPlatform) -> None:
    text = long_text(500)
    with local.executor as client:
        Made(client).push(text)
    with new_page(browser, local) as console:
        console.sign_in()
        console.open("workflows/long")
        page = console.page
        expect(console.editor).to_contain_text("name: long")
        page.evaluate(WATCH_KEYS)
        console.editor.click()
        page.keyboard.press("Control+Home")
        for _ in range(10):
            page.keyboard.press("PageDown")
        found: list[float] = []
        while wants_more(found, KEY_MS):
            page.keyboard.press("End")
            page.keyboard.press("Enter")
            page.evaluate("self.keyTimes = []")
            page.keyboard.type(KEYS, delay=60)
            page.wait_for_timeout(600)  # what follows a pause: the graph, and the check
            page.keyboard.type(KEYS, delay=60)
            found.append(at_95_percent(page.evaluate("self.keyTimes")))
    assert tell("p95 of a key in 500 lines", found, KEY_MS) <= KEY_MS


def at_95_percent(found_ms: list[float]) -> float:
    return sorted(found_ms)[int(len(found_ms) * 0.95)]
