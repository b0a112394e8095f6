"""`acr open` signs a browser in to the console, once; `acr sessions` lists and ends what has signed in."""

import asyncio
import json

import httpx
import pytest

from arcrun.workspace.audit import Actor
from fakes.command_line import CommandBench
from fakes.components import echo
from fakes.executor import PUBLIC_URL, build_bench

ORIGIN = PUBLIC_URL.rstrip("/")
FLOW = {"name": "orders", "flow": ["input >> PIPE >> a"], "config": {"a": {"component": "echo", "text": "x"}}}


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandBench:
    return CommandBench(build_bench({"echo": echo}), monkeypatch, capsys)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that a browser on a screen was given."""
    addresses: list[str] = []
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr("webbrowser.open", lambda url: addresses.append(url) or True)  # type: ignore[func-returns-value]
    return addresses


def sign_in(bench: CommandBench, url: str) -> httpx.Response:
    """What the console does with the address."""

    async def ask() -> httpx.Response:
        token = url.partition("#link=")[2].partition("&")[0]
        transport = httpx.ASGITransport(bench._app)
        headers = {"sec-fetch-site": "same-origin", "origin": ORIGIN}
        async with httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers=headers) as client:
            return await client.post("/session", json={"link": token})

    return asyncio.run(ask())


def test_it_opens_the_console_and_prints_no_link(bench: CommandBench, opened: list[str]) -> None:
    result = bench.run("open")
    [url] = opened
    assert url.startswith(f"{ORIGIN}/console/#link=acrl_")
    assert (result.code, result.out, result.err) == (0, "", f"Opened {ORIGIN}/console/\n")
    assert sign_in(bench, url).json()["data"]["can"] == "admin"
    assert sign_in(bench, url).json()["error"]["code"] == "LINK_USED"


def test_to_look_only(bench: CommandBench, opened: list[str]) -> None:
    assert bench.run("open", "--read-only").code == 0
    assert sign_in(bench, opened[0]).json()["data"]["can"] == "read"


def test_it_prints_the_address(bench: CommandBench, opened: list[str]) -> None:
    printed = bench.run("open", "--print")
    assert (printed.out.startswith(f"{ORIGIN}/console/#link=acrl_"), printed.err, opened) == (True, "", [])
    told = bench.run("open", "--json").answer["data"]
    assert (sorted(told), opened) == (["expires_at", "url"], [])


@pytest.mark.parametrize("has_display", [True, False])
def test_where_no_browser_opens_it_prints_too(
    bench: CommandBench, opened: list[str], monkeypatch: pytest.MonkeyPatch, has_display: bool
) -> None:
    if has_display:
        monkeypatch.setattr("webbrowser.open", lambda _url: False)
    else:
        for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "WSL_DISTRO_NAME"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setattr("sys.platform", "linux")
    result = bench.run("open")
    assert (result.out.startswith(f"{ORIGIN}/console/#link="), "Next: within a minute" in result.err) == (True, True)
    assert opened == []


def test_it_jumps_to_a_workflow_or_a_run(bench: CommandBench, opened: list[str]) -> None:
    asyncio.run(bench.bench.service.push(FLOW, Actor("ada")))
    assert bench.run("open", "orders").code == 0
    assert opened[0].endswith("&to=/workflows/orders")
    run_id = "01M3250V0002WQ0PAZ3RREMPFT"
    assert bench.run("open", "--run", run_id).code == 0
    assert opened[1].endswith(f"&to=/runs/{run_id}")


@pytest.mark.parametrize(
    ("wanted", "advice"),
    [
        ("tutorial", "That is a page of the documentation: acr docs tutorial"),
        ("components/string_ops", "That is a page of the documentation: acr docs components/string_ops"),
        ("qqqq", "List the workflows: acr list"),
    ],
)
def test_what_is_no_workflow(bench: CommandBench, opened: list[str], wanted: str, advice: str) -> None:
    result = bench.run("open", wanted)
    assert (result.code, advice in result.err, opened) == (1, True, [])
    assert bench.run("open", "orders", "--run", "x").code == 2


def test_sessions_are_listed_and_ended(bench: CommandBench, opened: list[str]) -> None:
    assert "No browser is signed in" in bench.run("sessions", "list").err
    for _ in range(2):
        bench.run("open")
        assert sign_in(bench, opened[-1]).status_code == 201
    first, second = json.loads(bench.run("sessions", "list", "--json").out)["data"]["sessions"]
    listed = bench.run("sessions", "list").out
    assert all(word in listed for word in (first["id"], second["id"], "admin", "never"))
    assert bench.run("sessions", "revoke", first["id"]).code == 0
    again = bench.run("sessions", "revoke", first["id"])
    assert (again.code, "List them: acr sessions list" in again.err) == (1, True)
    assert "ended: 1." in bench.run("sessions", "revoke", "--all").err
    assert bench.run("sessions", "revoke").code == 2
