"""Proves in a real browser that what a webhook answers is confined, whatever its type: with the visitor's cookies it
reads no other route, registers no service worker, and replaces no cookie of the origin; and that what may work works:
forms, cookies of the webhook's own, CORS.

A control page without the headers, on an origin of its own, shows that the attack would succeed there.
"""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from workerd.browser import Browser, Page, running_browser
from workerd.local_platform import LocalPlatform

SESSION, VISITOR = ("__Host-session", "session-of-the-console"), ("visitor", "cookie-of-the-visitor")
PROOF = "document.documentElement.setAttribute('data-ran', '1')"
HTML = f"<!doctype html><title>t</title><body><script>{PROOF}</script>"
SVG = f'<svg xmlns="http://www.w3.org/2000/svg"><script>{PROOF}</script></svg>'
XHTML = f'<html xmlns="http://www.w3.org/1999/xhtml"><head/><body><script>{PROOF}</script></body></html>'
XML = f'<r xmlns:x="http://www.w3.org/1999/xhtml"><x:script>{PROOF}</x:script></r>'
JAVASCRIPT = "self.loaded = 'evil'; if (self.document) self.document.title = 'evil'"

# What a page tries, each with what came of it: `null` where nothing did. VICTIM, SCRIPT and ORIGIN are replaced.
ATTACK = """(async () => {
  const within = (promise, ms = 3000) => Promise.race([promise, new Promise((done) => setTimeout(done, ms, null))]);
  const attempt = async (run) => { try { return (await within((async () => run())())) ?? null } catch { return null } };
  const framed = () => new Promise((done) => {
    const frame = document.createElementNS('http://www.w3.org/1999/xhtml', 'iframe');
    frame.onload = () => { try { done(frame.contentDocument.documentElement.textContent) } catch { done(null) } };
    frame.src = 'VICTIM?by=frame';
    document.documentElement.append(frame);
  });
  const opened = async () => {
    const other = window.open('VICTIM?by=popup');
    await new Promise((done) => setTimeout(done, 300));
    try { return other.document.documentElement.textContent } finally { other?.close() }
  };
  const asked = (url) => new Promise((done) => {
    const request = new XMLHttpRequest();
    request.withCredentials = true;
    request.onload = () => done(request.responseText);
    request.onerror = () => done(null);
    request.open('GET', url);
    request.send();
  });
  return {
    origin: self.origin === 'null' ? null : self.origin,
    reads_cookies: await attempt(() => document.cookie || null),
    sets_cookie: await attempt(() => { document.cookie = 'planted=1; path=/'; return 'done' }),
    replaces_cookie: await attempt(() => { document.cookie = 'visitor=evil; path=/'; return 'done' }),
    replaces_session: await attempt(async () => {
      document.cookie = '__Host-session=evil; path=/; secure';
      return document.cookie.includes('session=evil') || null;
    }),
    store: await attempt(() => cookieStore.getAll().then((found) => found.length ? 'read' : null)),
    storage: await attempt(() => { localStorage.setItem('a', '1'); return 'done' }),
    database: await attempt(() => new Promise((done) => {
      const request = indexedDB.open('a');
      request.onsuccess = () => done('done');
      request.onerror = () => done(null);
    })),
    caches: await attempt(() => caches.open('a').then(() => 'done')),
    service_worker: await attempt(() => navigator.serviceWorker.register('SCRIPT').then(() => 'done')),
    worker: await attempt(() => { new Worker('SCRIPT'); return 'done' }),
    fetches: await attempt(() => fetch('VICTIM?by=fetch', {credentials: 'include'}).then((it) => it.text())),
    fetches_bare: await attempt(() => fetch('VICTIM?by=bare').then((it) => it.text())),
    fetches_route: await attempt(() => fetch('ORIGIN/health', {credentials: 'include'}).then((it) => it.text())),
    posts: await attempt(() => fetch('VICTIM?by=post', {method: 'POST', body: '{}'}).then((it) => it.text())),
    asks: await attempt(() => asked('VICTIM?by=xhr')),
    imports: await attempt(() => import('SCRIPT').then(() => 'done')),
    frames: await attempt(framed),
    opens: await attempt(opened),
  };
})()"""


def page_with(response: dict[str, Any], **webhook: Any) -> dict[str, Any]:
    return {
        "triggers": {"webhook": {"methods": ["GET", "POST"], **webhook}},
        "response": response,
        "flow": ["input >> PIPE >> made"],
        "config": {"made": {"component": "set", "values": {"method": "{{request.method}}"}}},
    }


SEEN = {
    "cookie": "{{request.headers.cookie?}}",
    "site": '{{request.headers["sec-fetch-site"]?}}',
    "by": "{{request.query.by?}}",
}
# Which routes a page of this name is; each is a workflow.
TYPED = {"content-type": "text/html"}
ACTIVE: dict[str, dict[str, Any]] = {
    "html": {"html": HTML},
    "html-404": {"html": HTML, "status": 404},
    "html-policy": {"html": HTML, "headers": {"content-security-policy": "sandbox allow-scripts allow-same-origin"}},
    "html-failed": {"body": "{{made.data.nothing}}", "on_failure": {"html": HTML}},
    "body-html": {"body": HTML, "headers": TYPED},
    "body-svg": {"body": SVG, "headers": {"content-type": "image/svg+xml"}},
    "body-xhtml": {"body": XHTML, "headers": {"content-type": "application/xhtml+xml"}},
    "body-xml": {"body": XML, "headers": {"content-type": "text/xml"}},
    "json-html": {"json": HTML, "headers": TYPED},
    "file-html": {"file": {"base64": "{{input.file | base64}}", "content_type": "text/html"}},
    "file-svg": {"file": {"base64": "{{input.file | base64}}", "content_type": "image/svg+xml"}},
    "file-xml": {"file": {"base64": "{{input.file | base64}}", "content_type": "application/xml"}},
}
FILES = {"file-html": HTML, "file-svg": SVG, "file-xml": XML}
STILL: dict[str, dict[str, Any]] = {
    "body": {"body": HTML},
    "json": {"json": {"html": HTML}},
    "plain": {"status": 200},
    "file": {"file": {"base64": "{{input.file | base64}}", "content_type": "text/plain"}},
    "javascript": {"body": JAVASCRIPT, "headers": {"content-type": "text/javascript"}},
    "file-javascript": {"file": {"base64": "{{input.file | base64}}", "content_type": "text/javascript"}},
}
FILES |= {"file": HTML, "file-javascript": JAVASCRIPT}
OTHERS: dict[str, dict[str, Any]] = {
    "victim": {
        "triggers": {"webhook": {"methods": ["GET", "POST"], "record_headers": ["cookie"]}},
        "flow": ["input >> PIPE >> seen"],
        "config": {"seen": {"component": "set", "values": SEEN}},
    },
    "own-cookie": page_with({"html": HTML, "headers": {"set-cookie": ["theme=dark", "visitor=other; Secure"]}}),
    "form": page_with({"html": '<form method="post"><input name="a" value="{{made.data.method}}"></form>'}),
    "shared": page_with({"json": SEEN}, cors={"origins": ["*"]}),
    "unshared": page_with({"json": SEEN}),
    "refusing": page_with({"status": 418}, cors={"origins": ["*"], "methods": ["POST", "PATCH"]}),
}


class Control(BaseHTTPRequestHandler):
    """Pages of another origin: what is asked for, without any header that confines it."""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        kind = "text/javascript" if path == "/script" else "application/json" if path == "/victim" else "text/html"
        content = JAVASCRIPT if path == "/script" else '{"cookie": "seen"}' if path == "/victim" else HTML
        self.send_response(200)
        self.send_header("content-type", kind)
        self.end_headers()
        self.wfile.write(content.encode())

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with running_browser(tmp_path_factory.mktemp("browser")) as running:
        yield running


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with browser.new_page() as page:
        yield page


@pytest.fixture(scope="module")
def control() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Control) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def hooks(platform: LocalPlatform) -> dict[str, str]:
    """The webhooks' URLs by name."""
    sources = {**{name: page_with(response) for name, response in {**ACTIVE, **STILL}.items()}, **OTHERS}
    urls = {}
    with platform.executor as owner:
        for name, source in sources.items():
            pushed = owner.post("/webhooks", json={"workflow": {"name": f"browser-{name}", **source}}).json()
            assert pushed["success"], pushed
            urls[name] = f"{platform.urls['executor']}/webhooks/{pushed['data']['token']}/trigger"
    return urls


def attack(page: Page, victim: str, script: str) -> dict[str, Any]:
    """What came of the attempts that came to something."""
    origin = victim.partition("/webhooks")[0].removesuffix("/victim")
    tried = page.run(ATTACK.replace("VICTIM", victim).replace("SCRIPT", script).replace("ORIGIN", origin))
    return {name: result for name, result in tried.items() if result is not None}


def sign_in(page: Page, url: str) -> dict[tuple[str, str], str]:
    """Give the visitor the cookies of a console, and of something else on the same origin. Returns all cookies."""
    page.set_cookie(url, *SESSION, path="/", secure=True, httpOnly=True, sameSite="Strict")
    page.set_cookie(url, *VISITOR, path="/")
    cookies = page.list_cookies()
    assert cookies == {(SESSION[0], "/"): SESSION[1], (VISITOR[0], "/"): VISITOR[1]}
    return cookies


def open_hook(page: Page, hooks: dict[str, str], name: str) -> None:
    page.open(hooks[name] + (f"?file={_escape(FILES[name])}" if name in FILES else ""))


def _escape(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode())


def test_the_attack_succeeds_where_nothing_confines_it(page: Page, control: str) -> None:
    page.set_cookie(control, *SESSION, path="/", secure=True, httpOnly=True)
    page.set_cookie(control, *VISITOR, path="/")
    page.open(control)
    done = attack(page, f"{control}/victim", f"{control}/script")
    assert {*done} == {
        *("origin", "reads_cookies", "sets_cookie", "replaces_cookie", "store", "storage", "database", "caches"),
        *("service_worker", "worker", "fetches", "fetches_bare", "fetches_route", "posts", "asks", "imports", "frames"),
        "opens",
    }
    assert page.list_cookies()[VISITOR[0], "/"] == "evil"


@pytest.mark.parametrize("name", [*ACTIVE, *STILL])
def test_a_page_can_do_nothing_in_its_visitors_name(page: Page, hooks: dict[str, str], name: str) -> None:
    cookies = sign_in(page, hooks["victim"])
    open_hook(page, hooks, name)
    assert page.run("document.documentElement.getAttribute('data-ran')") == ("1" if name in ACTIVE else None)
    assert attack(page, hooks["victim"], hooks["javascript"]) == {}
    assert page.list_cookies() == cookies
    page.open(hooks["victim"].partition("/webhooks")[0] + "/health")
    assert page.run("navigator.serviceWorker.getRegistrations().then((found) => found.length)") == 0


def test_no_request_of_a_page_comes_in_the_visitors_name(
    page: Page, hooks: dict[str, str], platform: LocalPlatform
) -> None:
    """What the victim saw of the attacks' requests. A popup is a visit of its own, to which Lax cookies go; but as it
    comes from another site, no console's session counts.
    """
    sign_in(page, hooks["victim"])
    open_hook(page, hooks, "html")
    attack(page, hooks["victim"], hooks["javascript"])
    seen = list_seen(platform)
    assert {it["by"] for it in seen} >= {"fetch", "bare", "post", "xhr", "frame", "popup"}
    assert {it["site"] for it in seen} == {"cross-site"}
    assert {it["cookie"] for it in seen if it["by"] != "popup"} == {None}
    assert not [it for it in seen if SESSION[1] in (it["cookie"] or "")]


def list_seen(platform: LocalPlatform) -> list[dict[str, Any]]:
    """What the victim has seen of each request."""
    with platform.executor as owner:
        runs = owner.get("/runs?workflow=browser-victim&limit=100").json()["data"]["runs"]
        return [owner.get(f"/runs/{run['run_id']}").json()["data"]["data"] for run in runs]


def test_a_webhook_sets_cookies_for_itself_alone(page: Page, hooks: dict[str, str]) -> None:
    before = sign_in(page, hooks["own-cookie"])
    page.open(hooks["own-cookie"])
    path = hooks["own-cookie"].removeprefix(hooks["own-cookie"].partition("/webhooks")[0])
    assert page.list_cookies() == {**before, ("theme", path): "dark", ("visitor", path): "other"}


def test_a_form_posts_to_its_own_page(page: Page, hooks: dict[str, str]) -> None:
    page.open(hooks["form"])
    assert page.run("document.querySelector('input').value") == "GET"
    page.run("document.forms[0].submit()")
    page.wait_until_loaded()
    assert page.run("document.querySelector('input').value") == "POST"


FETCH = "fetch('{}', {}).then((it) => it.text().then((text) => [it.status, text.length > 0]), () => 'refused')"
SENT = "{method: 'POST', headers: {'content-type': 'application/json'}, body: '{}'}"


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("shared", SENT, [200, True]),
        ("shared", "{}", [200, True]),
        ("unshared", SENT, "refused"),
        ("unshared", "{}", "refused"),
        ("shared", "{credentials: 'include'}", "refused"),
        ("refusing", "{method: 'POST'}", [418, True]),
        ("refusing", "{method: 'PATCH'}", [405, True]),
        ("refusing", "{method: 'DELETE'}", "refused"),
        ("shared", "{headers: {'x-other': '1'}}", "refused"),
    ],
)
def test_pages_of_other_origins(
    page: Page, control: str, hooks: dict[str, str], name: str, options: str, expected: Any
) -> None:
    page.open(control)
    assert page.run(FETCH.format(hooks[name], options)) == expected


def test_a_page_in_the_sandbox_has_no_origin_that_could_be_let_in(page: Page, hooks: dict[str, str]) -> None:
    page.open(hooks["html"])
    assert page.run(FETCH.format(hooks["shared"], "{}")) == "refused"
