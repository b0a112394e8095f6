"""What a workflow, a caller or a component writes is text in the console, whatever it looks like: no markup of it
becomes an element, no script of it runs, no address of it is followed, and a huge text does not stop the page. And what
a workflow answers as a page reaches nothing of whoever is signed in.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from browser.console_page import Console, signed_in
from browser.made_data import Made, has_ended, is_asking
from workerd.local_platform import LocalPlatform
from workerd.webhooks.test_responses_in_a_browser import ATTACK, HTML

MARK = "self.harmed = 1"
PAYLOADS = (
    f'<img src=x onerror="{MARK}">',
    f"<script>{MARK}</script>",
    f'"><svg onload="{MARK}">',
    f"javascript:{MARK}",
    f'</textarea></pre></title><iframe srcdoc="<script>parent.{MARK}</script>"></iframe>',
    f'<a href="javascript:{MARK}">a</a> [b](javascript:{MARK})',
    "<style>@import 'https://evil.example/a.css'</style><base href=https://evil.example/>",
    "\u202egnirts \u0000\u0007 \U0001f600 ' \" ` {{input.a}} ${1} <!--",
)
HUGE = "<b>huge</b> " * 20_000
TEXTS = {f"text {number} {payload[:40]}": payload for number, payload in enumerate(PAYLOADS)}
LINE = " ".join(PAYLOADS[:-1])
HOSTILE: dict[str, Any] = {
    "name": "hostile",
    "description": LINE,
    "input_schema": {
        "type": "object",
        "title": LINE,
        "properties": {payload: {"type": "string", "description": payload} for payload in PAYLOADS[:-1]},
    },
    "flow": ["input >> ON_SUCCESS >> say", "say >> ON_SUCCESS >> fail", "say >> IF(say.data == '<b>') >> other"],
    "config": {
        "say": {
            "component": "code",
            "input": "{{input}}",
            "source": "console.log(JSON.stringify(input)); console.log('<b>'.repeat(9000)); return input;",
        },
        "fail": {
            "component": "code",
            "input": "{{input}}",
            "source": "throw new Error(Object.values(input).join(' '))",
        },
        "other": {"component": "set", "values": {payload[:60]: payload for payload in PAYLOADS[:-1]}},
    },
}
ASKING: dict[str, Any] = {
    "name": "hostile_question",
    "durable": True,
    "flow": ["input >> PIPE >> ask"],
    "config": {
        "ask": {
            "component": "approve",
            "title": PAYLOADS[0],
            "text": LINE,
            "approvers": ["ann"],
            "choices": ["<b>yes", "no"],
            "timeout": "1d",
        }
    },
}
STORING: dict[str, Any] = {
    "name": "hostile_store",
    "flow": ["input >> PIPE >> keep"],
    "config": {"keep": {"component": "store", "op": "put", "key": "{{input.key}}", "value": "{{input.value}}"}},
}
PAGE: dict[str, Any] = {
    "name": "page",
    "triggers": {"webhook": {"methods": ["GET"]}},
    "response": {"html": HTML},
    "flow": ["input >> PIPE >> made"],
    "config": {"made": {"component": "set", "values": {"a": 1}}},
}
# What has become of the texts in the page: nothing, hopefully.
HARM = """() => {
  const roots = [document, ...[...document.querySelectorAll("*")].map((each) => each.shadowRoot).filter(Boolean)];
  const all = (selector) => roots.flatMap((root) => [...root.querySelectorAll(selector)]);
  return [
    ...(self.harmed ? ["a script ran"] : []),
    ...all("iframe, object, embed, base, img[src=x], main b, main script, main style, [onerror], [onload]")
      .map((each) => each.outerHTML.slice(0, 200)),
    ...all("main a[href]").filter((each) => !["http:", "https:"].includes(each.protocol)).map((each) => each.href),
  ];
}"""


@pytest.fixture(scope="module")
def runs(local: LocalPlatform) -> dict[str, str]:
    with local.executor as client:
        made = Made(client)
        for workflow in (HOSTILE, ASKING, STORING, PAGE):
            made.push(workflow)
        made.push({**HOSTILE, "description": PAYLOADS[1]})
        given = {**TEXTS, "huge": HUGE, **{payload: payload for payload in PAYLOADS[:-1]}, "list": [*PAYLOADS] * 100}
        runs = {"failed": made.run("hostile", given), "asking": made.run("hostile_question")}
        for payload in PAYLOADS[:-1]:
            runs["stored"] = made.run("hostile_store", {"key": payload[:100], "value": payload})
        client.post("/webhooks", json={"workflow": {**STORING, "name": "filed"}, "file": f"{PAYLOADS[0]}.yaml"})
        client.post("/keys", json={"name": PAYLOADS[0], "can": "read"})
        for run_id in (runs["failed"], runs["stored"]):
            made.wait_until(run_id, has_ended)
        made.wait_until(runs["asking"], is_asking)
        return runs


@pytest.fixture(scope="module")
def visitor(browser: Browser, local: LocalPlatform) -> Iterator[Console]:
    with signed_in(browser, local) as console:
        yield console


VIEWS = (
    *("workflows", "workflows/hostile", "workflows/hostile/versions", "workflows/hostile/starts", "workflows/filed"),
    *("workflows/hostile/settings", "runs", "runs/{failed}", "runs/{failed}?node=say", "runs/{failed}?node=fail"),
    *("runs/{failed}?node=input", "runs/{failed}/compare/{stored}", "runs/{asking}", "runs/{stored}?node=keep"),
    *("stores", "stores/workflow/hostile_store", "audit", "keys", "health", "schedules", "credentials"),
)


@pytest.mark.parametrize("view", VIEWS)
def test_texts_stay_texts(visitor: Console, runs: dict[str, str], view: str) -> None:
    visitor.open(view.format(**runs))
    assert visitor.page.evaluate(HARM) == []
    visitor.watch.check()


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_an_address_is_a_text(visitor: Console, payload: str) -> None:
    """Anybody can send somebody a link to the console."""
    visitor.watch.allowed.append("status of 40[04]")  # there is nothing of such a name
    for route in ("workflows/{}", "runs/{}", "components/{}", "runs?q={}", "stores/x/{}"):
        visitor.page.evaluate("hash => { location.hash = hash }", "/" + route.format(payload))
        visitor.settle()
        assert visitor.page.evaluate(HARM) == []
    visitor.watch.check()


def test_an_editor_and_its_findings_show_texts(visitor: Console, runs: dict[str, str]) -> None:
    page = visitor.page
    visitor.open("workflows/hostile")
    expect(visitor.editor).to_contain_text("hostile")
    lines = "\n".join(f"  - {payload!r} >> <b>{payload[:20]}</b> >> b" for payload in PAYLOADS[:-1])
    for text in (f"name: '<b>x'\nflow:\n{lines}\n", f"# {LINE}\nname: {LINE}\nflow: [{LINE}]\n", HUGE):
        visitor.write(text)
        expect(page.get_by_role("list", name="Findings")).to_be_visible()
        visitor.settle()
        assert page.evaluate(HARM) == []
    page.get_by_role("button", name="Discard").click()
    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert page.evaluate(HARM) == []
    page.keyboard.press("Escape")
    visitor.watch.check()


def test_a_huge_text_is_cut_and_can_be_seen(visitor: Console, runs: dict[str, str]) -> None:
    visitor.open(f"runs/{runs['failed']}?node=input")
    page = visitor.page
    assert len(page.locator("main").inner_text()) < 60_000
    page.get_by_role("button", name="Show all").first.click()
    expect(page.locator("main")).to_contain_text("huge</b> <b>huge")
    assert page.evaluate(HARM) == []


def test_a_workflows_page_reaches_nothing_of_who_is_signed_in(
    browser: Browser, local: LocalPlatform, runs: dict[str, str]
) -> None:
    with local.executor as client, signed_in(browser, local) as console:
        shown = client.get("/webhooks/named/page").json()["data"]
        hook = f"{console.origin}/webhooks/{shown['token']}/trigger"
        console.watch.allowed.append(".")  # whatever it tries is refused, and said so in the browser's log
        page = console.page
        script = page.locator("script[src]").first.get_attribute("src")
        cookies = page.context.cookies()
        page.goto(hook)
        assert page.evaluate("document.documentElement.getAttribute('data-ran')") == "1"  # its own script may run
        attack = ATTACK.replace("VICTIM", f"{console.origin}/runs").replace("ORIGIN", console.origin)
        tried = page.evaluate(attack.replace("SCRIPT", f"{console.origin}/console/{script}"))
        assert {name: result for name, result in tried.items() if result is not None} == {}
        assert page.context.cookies() == cookies
        page.goto(f"{console.origin}/console/")  # and the session goes on
        expect(page.get_by_role("heading", name="Workflows")).to_be_visible()


@pytest.mark.parametrize("payload", [*PAYLOADS[:3], *PAYLOADS[4:7]], ids=range(6))
def test_harm_would_be_seen(browser: Browser, local: LocalPlatform, payload: str) -> None:
    with signed_in(browser, local) as console:
        console.watch.allowed.append(".")
        console.page.evaluate("text => document.querySelector('main').insertAdjacentHTML('beforeend', text)", payload)
        assert console.page.evaluate(HARM) != []
        assert console.page.evaluate("self.harmed") is None  # and even then the page's policy runs no script
