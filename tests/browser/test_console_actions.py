"""What people do in the console with a graph and with runs, and that the text and the record say the same."""

import re

import pytest
from playwright.sync_api import Locator, expect

from arcrun.workflows.triggers.examples import read_examples
from browser.console_page import Console
from browser.made_data import ORDERS, REFUND, Made, is_asking
from workerd.local_platform import LocalPlatform


@pytest.fixture(scope="module")
def asking(local: LocalPlatform) -> str:
    """The id of a run that asks somebody."""
    with local.executor as client:
        made = Made(client)
        made.push(ORDERS)
        made.push(REFUND)
        run_id = made.run("refund", {"order": "O-1", "amount": 12, "customer": "Ada", "reason": "Broken."})
        made.wait_until(run_id, is_asking)
    return run_id


def test_the_graph_and_the_text_change_each_other(console: Console, asking: str) -> None:
    page = console.page
    console.open("workflows/refund")
    before = console.read_text()
    graph = page.get_by_role("region", name="Graph")
    graph.locator('[data-node="pay"]').click()
    page.get_by_role("button", name="Add step").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("searchbox").fill("string_ops")
    dialog.get_by_role("button", name=re.compile("string_ops")).first.click()
    expect(graph.locator('[data-node="string_ops"]')).to_be_visible()
    expect(console.editor).to_contain_text("component: string_ops")
    expect(console.editor).to_contain_text("# Money goes back when somebody has agreed.")  # what is not about it stays
    page.get_by_role("button", name="Undo").click()
    expect(graph.locator('[data-node="string_ops"]')).to_have_count(0)
    assert console.read_text() == before
    source, target = (graph.locator(f'[data-node="{name}"]').bounding_box() for name in ("forgotten", "leave"))
    handle = graph.locator('[data-node="forgotten"] circle').bounding_box()
    assert source is not None
    assert target is not None
    assert handle is not None
    graph.locator('[data-node="forgotten"]').hover()
    page.mouse.move(handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2)
    page.mouse.down()
    page.mouse.move(target["x"] + target["width"] / 2, target["y"] + target["height"] / 2, steps=5)
    page.mouse.up()
    expect(console.editor).to_contain_text("forgotten >> ON_SUCCESS >> leave")
    page.get_by_role("button", name="Discard changes").click()
    expect(console.editor).not_to_contain_text("forgotten >> ON_SUCCESS >> leave")


def test_a_run_is_followed_and_answered(console: Console, asking: str) -> None:
    page = console.page
    console.page.evaluate(f"location.hash = '#/runs/{asking}'")
    approval = page.get_by_role("region", name="Pay 12 EUR back to Ada?")
    expect(approval).to_contain_text("Order O-1: Broken.")
    approval.get_by_label("Comment").fill("of course")
    approval.get_by_role("button", name="approve").click()
    expect(page.get_by_role("heading", name="success refund")).to_be_visible()  # nobody has loaded the page again
    expect(approval).to_have_count(0)
    page.get_by_role("button", name=re.compile("^pay, set, .*success$")).click()
    expect(page.get_by_role("region", name="Step", exact=True)).to_contain_text('"owner"')


def begin_a_try(console: Console, customer: str) -> Locator:
    """The dialog in which the input of a try is filled in."""
    console.open("workflows/orders")
    console.page.get_by_role("button", name="Try it").click()
    dialog = console.page.get_by_role("dialog")
    dialog.get_by_label("customer").first.fill(customer)
    return dialog


def test_an_input_is_filled_in_as_a_form(console: Console, asking: str) -> None:
    page = console.page
    dialog = begin_a_try(console, "Grace")
    dialog.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_text("It ran.")).to_be_visible()
    page.get_by_role("link", name="Open the run").click()
    page.get_by_role("button", name=re.compile("^customer, string_ops, .*success$")).click()
    expect(page.get_by_role("region", name="Step", exact=True)).to_contain_text("Grace")
    page.get_by_role("button", name="result", exact=True).click()
    expect(page.get_by_text("Copied {{customer.data.result}}")).to_be_visible()


def test_an_input_is_saved_in_the_text_and_taken_again(console: Console, asking: str) -> None:
    page = console.page
    dialog = begin_a_try(console, "Hedy")
    dialog.get_by_label("Save it as").fill("a busy day")
    dialog.get_by_role("button", name="Save input").click()
    expect(dialog.get_by_role("button", name="a busy day", exact=True)).to_be_visible()
    dialog.get_by_label("customer").first.fill("Ada")
    dialog.get_by_role("button", name="a busy day", exact=True).click()
    expect(dialog.get_by_label("customer").first).to_have_value("Hedy")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Push").click()
    dialog.get_by_role("button", name="Push", exact=True).click()
    expect(page.get_by_text("Nothing that matters has changed: no new version.")).to_be_visible()
    with console.platform.executor as client:
        stored = client.get("/webhooks/named/orders").json()["data"]
    assert read_examples(stored["workflow"])["a busy day"]["customer"] == "Hedy"
    assert stored["version"] == 1


def test_what_can_be_undone_is_not_lost_by_looking_elsewhere(console: Console, asking: str) -> None:
    page = console.page
    console.open("workflows/refund")
    before = console.read_text()
    page.get_by_role("region", name="Graph").locator('[data-node="pay"]').focus()
    page.keyboard.press("Delete")
    expect(page.get_by_role("region", name="Graph").locator('[data-node="pay"]')).to_have_count(0)
    page.get_by_role("link", name="Settings").click()
    page.get_by_role("link", name="Edit").click()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("not pushed")).to_have_count(0)
    assert console.read_text() == before


def test_lines_are_reached_by_the_keyboard(console: Console, asking: str) -> None:
    page = console.page
    console.open("workflows/refund")
    page.get_by_role("region", name="Graph").locator('[data-node="pay"]').click()
    page.get_by_text("Name and lines").click()
    page.get_by_role("list", name="Lines").get_by_role("button").first.click()
    page.get_by_label("When").fill("CONTINUE")
    page.get_by_role("button", name="Apply").click()
    expect(console.editor).to_contain_text("CONTINUE >> pay")
    page.get_by_role("button", name="Discard changes").click()


def test_a_text_of_windows_stays_one(console: Console, asking: str) -> None:
    page = console.page
    text = 'name: windows\r\nflow:\r\n  - "input >> ON_SUCCESS >> a"\r\nconfig:\r\n  a: {component: set}\r\n'
    with console.platform.executor as client:
        client.post("/webhooks", json={"workflow": text})
    console.open("workflows/windows")
    expect(page.get_by_text("not pushed")).to_have_count(0)
    page.get_by_role("region", name="Graph").locator('[data-node="a"]').click()
    page.get_by_text("Name and lines").click()
    page.get_by_label("Name", exact=True).fill("b")
    page.get_by_role("button", name="Rename").click()
    page.get_by_role("button", name="Push").click()
    page.get_by_role("dialog").get_by_role("button", name="Push", exact=True).click()
    expect(page.get_by_text("Version 2 is live.")).to_be_visible()
    with console.platform.executor as client:
        stored = client.get("/webhooks/named/windows").json()["data"]["workflow"]
    assert stored == text.replace(">> a", ">> b").replace("  a:", "  b:")


def test_the_editor_shows_that_it_has_the_focus(console: Console, asking: str) -> None:
    """On all sides: the gutter lies above the editor."""
    console.open("workflows/refund")
    console.editor.click()
    frame, gutter = console.page.evaluate(
        """() => {
          const root = document.querySelector(".editor").shadowRoot;
          const styleOf = (name, part) => getComputedStyle(root.querySelector(name), part);
          const styles = [styleOf(".cm-editor", "::after"), styleOf(".cm-gutters")];
          return styles.map((style) => [style.zIndex, style.borderLeftWidth]);
        }"""
    )
    assert int(frame[0]) > int(gutter[0])
    assert frame[1] == "2px"


def test_a_failed_run_is_repaired_and_retried(console: Console, asking: str) -> None:
    page = console.page
    with console.platform.executor as client:
        run_id = Made(client).run("orders", {"customer": "Ada", "lines": [{"sku": "A-1", "amount": 1, "price": 0}]})
    console.watch.allowed.append("422 .*/retry")  # it fails again
    console.open(f"runs/{run_id}")
    expect(page.get_by_role("alert").first).to_contain_text("A-1 has no price")
    page.get_by_role("button", name="Retry").click()
    expect(page.get_by_text("Replay of")).to_be_visible()
    expect(page.get_by_role("heading", name="failed orders")).to_be_visible()  # with the same input, of course
    console.open(f"runs/{run_id}")
    expect(page.get_by_text("Retried by")).to_be_visible()


def test_a_credential_is_set_and_never_read(console: Console) -> None:
    page = console.page
    console.open("credentials")
    page.get_by_role("button", name="New credential").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("shop_token")
    dialog.get_by_label("Value").fill("s3cret-value")
    dialog.get_by_role("button", name=re.compile("Set value|Save")).click()
    expect(page.get_by_text("shop_token is set.")).to_be_visible()
    console.settle()
    assert "s3cret-value" not in page.content()
