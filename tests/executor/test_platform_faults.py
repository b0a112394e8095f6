"""Proves that a platform exception during a run, from any port, fails the node that met it: its ON_FAIL handles it,
the record shows it, and no caller gets a 500.
"""

import json
from typing import Any

import pytest

from arcrun.engine.engine import Trigger
from arcrun.engine.trigger import TriggerKind
from arcrun.errors import UpstreamError
from executor.heads import STALE_MS
from fakes.components import echo
from fakes.executor import Bench, build_bench, build_client, upload_component
from fakes.modules import build_module
from fakes.workflows import ADA

pytestmark = pytest.mark.anyio

TRIGGER = Trigger(TriggerKind.WEBHOOK, {})
KNOWN = UpstreamError("Workers KV failed: 500.", code="STORAGE_FAILED")
UNKNOWN = RuntimeError("nobody knows what this is, secret-1")
FAULTS = [pytest.param(KNOWN, "STORAGE_FAILED", id="named"), pytest.param(UNKNOWN, "INTERNAL", id="unnamed")]


def break_port(bench: Bench, port: str, fault: Exception) -> None:
    """Make the port raise the fault from now on."""

    async def fail(*_arguments: Any, **_options: Any) -> Any:
        raise fault

    broken: Any = {
        "credentials": bench.credentials,
        "workflows": bench.workspace.channel,
        "bucket": bench.bucket,
        "runner": bench.runner,
    }
    for method in ("get", "etag", "run", "call"):
        if hasattr(broken[port], method):
            setattr(broken[port], method, fail)


NODES: dict[str, dict[str, Any]] = {
    "credentials": {"component": "echo", "text": "{{credential.bot}}"},
    "bucket": {"component": "other"},
    "runner": {"component": "echo"},
    "workflows": {"workflow": "called"},
}


def flow(port: str, *more: str) -> dict[str, Any]:
    relation = "SUBFLOW" if port == "workflows" else "PIPE"
    config = {"n": NODES[port], "alarm": {"component": "handler", "text": "{{n.error.code}}"}}
    used = config if more else {"n": NODES[port]}
    return {"name": "w", "flow": [f"input >> {relation} >> n", *more], "config": used}


async def build(port: str) -> Bench:
    bench = build_bench({"echo": echo, "handler": echo, "other": echo})
    bench.store_credential("bot", "secret-1")
    if port == "bucket":
        bench = build_bench({"echo": echo, "handler": echo})
        upload_component(bench.bucket, "other", build_module())
    await bench.service.push({"name": "called", "flow": ["input >> PIPE >> echo"]}, ADA)
    return bench


@pytest.mark.parametrize("port", NODES)
@pytest.mark.parametrize(("fault", "code"), FAULTS)
async def test_a_fault_of_the_platform_is_handled(port: str, fault: Exception, code: str) -> None:
    bench = await build(port)
    pushed = await bench.service.push(flow(port, "n >> ON_FAIL >> alarm"), ADA)
    bench.clock.advance(STALE_MS)  # to empty the caches
    stored = await bench.service.workflows.find(pushed.stored.token)
    if port == "runner":  # the handler also needs it
        await check_failed_run(bench, port, fault, code)
        return
    break_port(bench, port, fault)
    record = await bench.service.run(stored, TRIGGER)
    assert (record.error, record.data) == (None, {"text": code})
    assert [entry.status.value for entry in record.trace] == ["failed", "success"]


async def check_failed_run(bench: Bench, port: str, fault: Exception, code: str) -> None:
    stored = (await bench.service.push(flow(port), ADA)).stored
    break_port(bench, port, fault)
    record = await bench.service.run(stored, TRIGGER)
    assert record.error is not None
    assert (record.error.code, record.trace[0].status.value) == (code, "failed")


@pytest.mark.parametrize("port", NODES)
@pytest.mark.parametrize(("fault", "code"), FAULTS)
async def test_without_a_handler_it_fails_the_run_and_is_recorded(port: str, fault: Exception, code: str) -> None:
    bench = await build(port)
    token = (await bench.service.push(flow(port), ADA)).stored.token
    bench.clock.advance(STALE_MS)
    await bench.service.workflows.find(token)
    break_port(bench, port, fault)
    async with build_client(bench.service) as client:
        answer = await client.post(f"/webhooks/{token}/trigger", json={})
        await bench.background.finish()
        shown = (await client.get(f"/runs/{answer.json()['run_id']}")).json()["data"]
    assert answer.status_code == (503 if code == "STORAGE_FAILED" else 500)
    assert answer.json()["error"]["code"] == shown["error"]["code"] == code
    assert (shown["status"], shown["trace"][0]["status"]) == ("failed", "failed")
    assert "secret-1" not in json.dumps([answer.json(), shown])
