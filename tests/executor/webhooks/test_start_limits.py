"""Proves that a workflow's `limits` hold for its webhook and by its name, for each key, and cost nothing without."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from arcrun.wasm.abi import Execution
from executor.records.admissions import MINUTE_MS
from executor.records.logged_runs import LoggedRuns
from executor.starts.leases import SETTLING_MS
from fakes.components import echo, exited
from fakes.executor import Bench, build_bench, build_client
from fakes.tenants import build_hosted, registration_of
from fakes.wire import read_error
from fakes.workflows import ADA

pytestmark = pytest.mark.anyio

TIMEOUT_MS = 1_000


def check_n(stdin: str) -> Execution:
    """The validator: it finds that `n` is missing."""
    missing = "n" not in (json.loads(stdin)["value"] or {})
    errors = [{"path": "/n", "message": "is missing"}] if missing else []
    return exited({"success": True, "data": {"valid": not missing, "errors": errors}})


class Hook:
    def __init__(self, *limits: Any, **more: Any) -> None:
        self.bench: Bench = build_bench({"echo": echo, "validate_json": check_n})
        self.flow = {
            "name": "limited",
            "timeout_ms": TIMEOUT_MS,
            "limits": list(limits),
            "flow": ["input >> PIPE >> echo", "echo >> PIPE >> output"],
            "config": {"echo": {"text": "n={{input.n?}}"}},
            **more,
        }
        if not limits:
            del self.flow["limits"]

    @property
    def runs(self) -> int:
        return sum(component.id == "echo" for component, _ in self.bench.runner.calls)

    async def send(self, *, query: str = "", by_name: bool = False, headers: Any = None, **body: Any) -> httpx.Response:
        stored = (await self.bench.service.push(self.flow, ADA)).stored
        target = f"named/{stored.name}" if by_name else stored.token
        async with build_client(self.bench.service, headers=None if by_name else {}) as client:
            return await client.post(f"/webhooks/{target}/trigger{query}", json=body, headers=headers)

    async def finish(self) -> None:
        await self.bench.background.finish()


async def test_so_many_begin_within_a_minute() -> None:
    hook = Hook({"per_minute": 2})
    answers = [await hook.send() for _ in range(3)]
    assert [it.status_code for it in answers] == [200, 200, 429]
    error = read_error(answers[2])
    assert (error["code"], error["message"]) == ("RUN_LIMIT_REACHED", "This workflow takes 2 a minute.")
    assert (error["retriable"], 0 < int(answers[2].headers["retry-after"]) <= 60, hook.runs) == (True, True, 2)
    hook.bench.clock.advance(MINUTE_MS)
    assert (await hook.send()).status_code == 200


@pytest.mark.parametrize("by_name", [False, True])
async def test_so_many_run_at_once(by_name: bool) -> None:
    hook = Hook({"concurrent": 2})
    await hook.bench.service.push(hook.flow, ADA)
    answers = await asyncio.gather(*(hook.send(by_name=by_name) for _ in range(5)))
    refused = [it for it in answers if it.status_code == 429]
    assert len(refused) >= 1
    assert {it.headers["retry-after"] for it in refused} == {"1"}
    assert len(answers) - len(refused) == hook.runs
    await hook.finish()
    assert (await hook.send(by_name=by_name)).status_code == 200


async def test_each_key_has_its_own() -> None:
    hook = Hook({"per_minute": 1, "key": "{{input.customer}}"}, {"per_minute": 3})
    statuses = [(await hook.send(customer=it)).status_code for it in ("a", "a", "b", 7, "c")]
    assert statuses == [200, 429, 200, 200, 429]
    stored = [row for sql in hook.bench.logs.sql.values() for row in sql.execute("SELECT * FROM admissions")]
    assert len(stored) == 3
    assert "customer" not in json.dumps(stored)


async def test_a_key_of_the_request() -> None:
    hook = Hook({"per_minute": 1, "key": '{{request.headers["x-customer"]}}'})
    statuses = [(await hook.send(headers={"x-customer": it})).status_code for it in ("a", "a", "b")]
    assert statuses == [200, 429, 200]


@pytest.mark.parametrize(("key", "statuses"), [("{{input.customer}}", [400, 400]), ("{{input.customer?}}", [200, 429])])
async def test_a_missing_key(key: str, statuses: list[int]) -> None:
    hook = Hook({"per_minute": 1, "key": key})
    answers = [await hook.send() for _ in range(2)]
    assert [it.status_code for it in answers] == statuses
    if statuses[0] == 400:
        assert read_error(answers[0])["code"] == "LIMIT_KEY_MISSING"


async def test_the_place_of_a_run_that_died_is_free_when_its_lease_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    async def die(_runs: LoggedRuns, _ticket: str) -> None:
        pass

    monkeypatch.setattr(LoggedRuns, "leave", die)
    hook = Hook({"concurrent": 1})
    assert [(await hook.send()).status_code for _ in range(2)] == [200, 429]
    hook.bench.clock.advance(TIMEOUT_MS + SETTLING_MS)
    assert (await hook.send()).status_code == 200


async def test_an_accepted_run_has_its_place_until_it_ends() -> None:
    hook = Hook({"concurrent": 1})
    stored = (await hook.bench.service.push(hook.flow, ADA)).stored
    async with build_client(hook.bench.service, headers={}) as client:
        path = f"/webhooks/{stored.token}/trigger?async=1"
        answers = await asyncio.gather(*(client.post(path, json={}) for _ in range(2)))
    assert sorted(it.status_code for it in answers) == [202, 429]
    await hook.finish()
    assert (await hook.send(query="?async=1")).status_code == 202


async def test_what_is_refused_takes_no_key_and_a_repetition_no_place() -> None:
    triggers = {"webhook": {"idempotency": {"key": "{{input.id}}"}}}
    hook = Hook({"per_minute": 1}, triggers=triggers)
    assert [(await hook.send(id=it)).status_code for it in "aab"] == [200, 200, 429]
    hook.bench.clock.advance(MINUTE_MS)
    assert [(await hook.send(id=it)).status_code for it in "ba"] == [200, 200]
    assert hook.runs == 2


async def test_an_input_that_does_not_fit_takes_no_place() -> None:
    hook = Hook({"per_minute": 1}, input_schema={"type": "object", "required": ["n"]})
    assert [(await hook.send()).status_code, (await hook.send(n=1)).status_code] == [422, 200]


async def test_without_the_object_nothing_runs() -> None:
    hook = Hook({"per_minute": 1})
    hook.bench.logs.is_down = True
    assert (read_error(await hook.send())["code"], hook.runs) == ("OBJECT_UNAVAILABLE", 0)


async def test_without_limits_nothing_is_asked() -> None:
    hook = Hook()
    await hook.send()
    await hook.finish()
    asked = {operation for channel in hook.bench.logs.channels.values() for operation in channel.asked}
    assert {"admit", "leave"} & asked == set()


async def test_a_tenants_runs_are_counted_in_its_workspace() -> None:
    bench = await build_hosted({"echo": echo})
    pushed = await bench.ask("POST", "/webhooks", bench.keys["a"], {"workflow": Hook({"per_minute": 1}).flow})
    path = f"/webhooks/{pushed.json()['data']['token']}/trigger"
    assert [(await bench.ask("POST", path, None, {})).status_code for _ in range(2)] == [200, 429]
    workspace = bench.workspace_of(registration_of("a").tenant_id)
    assert len(workspace.sql.execute("SELECT * FROM admissions")) == 1
    await workspace.close()
    assert workspace.sql.execute("SELECT * FROM admissions") == []
