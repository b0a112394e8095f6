"""Proves what the console is told of an account: its credentials by name, its components, its workflows' last runs."""

from typing import Any

import httpx
import pytest

from arcrun.errors import CredentialError
from arcrun.limits import MAX_RECENT_RUNS_SHOWN, MAX_RECORD_WAIT_MS, MAX_SECRET_BYTES, MAX_SHOWN_USES
from arcrun.times import render_time
from executor.access import OwnerAccess
from executor.app import build_app
from fakes.components import echo
from fakes.contracts import contract_source
from fakes.executor import API_KEY, Bench, build_bench

pytestmark = pytest.mark.anyio


class Console:
    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self._app = build_app(OwnerAccess(bench.service, API_KEY))

    async def ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        transport = httpx.ASGITransport(self._app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="https://arcrun.test") as client:
            return await client.request(method, path, json=body, headers={"x-arcrun-api-key": API_KEY})

    async def read(self, path: str) -> Any:
        answer = await self.ask("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    async def push(self, name: str, text: str = "hi", **more: Any) -> None:
        config = {"tell": {"component": "echo", "text": text}}
        flow = ["input >> ON_SUCCESS >> tell", "tell >> ON_SUCCESS >> output"]
        pushed = await self.ask(
            "POST", "/webhooks", {"workflow": {"name": name, "flow": flow, "config": config, **more}}
        )
        assert pushed.status_code == 201, pushed.text


@pytest.fixture
def console() -> Console:
    return Console(build_bench({"echo": echo}))


async def test_a_credential_is_set_listed_and_removed(console: Console) -> None:
    vault = console.bench.service.vault
    assert await console.read("/credentials") == {"credentials": []}
    assert (await console.ask("PUT", "/credentials/crm", {"value": "s3cret-\u5bc6"})).json()["data"] == {"name": "crm"}
    assert await vault.reveal("crm") == "s3cret-\u5bc6"
    assert "s3cret" not in str(await console.bench.credentials.get("cred:crm"))
    await console.ask("PUT", "/credentials/crm", {"value": "another"})
    assert await vault.reveal("crm") == "another"
    assert await console.read("/credentials") == {"credentials": [{"name": "crm"}]}
    assert (await console.ask("DELETE", "/credentials/crm")).status_code == 200
    with pytest.raises(CredentialError):
        await vault.reveal("crm")
    gone = await console.ask("DELETE", "/credentials/crm")
    assert (gone.status_code, gone.json()["error"]["code"]) == (404, "CREDENTIAL_NOT_FOUND")
    lines = (await console.read("/audit"))["lines"]
    assert [line["action"] for line in lines] == ["credential.delete", "credential.put", "credential.put"]
    assert "s3cret" not in str(lines)


@pytest.mark.parametrize(
    ("name", "body", "code"),
    [
        ("crm", {}, "INVALID_REQUEST"),
        ("crm", {"value": ""}, "INVALID_REQUEST"),
        ("crm", {"value": 7}, "INVALID_REQUEST"),
        ("crm", {"value": "x" * (MAX_SECRET_BYTES + 1)}, "INVALID_REQUEST"),
        ("crm", {"value": "x", "more": 1}, "UNKNOWN_KEY"),
        ("7crm", {"value": "x"}, "CREDENTIAL_NAME_INVALID"),
        ("x" * 129, {"value": "x"}, "CREDENTIAL_NAME_INVALID"),
    ],
)
async def test_what_is_no_credential_is_refused(console: Console, name: str, body: Any, code: str) -> None:
    answer = await console.ask("PUT", f"/credentials/{name}", body)
    assert answer.json()["error"]["code"] == code
    assert await console.read("/credentials") == {"credentials": []}


async def test_which_workflows_need_a_credential() -> None:
    required = [{"key": "bot", "inject_as": "token", "description": "a bot", "help_url": "https://example.com"}]
    contract = contract_source(canonical_id="bot", credentials_required=required)
    console = Console(build_bench({"echo": echo, "bot": echo}, contracts={"bot": contract}))
    await console.push("plain")
    await console.push("by_reference", "{{credential.crm}}")
    config = {"tell": {"component": "bot", "text": "x"}, "own": {"component": "bot", "credentials": {"bot": "mine"}}}
    flow = ["input >> ON_SUCCESS >> tell", "tell >> ON_SUCCESS >> own"]
    await console.push("by_contract", flow=flow, config=config)
    found = await console.read("/credentials/uses")
    assert found == {"uses": {"bot": ["by_contract"], "mine": ["by_contract"], "crm": ["by_reference"]}, "cursor": None}


async def test_uses_come_page_by_page(console: Console) -> None:
    names = [f"w{number:02}" for number in range(MAX_SHOWN_USES + 3)]
    for name in names:
        await console.push(name, "{{credential.crm}}")
    first = await console.read("/credentials/uses")
    assert first == {"uses": {"crm": names[:MAX_SHOWN_USES]}, "cursor": names[MAX_SHOWN_USES - 1]}
    rest = await console.read(f"/credentials/uses?cursor={first['cursor']}")
    assert rest == {"uses": {"crm": names[MAX_SHOWN_USES:]}, "cursor": None}


async def test_the_last_runs_of_each_workflow(console: Console) -> None:
    for name, count in (("busy", MAX_RECENT_RUNS_SHOWN + 5), ("quiet", 1), ("idle", 0)):
        await console.push(name)
        for _ in range(count):
            await console.ask("POST", f"/webhooks/named/{name}/trigger", {})
    flow = ["input >> ON_SUCCESS >> tell"]
    tried = {"name": "tried", "flow": flow, "config": {"tell": {"component": "echo"}}}
    await console.ask("POST", "/execute", {"workflow": tried})
    await console.bench.background.finish()
    found = (await console.read("/runs/recent"))["workflows"]
    assert {name: len(runs) for name, runs in found.items()} == {"busy": MAX_RECENT_RUNS_SHOWN, "quiet": 1}
    newest = [run["run_id"] for run in found["busy"]]
    assert newest == sorted(newest, reverse=True)
    assert found["quiet"][0]["status"] == "success"


async def test_of_the_last_runs_only_those_that_are_new_are_read(console: Console) -> None:
    """A list that is open asks again and again, and each run is a row to read."""
    await console.push("greet")
    for _ in range(3):
        await console.ask("POST", "/webhooks/named/greet/trigger", {})
    await console.bench.background.finish()
    console.bench.clock.advance(60_000)
    since = render_time(console.bench.clock.now_ms())
    newest = (await console.ask("POST", "/webhooks/named/greet/trigger", {})).json()["run_id"]
    await console.bench.background.finish()
    found = (await console.read(f"/runs/recent?since={since}"))["workflows"]
    assert [run["run_id"] for run in found["greet"]] == [newest]
    refused = await console.ask("GET", "/runs/recent?since=lately")
    assert refused.json()["error"]["code"] == "INVALID_REQUEST"


@pytest.mark.parametrize(("query", "waits"), [("", False), ("?wait_ms=0", False), ("?wait_ms=2000", True)])
async def test_a_record_that_is_not_stored_yet_is_waited_for(console: Console, query: str, waits: bool) -> None:
    slept = console.bench.clock.slept_ms
    answer = await console.ask("GET", f"/runs/{console.bench.service.runs.new_run_id()}{query}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "RUN_NOT_FOUND")
    assert (sum(slept) > MAX_RECORD_WAIT_MS / 2) == waits
    assert sum(slept) <= MAX_RECORD_WAIT_MS


async def test_a_record_is_shown_as_soon_as_it_is_stored(console: Console) -> None:
    await console.push("greet")
    run_id = (await console.ask("POST", "/webhooks/named/greet/trigger", {})).json()["run_id"]
    assert (await console.read(f"/runs/{run_id}?wait_ms=1000"))["status"] == "success"


async def test_a_record_is_waited_for_so_long_and_no_longer(console: Console) -> None:
    answer = await console.ask("GET", f"/runs/01M8GC07CW00G80EFX0MHY96AR?wait_ms={MAX_RECORD_WAIT_MS + 1}")
    assert answer.json()["error"]["code"] == "INVALID_REQUEST"


async def test_without_a_registry_there_are_no_more_components(console: Console) -> None:
    assert await console.read("/components") == {"components": [], "total": 0, "cursor": None}


class FakeRegistry:
    def __init__(self, status: int, answer: Any) -> None:
        self.status, self.answer = status, answer
        self.asked: list[tuple[str, dict[str, str]]] = []

    async def ask(self, path: str, query: Any) -> tuple[int, Any]:
        self.asked.append((path, dict(query)))
        return self.status, self.answer


async def test_the_registry_is_asked(console: Console) -> None:
    resolver: Any = console.bench.service.components.resolver
    resolver.registry = registry = FakeRegistry(200, {"success": True, "data": {"components": [1]}})
    assert await console.read("/components?q=mail&visibility=author_only&limit=5") == {"components": [1]}
    assert registry.asked == [("/components", {"q": "mail", "limit": "5"})]
    resolver.registry = FakeRegistry(404, {"success": False, "error": {"code": "COMPONENT_NOT_FOUND"}})
    assert (await console.ask("GET", "/components/none")).status_code == 404
    resolver.registry = FakeRegistry(500, {"secret": "of the registry"})
    failed = await console.ask("GET", "/components/none")
    assert (failed.status_code, failed.json()["error"]["code"]) == (503, "REGISTRY_UNAVAILABLE")
    assert "secret" not in failed.text
