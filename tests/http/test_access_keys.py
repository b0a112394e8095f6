"""What an access key may do: each right against each route, for keys of the account and of one workflow, on a platform
of one's own and on a hosted one.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.routing import Route

from arcrun.limits import ACCESS_KEY_USE_STEP_MS, MAX_ACCESS_KEYS
from executor.access import OwnerAccess
from executor.app import build_app
from executor.keys.scopes import hide_secrets
from fakes.components import echo
from fakes.executor import API_KEY, Bench, build_bench
from fakes.tenants import MAIL_DOMAIN, build_hosted

pytestmark = pytest.mark.anyio

RIGHTS = ("read", "run", "push", "admin")
ALL, MANY, ONE = "all", "many", "one"  # what a key of one workflow gets: nothing, its own of a list, its own alone
# Each route: the right that it needs, what a key of one workflow gets of it, and a body.
ROUTES: dict[tuple[str, str], tuple[str, str, Any]] = {
    ("GET", "/webhooks"): ("read", MANY, None),
    ("GET", "/webhooks/named/{name}"): ("read", ONE, None),
    ("GET", "/webhooks/named/{name}/versions/{version}"): ("read", ONE, None),
    ("GET", "/webhooks/{token}"): ("read", ONE, None),
    ("GET", "/runs"): ("read", MANY, None),
    ("GET", "/runs/recent"): ("read", MANY, None),
    ("GET", "/runs/unsettled"): ("read", MANY, None),
    ("GET", "/runs/{run_id}"): ("read", ONE, None),
    ("GET", "/runs/{run_id}/follow"): ("read", ONE, None),
    ("GET", "/runs/{run_id}/approvals"): ("read", ONE, None),
    ("GET", "/usage"): ("read", "", None),
    ("GET", "/plan"): ("read", "", None),
    ("GET", "/schedules"): ("read", MANY, None),
    ("GET", "/schedules/{name}"): ("read", ONE, None),
    ("GET", "/schedules/{name}/seen"): ("read", ONE, None),
    ("GET", "/stores"): ("read", MANY, None),
    ("GET", "/stores/workflow/{name}"): ("read", ONE, None),
    ("GET", "/stores/workflow/{name}/entry"): ("read", ONE, None),
    ("GET", "/audit"): ("read", ALL, None),
    ("GET", "/checks"): ("read", ALL, None),
    ("GET", "/components"): ("read", "", None),
    ("GET", "/components/{id}"): ("read", "", None),
    ("GET", "/components/{id}/versions"): ("read", "", None),
    ("POST", "/webhooks/named/{name}/trigger"): ("run", ONE, {}),
    ("GET", "/runs/{run_id}/input"): ("run", ONE, None),
    ("GET", "/runs/{run_id}/attachments/{number}"): ("run", ONE, None),
    ("POST", "/runs/{run_id}/cancel"): ("run", ONE, None),
    ("POST", "/runs/{run_id}/dismiss"): ("run", ONE, None),
    ("POST", "/runs/{run_id}/events/{event}"): ("run", ONE, {}),
    ("POST", "/runs/{run_id}/approvals/{node:path}"): ("run", ONE, {}),
    ("POST", "/runs/{run_id}/decisions/{node:path}"): ("run", ONE, {}),
    ("POST", "/runs/{run_id}/replay"): ("run", ONE, {}),
    ("POST", "/runs/{run_id}/retry"): ("run", ONE, {}),
    ("POST", "/schedules/{name}/run"): ("run", ONE, {}),
    ("POST", "/validate"): ("push", "", {"workflow": {"name": "w", "flow": ["a >> PIPE >> b"]}}),
    ("POST", "/webhooks"): ("push", "", {"workflow": "name: w"}),
    ("PUT", "/webhooks/{token}"): ("push", ONE, {"workflow": "name: w"}),
    ("POST", "/webhooks/named/{name}/rollback"): ("push", ONE, {"version": 9}),
    ("POST", "/webhooks/named/{name}/pause"): ("push", ONE, {}),
    ("POST", "/webhooks/named/{name}/resume"): ("push", ONE, {}),
    ("POST", "/schedules/{name}/pause"): ("push", ONE, None),
    ("POST", "/schedules/{name}/resume"): ("push", ONE, None),
    ("PUT", "/schedules/{name}/seen"): ("push", ONE, {}),
    ("PUT", "/stores/workflow/{name}/entries"): ("push", ONE, {}),
    ("PUT", "/stores/workflow/{name}/entry"): ("push", ONE, {}),
    ("DELETE", "/stores/workflow/{name}/entry"): ("push", ONE, None),
    ("DELETE", "/stores/workflow/{name}"): ("push", ONE, None),
    ("POST", "/execute"): ("push", ALL, {}),
    ("POST", "/runs/resume"): ("push", ALL, None),
    ("POST", "/webhooks/pause"): ("push", ALL, {"on_trigger": "nonsense"}),
    ("POST", "/webhooks/resume"): ("push", ALL, {}),
    ("POST", "/webhooks/{token}/rotate"): ("push", ONE, {"token": 5}),
    ("GET", "/credentials"): ("push", ALL, None),
    ("GET", "/credentials/uses"): ("push", ALL, None),
    ("POST", "/credentials/{name}/try"): ("push", ALL, {"more": 1}),
    ("POST", "/data-keys/renew"): ("admin", ALL, None),
    ("PUT", "/credentials/{name}"): ("admin", ALL, {}),
    ("DELETE", "/credentials/{name}"): ("admin", ALL, None),
    ("DELETE", "/stores"): ("admin", ALL, None),
    ("POST", "/audit"): ("admin", ALL, {}),
    ("GET", "/keys"): ("admin", ALL, None),
    ("POST", "/keys"): ("admin", ALL, {}),
    ("DELETE", "/keys/{name}"): ("admin", ALL, None),
    ("GET", "/sessions"): ("admin", ALL, None),
    ("DELETE", "/sessions/{id}"): ("admin", ALL, None),
    ("POST", "/session/links"): ("read", "", {"read_only": "no"}),
    ("DELETE", "/webhooks/{token}"): ("push", ONE, None),
    ("DELETE", "/sessions"): ("admin", ALL, None),  # last: nothing is there then
}
OPEN = ("/health", "/console", "/session", "/webhooks/{token}/trigger", "/webhooks/{token}/trigger/{path:path}")
FLOW = ["input >> PIPE >> tell", "tell >> PIPE >> output"]
CHANGED_BY_SIGNING_IN = ("workspace sessions", "workspace audit", "workspace sqlite_sequence")
ORIGIN = "https://arcrun.test"
SAME_ORIGIN = {"sec-fetch-site": "same-origin", "origin": ORIGIN}
Ask = Callable[..., Awaitable[httpx.Response]]


def workflow(name: str) -> dict[str, Any]:
    return {"name": name, "flow": FLOW, "config": {"tell": {"component": "echo", "text": "hi {{input.url?}}"}}}


class Platform:
    """An account with two workflows, `mine` and `other`, each run once, and a way to ask it with any key."""

    def __init__(self, app: Any, own_key: str, finish: Callable[[], Awaitable[object]], clock: Any) -> None:
        self.app, self.own_key, self.finish, self.clock = app, own_key, finish, clock
        self.known: dict[str, dict[str, str]] = {}
        self.cookies: dict[str, str] | None = None  # of sessions, by their keys, where a browser asks

    async def ask(self, method: str, path: str, key: str, body: Any = None) -> httpx.Response:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as client:
            headers = {"x-arcrun-api-key": key} if self.cookies is None else await self._sign_in(client, key)
            return await client.request(method, path, json=body, headers=headers)

    async def _sign_in(self, client: httpx.AsyncClient, key: str) -> dict[str, str]:
        """What a browser sends that has signed in with `key`."""
        assert self.cookies is not None
        if key not in self.cookies:
            begun = await client.post("/session", json={"key": key}, headers=SAME_ORIGIN)
            assert begun.status_code == 201, begun.text
            self.cookies[key] = begun.headers["set-cookie"].partition(";")[0]
        return {"cookie": self.cookies[key], **SAME_ORIGIN}

    async def set_up(self) -> None:
        for name in ("mine", "other"):
            pushed = (await self.ask("POST", "/webhooks", self.own_key, {"workflow": workflow(name)})).json()["data"]
            run = await self.ask("POST", f"/webhooks/named/{name}/trigger", self.own_key, {})
            self.known[name] = {"token": pushed["token"], "run_id": run.json()["run_id"], "name": name}
        await self.finish()

    async def make_key(self, name: str, can: str, **fields: Any) -> str:
        made = await self.ask("POST", "/keys", self.own_key, {"name": name, "can": can, **fields})
        assert made.status_code == 201, made.text
        return str(made.json()["data"]["key"])

    def path_of(self, route: str, name: str) -> str:
        parts = {**self.known[name], "version": "1", "number": "1", "event": "paid", "node:path": "pay", "id": "none"}
        for part, value in parts.items():
            route = route.replace(f"{{{part}}}", value)
        return route


async def open_own() -> Platform:
    bench = build_bench({"echo": echo})
    platform = Platform(build_app(OwnerAccess(bench.service, API_KEY)), API_KEY, bench.background.finish, bench.clock)
    await platform.set_up()
    return platform


async def open_hosted() -> Platform:
    bench = await build_hosted({"echo": echo}, "a")
    app = build_app(bench.access, "https://executor.test", MAIL_DOMAIN)
    platform = Platform(app, bench.keys["a"], bench.background.finish, bench.clock)
    await platform.set_up()
    return platform


@pytest.fixture(params=[open_own, open_hosted], ids=["own", "hosted"])
async def platform(request: pytest.FixtureRequest) -> Any:
    return await request.param()


@pytest.fixture(params=[False, True], ids=["keys", "sessions"])
def asked(request: pytest.FixtureRequest, platform: Platform) -> Platform:
    """The platform, asked with keys or by browsers that have signed in with them."""
    platform.cookies = {} if request.param else None
    return platform


def test_every_route_is_in_the_matrix() -> None:
    app = build_app(OwnerAccess(build_bench({}).service, API_KEY))
    routes = [route for route in app.routes if isinstance(route, Route)]
    found = {(method, route.path) for route in routes for method in route.methods or () if method != "HEAD"}
    listed = {(method, path.replace("/stores/workflow/", "/stores/{kind}/")) for method, path in ROUTES}
    assert {each for each in found if each[1] not in OPEN and "/approvals/{run_id}/{ticket}" not in each[1]} == listed


def list_stored(bench: Bench) -> dict[str, Any]:
    """Everything that an account has stored, without when keys and sessions were last used."""
    sqls = {"workspace": bench.workspace.sql, "store": bench.store.sql}
    sqls |= {f"log {number}": sql for number, sql in bench.logs.sql.items()}
    stored: dict[str, Any] = {}
    for name, sql in sqls.items():
        for each in sql.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"):
            rows = sql.execute(f"SELECT * FROM {each['name']}")
            stored[f"{name} {each['name']}"] = [{**row, "used_ms": None} for row in rows]
    for name in ("kv", "records", "verdicts", "credentials"):
        stored[name] = list(getattr(bench, name).writes)
    return stored


async def test_no_get_changes_anything() -> None:
    """So a browser's session may do without its Origin there."""
    bench = build_bench({"echo": echo})
    platform = Platform(build_app(OwnerAccess(bench.service, API_KEY)), API_KEY, bench.background.finish, bench.clock)
    await platform.set_up()
    # An object makes its key, and looks for what is to be imported, once.
    for path in ("/webhooks", "/runs", "/stores/workflow/mine/entry?key=a"):
        await platform.ask("GET", path, API_KEY)
    before = list_stored(bench)
    platform.cookies = {}
    for method, route in ROUTES:
        if method == "GET":
            for asked in ("GET", "HEAD"):
                await platform.ask(asked, platform.path_of(route, "mine"), API_KEY)
    await platform.finish()
    sessions = {key: rows for key, rows in list_stored(bench).items() if key not in CHANGED_BY_SIGNING_IN}
    assert sessions == {key: rows for key, rows in before.items() if key not in CHANGED_BY_SIGNING_IN}


def refuses(answer: httpx.Response) -> bool:
    return answer.status_code in (403, 404) and answer.json()["error"]["code"] == "KEY_NOT_ALLOWED"


async def test_each_right_against_each_route(asked: Platform) -> None:
    keys = {can: await asked.make_key(can, can) for can in RIGHTS}
    for (method, route), (needed, _, body) in ROUTES.items():
        path = asked.path_of(route, "other")
        for can in RIGHTS if method == "GET" else RIGHTS[: RIGHTS.index(needed) + 1]:
            answer = await asked.ask(method, path, keys[can], body)
            is_enough = RIGHTS.index(can) >= RIGHTS.index(needed)
            assert refuses(answer) is not is_enough, (method, route, can, answer.text)
            assert answer.status_code != 401


async def test_a_key_of_one_workflow(asked: Platform) -> None:
    keys = {can: await asked.make_key(f"{can}_mine", can, workflow="mine") for can in RIGHTS[:3]}
    for (method, route), (needed, gets, body) in ROUTES.items():
        if needed == "admin":
            continue
        own = await asked.ask(method, asked.path_of(route, "mine"), keys[needed], body)
        assert refuses(own) is (gets == ALL), (method, route, own.text)
        if gets == ONE:
            other = await asked.ask(method, asked.path_of(route, "other"), keys[needed], body)
            assert refuses(other), (method, route, other.text)
        if gets == MANY:
            assert "other" not in own.text, (method, route, own.text)
    assert refuses(await asked.ask("GET", "/runs?workflow=other", keys["read"]))
    assert refuses(await asked.ask("GET", "/stores/shared/mine", keys["read"]))
    pushed = await asked.ask("POST", "/webhooks", keys["push"], {"workflow": workflow("other")})
    assert pushed.status_code == 403
    assert (await asked.ask("POST", "/webhooks", keys["push"], {"workflow": workflow("mine")})).status_code == 201


async def test_lists_have_what_belongs_to_the_workflow(asked: Platform) -> None:
    key = await asked.make_key("k", "read", workflow="mine")
    workflows = (await asked.ask("GET", "/webhooks", key)).json()["data"]["workflows"]
    assert [each["name"] for each in workflows] == ["mine"]
    runs = (await asked.ask("GET", "/runs?limit=5", key)).json()["data"]["runs"]
    assert [each["workflow"] for each in runs] == ["mine"]
    assert (await asked.ask("GET", "/runs?limit=5&workflow=mine", key)).json()["data"]["runs"] == runs


async def test_who_reads_sees_no_tokens(asked: Platform) -> None:
    read, run = await asked.make_key("r", "read"), await asked.make_key("x", "run")
    tokens = [known["token"] for known in asked.known.values()]
    paths = ["/webhooks", "/webhooks/named/mine", "/webhooks/named/mine/versions/1", "/runs", "/audit"]
    paths += [f"/runs/{known['run_id']}" for known in asked.known.values()]
    for path in paths:
        answer = await asked.ask("GET", path, read)
        assert answer.json()["success"], answer.text
        assert not any(token in answer.text for token in tokens), (path, answer.text)
        assert int(answer.headers["content-length"]) == len(answer.content)
    assert tokens[0] in (await asked.ask("GET", "/webhooks/named/mine", run)).text


async def test_who_follows_a_run_sees_none_either(platform: Platform) -> None:
    """Events, and the answers of runs in lines, come in parts."""
    hook = f"https://x/webhooks/{platform.known['mine']['token']}/trigger"
    run = await platform.ask("POST", "/webhooks/named/mine/trigger", platform.own_key, {"url": hook})
    await platform.finish()
    transport = httpx.ASGITransport(platform.app, raise_app_exceptions=False)
    for name, can, is_shown in (("r", "read", False), ("x", "run", True)):
        key = await platform.make_key(name, can)
        headers = {"x-arcrun-api-key": key, "accept": "text/event-stream"}
        async with httpx.AsyncClient(transport=transport, base_url="https://arcrun.test", headers=headers) as client:
            told = await client.get(f"/runs/{run.json()['run_id']}/follow")
        assert told.text.startswith(("event:", "retry:")), told.text
        assert (hook in told.text, "/webhooks/…/trigger" in told.text) == (is_shown, not is_shown)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"token":"abc","b":1}', '{"token":"…","b":1}'),
        ('{"webhook_url": "https://x/webhooks/abc/trigger"}', '{"webhook_url": "…"}'),
        ('{"text":"see https://x/webhooks/ab12/trigger/y?z"}', '{"text":"see https://x/webhooks/…/trigger/y?z"}'),
        ('{"text":"https://x/webhooks/named/orders"}', '{"text":"https://x/webhooks/named/orders"}'),
        ('{"t":"https://x/approvals/01J/aB-_.9 ok"}', '{"t":"https://x/approvals/01J/… ok"}'),
        ('{"t":"https://x/accounts/tn/approvals/01J/aB"}', '{"t":"https://x/accounts/tn/approvals/01J/…"}'),
        ('{"email_address":"orders+tag@in.example.com"}', '{"email_address":"…"}'),
        ('{"token":"a\\"b","n":1}', '{"token":"…","n":1}'),
        ('{"token":"ends in \\\\","n":1}', '{"token":"…","n":1}'),
        ('{"token":"\\",\\"status\\":\\"ok"}', '{"token":"…"}'),
        ('{"text":"{\\"token\\": \\"ab12\\", \\"n\\": 1}"}', '{"text":"{\\"token\\": \\"…\\", \\"n\\": 1}"}'),
        (
            '{"t":"?to=https%3A%2F%2Fx%2Fwebhooks%2Fab12%2ftrigger"}',
            '{"t":"?to=https%3A%2F%2Fx%2Fwebhooks%2F…%2ftrigger"}',
        ),
        ('{"t":"?to=%2fapprovals%2f01J%2FaB-_.9"}', '{"t":"?to=%2fapprovals%2f01J%2F…"}'),
    ],
)
async def test_what_is_hidden(text: str, expected: str) -> None:
    assert hide_secrets(text.encode()).decode() == expected


@given(
    st.dictionaries(
        st.sampled_from(["token", "webhook_url", "email_address", "other", '"token"', "/webhooks/a"]),
        st.text(alphabet='"\\\\/,:{}[] tokenwebhks%2F…é\\n', max_size=40) | st.none() | st.integers(),
    )
)
def test_what_is_hidden_leaves_the_rest_as_it_is(value: dict[str, Any]) -> None:
    """Whatever a caller has sent: an answer that is no JSON would hide the whole run, one that lies shows another."""
    text = json.dumps({"data": value, "text": json.dumps(value), "end": 1}, ensure_ascii=False)
    shown = json.loads(hide_secrets(text.encode()))
    assert shown.keys() == {"data", "text", "end"}
    assert [*shown["data"]] == [hide_secrets(name.encode()).decode() for name in value]
    for name in value.keys() & {"token", "webhook_url", "email_address"}:
        assert shown["data"][name] == ("…" if isinstance(value[name], str) else value[name])


async def test_keys_are_made_listed_and_revoked(platform: Platform) -> None:
    key = await platform.make_key("dash", "read", workflow="mine", expires_in_s=3600)
    assert key.startswith("acrk_")
    again = await platform.ask("POST", "/keys", platform.own_key, {"name": "dash", "can": "run"})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "KEY_EXISTS")
    [listed] = (await platform.ask("GET", "/keys", platform.own_key)).json()["data"]["keys"]
    assert (listed["name"], listed["can"], listed["workflow"], listed["last_used_at"]) == ("dash", "read", "mine", None)
    assert key not in str(listed)
    assert (await platform.ask("GET", "/runs", key)).status_code == 200
    [listed] = (await platform.ask("GET", "/keys", platform.own_key)).json()["data"]["keys"]
    first_use = listed["last_used_at"]
    assert first_use is not None
    platform.clock.advance(ACCESS_KEY_USE_STEP_MS + 1)
    assert (await platform.ask("GET", "/runs", key)).status_code == 200
    [listed] = (await platform.ask("GET", "/keys", platform.own_key)).json()["data"]["keys"]
    assert listed["last_used_at"] > first_use
    assert (await platform.ask("DELETE", "/keys/dash", platform.own_key)).status_code == 200
    platform.clock.advance(20_001)
    assert (await platform.ask("GET", "/runs", key)).status_code == 401
    gone = await platform.ask("DELETE", "/keys/dash", platform.own_key)
    assert (gone.status_code, gone.json()["error"]["code"]) == (404, "ACCESS_KEY_NOT_FOUND")
    audit = (await platform.ask("GET", "/audit", platform.own_key)).json()["data"]["lines"]
    told = [(line["action"], line["subject"], line["detail"]) for line in audit if line["action"].startswith("key.")]
    assert told == [("key.revoke", "dash", None), ("key.create", "dash", "can read in mine")]


async def test_the_audit_log_names_the_key(platform: Platform) -> None:
    key = await platform.make_key("ci", "push")
    [listed] = (await platform.ask("GET", "/keys", platform.own_key)).json()["data"]["keys"]
    await platform.ask("POST", "/webhooks/named/mine/pause", key, {})
    [line, *_] = (await platform.ask("GET", "/audit", platform.own_key)).json()["data"]["lines"]
    assert (line["action"], line["key_id"]) == ("workflow.pause", listed["id"])


async def test_a_key_ends_at_its_time(platform: Platform) -> None:
    key = await platform.make_key("short", "read", expires_in_s=60)
    assert (await platform.ask("GET", "/runs", key)).status_code == 200
    platform.clock.advance(61_000)
    assert (await platform.ask("GET", "/runs", key)).status_code == 401


async def test_keys_that_are_none(platform: Platform) -> None:
    for key in ("acrk_", "acrk_nonsense", f"acrk_{'0' * 32}", f"acrk_{platform.known['mine']['token']}"):
        assert (await platform.ask("GET", "/runs", key)).status_code == 401
    token = (await platform.make_key("k", "admin")).removeprefix("acrk_")
    assert (await platform.ask("POST", f"/webhooks/{token}/trigger", "", {})).status_code == 404


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"can": "read"}, "`name` must be"),
        ({"name": "a b", "can": "read"}, "`name` must be"),
        ({"name": "x", "can": "write"}, "`can` must be one of read, run, push, admin"),
        ({"name": "x", "can": "admin", "workflow": "w"}, "`admin` is for the whole account"),
        ({"name": "x", "can": "read", "workflow": "a b"}, "`workflow` must be"),
        ({"name": "x", "can": "read", "expires_in_s": 0}, "`expires_in_s` must be"),
        ({"name": "x", "can": "read", "expires_in_s": True}, "`expires_in_s` must be"),
        ({"name": "x", "can": "read", "more": 1}, "more"),
    ],
)
async def test_keys_that_cannot_be(body: Any, problem: str) -> None:
    platform = await open_own()
    answer = await platform.ask("POST", "/keys", platform.own_key, body)
    assert answer.status_code == 400
    assert problem in answer.json()["error"]["message"]


async def test_there_are_only_so_many() -> None:
    platform = await open_own()
    for number in range(MAX_ACCESS_KEYS):
        await platform.make_key(f"k{number}", "read")
    answer = await platform.ask("POST", "/keys", platform.own_key, {"name": "more", "can": "read"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "TOO_MANY_KEYS")


async def test_without_a_key_of_its_own_the_platform_has_none() -> None:
    bench = build_bench({})
    platform = Platform(build_app(OwnerAccess(bench.service, None)), "", bench.background.finish, bench.clock)
    assert (await platform.ask("GET", "/runs", "acrk_" + "0" * 32)).status_code == 503


async def test_a_tenant_s_keys_are_its_own_and_go_with_it() -> None:
    bench = await build_hosted({"echo": echo}, "a", "b")
    made = await bench.ask("POST", "/keys", bench.keys["a"], {"name": "k", "can": "admin"})
    key = made.json()["data"]["key"]
    await bench.ask("POST", "/webhooks", bench.keys["b"], {"workflow": workflow("theirs")})
    assert (await bench.ask("GET", "/webhooks", key)).json()["data"]["workflows"] == []
    assert (await bench.ask("GET", "/keys", bench.keys["b"])).json()["data"]["keys"] == []
    tenant = next(iter(bench.workspaces))
    stored = str([row for workspace in bench.workspaces.values() for row in await workspace.list_access_keys()])
    assert "admin" not in stored  # sealed, as all that is a tenant's
    assert key not in stored
    await bench.workspaces[tenant].close()
    assert await bench.workspaces[tenant].list_access_keys() == []
