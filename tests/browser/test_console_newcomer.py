"""The newcomer's way in the console, in a real browser: from the key to a workflow that was made, run, broken, mended,
pushed, and replayed.
"""

import re

from playwright.sync_api import Browser, expect

from browser.console_page import Console, new_page
from workerd.local_platform import LocalPlatform

SUCCEEDED = re.compile(r"^letter, string_ops, \d+ ms, success$")


def test_a_newcomer_comes_from_the_key_to_a_replay(browser: Browser, local: LocalPlatform) -> None:
    with new_page(browser, local) as console:
        console.sign_in()
        make_from_template(console)
        original = run_and_see(console)
        break_and_mend(console)
        push(console, version=2)
        replay(console, original)


def make_from_template(console: Console) -> None:
    page = console.page
    expect(page.get_by_text("No workflows yet.")).to_be_visible()
    page.get_by_role("link", name="Start from a template").click()
    page.get_by_role("searchbox", name="Search templates").fill("greet")
    page.get_by_role("button", name="Tidy a name up and greet its owner.").click()
    expect(console.editor).to_contain_text("name: greet")
    expect(page.get_by_role("button", name="badge, string_ops")).to_be_visible()  # the graph, beside it
    expect(page.get_by_text("Nothing is wrong.")).to_be_visible()
    push(console, version=1)


def push(console: Console, version: int) -> None:
    page = console.page
    console.editor.click()
    page.keyboard.press("Control+s")
    page.get_by_role("dialog", name="Push greet").get_by_role("button", name="Push").click()
    expect(page.get_by_text(f"Version {version} is live.")).to_be_visible()
    expect(page.get_by_role("heading", name=f"greet v{version}")).to_be_visible()


def run_and_see(console: Console) -> str:
    """The run's id."""
    page = console.page
    page.get_by_role("button", name="Try it").click()
    dialog = page.get_by_role("dialog", name="Run greet")
    expect(dialog.get_by_label("Input", exact=True)).to_have_value(
        '{\n  "name": " ada "\n}'
    )  # what the template's comment says
    dialog.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_text("It ran.")).to_be_visible()
    page.get_by_role("link", name="Open the run").click()
    expect(page.get_by_role("heading", name="success greet")).to_be_visible()
    page.get_by_role("region", name="Graph").get_by_role("button", name=SUCCEEDED).click()
    expect(page.get_by_role("region", name="Step", exact=True)).to_contain_text("Hello ADA, welcome to arcrun.")
    return page.url.partition("#/runs/")[2].partition("?")[0]


def break_and_mend(console: Console) -> None:
    page = console.page
    console.open("workflows/greet")
    expect(console.editor).to_contain_text("name: greet")
    console.write(console.read_text().replace("{{tidy.data", "{{tidyy.data"))
    findings = page.get_by_role("list", name="Findings")
    expect(findings).to_contain_text("tidyy")
    expect(page.get_by_role("button", name=re.compile("^badge, string_ops"))).to_have_class(re.compile("has-errors"))
    findings.get_by_role("button", name=re.compile("^Fix: ")).click()
    expect(page.get_by_text("Nothing is wrong.")).to_be_visible()
    console.write(console.read_text().replace("Hello NAME, welcome", "Welcome NAME"))
    expect(page.get_by_text("not pushed")).to_be_visible()


def replay(console: Console, original: str) -> None:
    page = console.page
    console.open(f"runs/{original}")
    page.get_by_role("button", name="Replay", exact=True).click()
    dialog = page.get_by_role("dialog", name="Replay this run")
    dialog.get_by_label("Version").select_option("current")
    dialog.get_by_role("button", name="Replay", exact=True).click()
    expect(page.get_by_text("Replay of")).to_be_visible()
    page.get_by_role("region", name="Graph").get_by_role("button", name=SUCCEEDED).click()
    expect(page.get_by_role("region", name="Step", exact=True)).to_contain_text("Welcome ADA to arcrun.")
