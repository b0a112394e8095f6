"""Every file of examples/workflows does what its head says: through the real app, engine, vault and components.

The services are stubs at the network border: they answer one exact request each, and nothing else.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import pytest

from examples.bench import ROOT, StubModel, StubServices, build_example_bench
from examples.cases import CASES, CLIENT, Case
from fakes.executor import build_client
from fakes.workflows import ADA

pytestmark = pytest.mark.anyio

EXAMPLES = sorted(ROOT.glob("examples/workflows/*.yaml"))
FILES = {path.stem: path for path in EXAMPLES if not path.name.endswith(".test.yaml")}


def read_source(example: str) -> str:
    return FILES[example].read_text("utf-8")


def needs_of(example: str) -> tuple[str, ...]:
    return next((case.needs for case in CASES if case.example == example), ())


def head_of(source: str) -> str:
    """The comment that a file begins with, as one line."""
    lines = source.splitlines()
    first = next(i for i, line in enumerate(lines) if not line.startswith("#"))
    return " ".join(line.removeprefix("#").strip() for line in lines[:first])


def statuses_of(trace: list[dict[str, Any]]) -> Mapping[str, str]:
    return {entry["node"]: entry["status"] for entry in trace}


def test_every_file_has_a_case() -> None:
    by_mail = {"support_triage"}  # test_starting_examples.py
    assert {case.example for case in CASES} | by_mail == set(FILES)


@pytest.mark.parametrize("example", FILES)
async def test_a_file_is_valid_and_names_its_credentials(example: str) -> None:
    """Without any stored credential, the only findings are those that the head tells of."""
    bench = build_example_bench(StubServices([]), StubModel(None))
    for name in needs_of(example):
        await bench.service.push(read_source(name), ADA)
    source = read_source(example)
    compilation = await bench.service.validate(source, f"{example}.yaml")
    assert compilation.plan is not None, compilation.diagnostics
    assert compilation.plan.name == example
    assert {finding.code for finding in compilation.diagnostics} <= {"MISSING_CREDENTIAL"}
    missing = {re.findall("`(.+?)`", finding.message)[1] for finding in compilation.diagnostics}
    told = head_of(source).partition("Credentials: ")[2]
    assert missing <= set(re.findall(r"[a-z_]+", told))
    assert told.startswith("none") == (not missing)


@pytest.mark.parametrize("case", [pytest.param(case, id=f"{case.example}: {case.title}") for case in CASES])
async def test_an_example_runs(case: Case) -> None:
    await run_case(case, read_source)


async def run_case(case: Case, read: Callable[[str], str]) -> None:
    """Push the workflow and those that it needs, as `read` has them, call its webhook, and compare."""
    services, model = StubServices(case.exchanges), StubModel(case.reply)
    bench = build_example_bench(services, model)
    for name, secret in case.secrets.items():
        bench.store_credential(name, secret)
    async with build_client(bench.service) as client:
        for example in (*case.needs, case.example):
            pushed = await client.post("/webhooks", json={"workflow": read(example)})
            assert pushed.status_code == 201, pushed.text
        webhook = f"/webhooks/{pushed.json()['data']['token']}/trigger"
        triggered = await send(client, webhook, case)
        if case.is_repeated:
            again = await send(client, webhook, case)
            assert (again.content, again.headers["idempotent-replayed"]) == (triggered.content, "true")
        slept_ms = tuple(bench.clock.slept_ms)
        await bench.background.finish()
        await bench.run_instances()
        [run] = (await client.get("/runs")).json()["data"]["runs"]
        shown = await client.get(f"/runs/{run['run_id']}")
    assert services.unexpected == []
    assert services.left == []
    assert tuple(model.asked) == case.questions
    assert_answered(triggered, case)
    assert slept_ms[: len(case.slept_ms)] == case.slept_ms
    record = shown.json()["data"]
    assert case.data is None or simplify_errors(record["data"]) == case.data
    attempts = {entry["node"]: entry["attempts"] for entry in record["trace"]}
    assert {name: attempts[name] for name in case.attempts} == case.attempts
    assert record["status"] == case.status
    assert statuses_of(record["trace"]) == case.statuses
    stored = bench.logs.stored
    for secret in (*case.secrets.values(), *CLIENT.values()):
        written = json.dumps(secret)[1:-1]
        assert written not in triggered.text
        assert written not in stored


async def test_meta_checks_the_url_without_a_run() -> None:
    bench = build_example_bench(StubServices([]), StubModel(None))
    bench.store_credential("meta_verify_token", "our-own-words")
    query = {"hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": "our-own-words"}
    async with build_client(bench.service) as client:
        pushed = await client.post("/webhooks", json={"workflow": read_source("whatsapp_message")})
        webhook = f"/webhooks/{pushed.json()['data']['token']}/trigger"
        answer = await client.get(webhook, params=query, headers={"x-arcrun-api-key": ""})
        assert (answer.status_code, answer.text) == (200, "1158201444")
        other = await client.get(webhook, params={**query, "hub.verify_token": "a guess"})
        assert (other.status_code, other.json()["error"]["code"]) == (401, "SIGNATURE_INVALID")
        assert (await client.get("/runs")).json()["data"]["runs"] == []


async def send(client: httpx.AsyncClient, webhook: str, case: Case) -> httpx.Response:
    """Call the webhook without the API key."""
    headers = {"x-arcrun-api-key": ""}
    if (sent := case.sent) is None:
        return await client.post(webhook, json=case.given, headers=headers)
    headers |= {**sent.headers, **sent.sign(webhook)}
    return await client.request(sent.method, webhook, content=sent.content, headers=headers)


def assert_answered(triggered: httpx.Response, case: Case) -> None:
    if (answered := case.answered) is None:
        answer = triggered.json()
        assert triggered.status_code == 200, answer
        assert answer["success"] is True
        assert simplify_errors(answer["data"]) == case.data
        assert answer.keys() == {"success", "run_id", "data"}
        return
    assert triggered.status_code == answered.status, triggered.text
    assert {name: triggered.headers[name] for name in answered.headers} == answered.headers
    assert [part for part in answered.parts if part not in triggered.text] == []


def simplify_errors(data: Any) -> Any:
    """The answer, with the errors of a loop reduced to their codes."""
    if not isinstance(data, dict) or not isinstance(data.get("failed"), list):
        return data
    return {
        **data,
        "failed": [{"index": failure["index"], "error": failure["error"]["code"]} for failure in data["failed"]],
    }
