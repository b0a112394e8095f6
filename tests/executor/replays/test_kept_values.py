"""Proves that a retry of an accepted run goes on with the real values of what it takes over, whatever the record has
cut, redacted or never had; that they are kept sealed, of runs that have not succeeded alone, and as long as the run.
"""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from arcrun.engine.run_id import object_of
from arcrun.errors import UpstreamError
from executor.durable.start import load_start
from executor.records.run_log import DAY_MS
from fakes.accepted import Calls
from fakes.components import exited
from fakes.executor import Bench, build_bench, build_client
from fakes.instances import FakeInstances
from fakes.workflows import ADA

pytestmark = pytest.mark.anyio

SECRET = "c4n4ry-the-stored-secret"
LARGE = 100_000  # characters: more than a record shows of a value


class Shaky:
    """A component that fails as long as `is_down`, and what it has been given."""

    def __init__(self) -> None:
        self.is_down, self.calls = True, Calls()

    def __call__(self, stdin: str) -> Any:
        answered = self.calls(stdin)
        if self.is_down:
            return exited({"success": False, "error": {"code": "DOWN", "message": "It is down."}})
        return answered


def flow(name: str = "w", **parts: Any) -> dict[str, Any]:
    return {
        "name": name,
        "flow": ["input >> PIPE >> a", "a >> PIPE >> b", "b >> PIPE >> c"],
        "config": {
            "a": {"component": "tell", "text": "{{input.text}} {{credential.canary}}"},
            "b": {"component": "shaky", "text": "{{a.data.text}}"},
            "c": {"component": "last", "text": "{{a.data.text}}"},
        },
        **parts,
    }


LOOP = flow(
    flow=["input >> FOREACH x IN input.list >> a", "input >> CONTINUE >> b"],
    config={
        "a": {"component": "tell", "text": "{{x}} {{credential.canary}}"},
        "b": {"component": "shaky", "text": "all: {{x.results}}"},
    },
)
CALLING = flow(
    flow=["input >> CALLS_SUBFLOW >> inner", "inner >> PIPE >> b"],
    config={
        "inner": {"workflow": "inner", "input": {"text": "{{input.text}}"}},
        "b": {"component": "shaky", "text": "{{inner.data.text}}"},
    },
)
INNER = {
    "name": "inner",
    "flow": ["input >> PIPE >> m"],
    "config": {"m": {"component": "tell", "text": "{{input.text}} {{credential.canary}}"}},
}


@pytest.fixture
def tell() -> Calls:
    return Calls()


@pytest.fixture
def last() -> Calls:
    return Calls()


@pytest.fixture
def shaky() -> Shaky:
    return Shaky()


@pytest.fixture
def instances() -> FakeInstances:
    return FakeInstances()


@pytest.fixture
def bench(tell: Calls, shaky: Shaky, last: Calls, instances: FakeInstances) -> Bench:
    bench = build_bench({"tell": tell, "shaky": shaky, "last": last}, instances)
    bench.store_credential("canary", SECRET)
    return bench


async def post(bench: Bench, path: str, body: Any) -> dict[str, Any]:
    async with build_client(bench.service) as client:
        answer = await client.post(path, json=body)
    await bench.background.finish()
    return {"status": answer.status_code, **answer.json()}


async def run(bench: Bench, instances: FakeInstances, source: Mapping[str, Any], body: Any) -> str:
    """Accept a run, and run it to its end."""
    await bench.service.push(source, ADA)
    told = await post(bench, f"/webhooks/named/{source['name']}/trigger?async=1", body)
    assert told["status"] == 202, told
    await instances.run(bench.service, told["run_id"])
    return str(told["run_id"])


async def retry(bench: Bench, instances: FakeInstances, run_id: str) -> str:
    told = await post(bench, f"/runs/{run_id}/retry", {})
    assert told["status"] == 202, told
    await instances.run(bench.service, told["run_id"])
    return str(told["run_id"])


@pytest.mark.parametrize("is_durable", [True, False])
@pytest.mark.parametrize("text", ["hi", "x" * LARGE], ids=["redacted", "cut"])
async def test_a_retry_goes_on_with_what_the_record_has_not(
    bench: Bench, instances: FakeInstances, tell: Calls, shaky: Shaky, last: Calls, text: str, is_durable: bool
) -> None:
    origin = await run(bench, instances, flow(durable=True) if is_durable else flow(), {"text": text})
    kept = bench.bucket.objects[f"runs/{origin}/values"]
    shaky.is_down = False
    again = await retry(bench, instances, origin)
    record = await bench.service.runs.find(again)
    value = f"{text} {SECRET}"
    assert (record["status"], len(tell.inputs)) == ("success", 1)
    assert [given["text"] for given in (*shaky.calls.inputs, *last.inputs)] == [value] * 3
    assert [entry.get("taken_over") for entry in record["trace"]] == [True, None, None]
    assert SECRET not in json.dumps(record) + bench.logs.stored + repr(kept)
    assert "[REDACTED]" in json.dumps(record)


async def test_what_a_loop_has_gathered_is_taken_over(
    bench: Bench, instances: FakeInstances, tell: Calls, shaky: Shaky
) -> None:
    origin = await run(bench, instances, LOOP, {"list": ["x", "y"]})
    shaky.is_down = False
    again = await retry(bench, instances, origin)
    record = await bench.service.runs.find(again)
    assert (record["status"], len(tell.inputs)) == ("success", 2)
    gathered = json.loads(shaky.calls.inputs[-1]["text"].removeprefix("all: "))
    assert [each["text"] for each in gathered] == [f"x {SECRET}", f"y {SECRET}"]
    assert SECRET not in json.dumps(record)


async def test_so_is_what_a_workflow_that_was_called_has_answered(
    bench: Bench, instances: FakeInstances, tell: Calls, shaky: Shaky
) -> None:
    await bench.service.push(INNER, ADA)
    origin = await run(bench, instances, {**CALLING, "durable": True}, {"text": "hi"})
    shaky.is_down = False
    record = await bench.service.runs.find(await retry(bench, instances, origin))
    assert (record["status"], len(tell.inputs)) == ("success", 1)
    assert shaky.calls.inputs[-1] == {"text": f"hi {SECRET}"}


async def test_a_retry_that_fails_keeps_them_for_the_next(
    bench: Bench, instances: FakeInstances, tell: Calls, shaky: Shaky
) -> None:
    origin = await run(bench, instances, flow(durable=True), {"text": "hi"})
    again = await retry(bench, instances, origin)
    shaky.is_down = False
    record = await bench.service.runs.find(await retry(bench, instances, again))
    assert (record["status"], len(tell.inputs), shaky.calls.inputs[-1]) == ("success", 1, {"text": f"hi {SECRET}"})
    assert SECRET not in json.dumps(record) + bench.logs.stored


async def test_a_replay_from_a_node_reads_them_too(
    bench: Bench, instances: FakeInstances, tell: Calls, last: Calls
) -> None:
    origin = await run(bench, instances, flow(durable=True), {"text": "hi"})
    told = await post(bench, f"/runs/{origin}/replay", {"from": "b"})
    assert told["status"] == 202, told
    await instances.run(bench.service, told["run_id"])
    assert len(tell.inputs) == 1


async def test_only_what_takes_them_over_is_of_a_new_format(
    bench: Bench, instances: FakeInstances, shaky: Shaky
) -> None:
    origin = await run(bench, instances, flow(), {"text": "hi"})
    formats = []
    for path in (f"/runs/{origin}/replay", f"/runs/{origin}/retry"):
        told = await post(bench, path, {})
        assert bench.service.lasting is not None
        found = await bench.service.lasting.runs.find_start(told["run_id"])
        assert found is not None
        formats.append(json.loads(found[0])["format"])
        assert load_start(found[0]).workflow == "w"
    assert formats == [2, 3]


async def test_a_run_that_has_succeeded_keeps_none_and_nor_does_one_without_a_record(
    bench: Bench, instances: FakeInstances, shaky: Shaky
) -> None:
    await run(bench, instances, flow(record="none"), {"text": "hi"})
    shaky.is_down = False
    await run(bench, instances, flow(), {"text": "hi"})
    assert [key for key in bench.bucket.keys if key.startswith("runs/")] == []


async def test_they_go_with_the_run(bench: Bench, instances: FakeInstances) -> None:
    origin = await run(bench, instances, flow(), {"text": "hi"})

    async def export() -> bool:
        return False

    async def prune() -> None:
        await bench.logs.tables[object_of(origin)].on_alarm(bench.bucket, export)

    bench.clock.advance(8 * DAY_MS)
    await prune()
    assert f"runs/{origin}/values" in bench.bucket.keys  # a dead letter stays
    assert (await post(bench, f"/runs/{origin}/dismiss", {}))["status"] == 200
    bench.clock.advance(DAY_MS)
    await prune()
    assert f"runs/{origin}/values" not in bench.bucket.keys


async def test_a_bucket_that_does_not_answer_is_in_no_runs_way(
    bench: Bench, instances: FakeInstances, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(key: str, content: bytes) -> None:
        raise UpstreamError("R2 does not answer.")

    monkeypatch.setattr(bench.bucket, "put", refuse)
    origin = await run(bench, instances, flow(), {"text": "hi"})
    assert (await bench.service.runs.find(origin))["status"] == "failed"
    refused = await post(bench, f"/runs/{origin}/retry", {})
    assert (refused["status"], refused["error"]["code"]) == (409, "REPLAY_NOT_POSSIBLE")
