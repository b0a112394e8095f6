"""Blobs of runs over fakes of the platform: sealed, bound to their run, read by replays, gone with the record."""

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest

from arcrun.errors import UpstreamError
from arcrun.limits import BLOB_PIECE_BYTES
from arcrun.ports import Blob
from arcrun.wasm.abi import Execution, HostFunctions
from executor.durable.acceptance import find_pure
from executor.records.run_log import DAY_MS
from fakes.accepted import trigger
from fakes.components import exited, open_schema
from fakes.contracts import contract_source
from fakes.executor import Bench, build_bench, build_client
from fakes.instances import FakeInstances
from fakes.tenants import build_hosted
from fakes.workflows import ADA

pytestmark = pytest.mark.anyio

CONTRACT = contract_source(
    canonical_id="files", capabilities=["blob"], input_schema=open_schema(["content", "blob", "times"])
)
WRITE = {"component": "files", "content": "{{input.content}}"}
READ = {"component": "files", "blob": "{{a.data}}"}
CONTENT = "c4nary " * 10


class Files:
    """A component that writes a blob of its `content`, `times` times, or says how its blob begins. `is_down` while it
    fails to read.
    """

    is_down = False

    async def run(self, stdin: str, host: HostFunctions) -> Execution:
        given = json.loads(stdin)
        if "blob" in given:
            if self.is_down:
                return exited({"success": False, "error": {"code": "DOWN", "message": "no"}})
            return await self._ask(host, {"op": "read", "blob": given["blob"]})
        reply = json.loads(await host.answer("blob", '{"op": "create", "name": "a.txt"}'))
        if not reply["ok"]:
            return exited({"success": False, "error": reply["error"]})
        for _ in range(int(given.get("times", 1))):
            await host.answer("blob", json.dumps({"op": "append", "writing": 1, "text": given["content"]}))
        return await self._ask(host, {"op": "finish", "writing": 1})

    async def _ask(self, host: HostFunctions, request: Mapping[str, Any]) -> Execution:
        reply = json.loads(await host.answer("blob", json.dumps(request)))
        if not reply["ok"]:
            return exited({"success": False, "error": reply["error"]})
        value = reply["value"]
        data = base64.b64decode(value["base64"]).decode() if "base64" in value else value
        return exited({"success": True, "data": data})


@pytest.fixture
def files() -> Files:
    return Files()


@pytest.fixture
def bench(files: Files) -> Bench:
    return build_bench({"files": files}, FakeInstances(), {"files": CONTRACT})


def flow(*lines: str, name: str = "w", durable: bool = False, **config: Any) -> dict[str, Any]:
    return {"name": name, "flow": [*lines], "config": config, "durable": durable}


BOTH = flow("input >> PIPE >> a", "a >> PIPE >> b", a=WRITE, b=READ)


async def run(bench: Bench, source: Mapping[str, Any], **value: Any) -> Any:
    answer = await trigger(bench, source, value)
    return answer["data"] if answer["success"] else answer["error"]["code"]


def pieces(bench: Bench) -> list[str]:
    return [key for key in bench.bucket.keys if "/blob-" in key]


@pytest.mark.parametrize("durable", [False, True])
async def test_a_node_reads_what_another_has_written(bench: Bench, durable: bool) -> None:
    source = {**BOTH, "durable": durable}
    if not durable:
        assert await run(bench, source, content=CONTENT) == CONTENT
    else:
        run_id = (await trigger(bench, source, {"content": CONTENT}, "?async=1"))["run_id"]
        assert bench.service.lasting is not None
        await bench.service.lasting.instances.run(bench.service, run_id)  # type: ignore[attr-defined]
        assert (await bench.service.runs.find(run_id))["data"] == CONTENT
    assert len(pieces(bench)) == 1


async def test_no_byte_lies_in_the_clear(bench: Bench) -> None:
    await run(bench, flow("input >> PIPE >> a", a={**WRITE, "times": 30_000}), content=CONTENT)
    stored = [bench.bucket.objects[key] for key in pieces(bench)]
    assert len(stored) == 3
    assert all(CONTENT.encode() not in each for each in stored)
    assert all(len(each) < BLOB_PIECE_BYTES + 100 for each in stored)


async def test_a_called_workflow_is_the_same_run(bench: Bench) -> None:
    inner = flow("input >> PIPE >> b", name="inner", b={"component": "files", "blob": "{{input}}"})
    await bench.service.push(inner, ADA)
    source = flow("input >> PIPE >> a", "a >> CALLS_SUBFLOW >> inner", a=WRITE)
    assert await run(bench, source, content=CONTENT) == CONTENT


async def test_another_run_reads_nothing(bench: Bench) -> None:
    blob = await run(bench, flow("input >> PIPE >> a", a=WRITE), content=CONTENT)
    await bench.background.finish()
    taker = flow("input >> PIPE >> b", name="taker", b={"component": "files", "blob": "{{input.blob}}"})
    assert await run(bench, taker, blob=blob) == "BLOB_NOT_FOUND"
    assert await run(bench, taker, blob=blob["blob"]) == "BLOB_NOT_FOUND"


@pytest.mark.parametrize("way", ["retry", "replay"])
async def test_replays_read_what_they_take_over(bench: Bench, files: Files, way: str) -> None:
    """A replay of a replay, too. When the first run has been deleted there is nothing to be read."""
    files.is_down = True
    answer = await trigger(bench, BOTH, {"content": CONTENT})
    run_id = answer["run_id"]
    await bench.background.finish()
    files.is_down = False
    body = {"from": "b"} if way == "replay" else {}
    async with build_client(bench.service) as client:
        again = (await client.post(f"/runs/{run_id}/{way}", json=body)).json()
        await bench.background.finish()
        assert (again["success"], again["data"]) == (True, CONTENT)
        third = (await client.post(f"/runs/{again['run_id']}/replay", json={"from": "b"})).json()
        assert third["data"] == CONTENT
        for key in pieces(bench):
            bench.bucket.remove(key)
        gone = (await client.post(f"/runs/{again['run_id']}/replay", json={"from": "b"})).json()
    assert gone["error"]["code"] == "BLOB_NOT_FOUND"


@pytest.mark.parametrize("change", ["swapped", "other bytes", "cut"])
async def test_pieces_that_were_changed_are_not_read(bench: Bench, files: Files, change: str) -> None:
    files.is_down = True
    answer = await trigger(
        bench, flow("input >> PIPE >> a", "a >> PIPE >> b", a={**WRITE, "times": 30_000}, b=READ), {"content": CONTENT}
    )
    await bench.background.finish()
    first, second, third = pieces(bench)
    objects = dict(bench.bucket.objects)
    if change == "swapped":
        bench.bucket.upload(first, objects[second])
    elif change == "other bytes":
        bench.bucket.upload(first, objects[first][:-1] + b"x")
    else:
        bench.bucket.upload(first, objects[third])
    files.is_down = False
    async with build_client(bench.service) as client:
        again = (await client.post(f"/runs/{answer['run_id']}/retry", json={})).json()
    assert again["error"]["code"] == "BLOB_FAILED"


async def test_they_go_with_the_record(bench: Bench) -> None:
    await run(bench, {**BOTH, "keep_days": 2}, content=CONTENT)
    await bench.background.finish()
    for _ in range(3 * 24 + 4):
        for tables in bench.logs.tables.values():
            bench.clock.advance(DAY_MS / 24)
            await tables.on_alarm(bench.bucket, _export_nothing)
    assert pieces(bench) == []


async def _export_nothing() -> bool:
    return False


async def test_what_writes_a_blob_is_a_step_of_its_own(bench: Bench) -> None:
    """A durable run that has written one does not write it again."""
    plan = (await bench.service.push({**BOTH, "durable": True}, ADA)).stored.plan
    assert await find_pure(bench.service, [plan]) == []


async def test_a_run_without_blobs_notes_none(bench: Bench) -> None:
    await run(bench, flow("input >> PIPE >> b", b={"component": "files", "blob": "x"}))
    await bench.background.finish()
    noted = [row for sql in bench.logs.sql.values() for row in sql.execute("SELECT * FROM run_blobs")]
    assert noted == []


async def test_outside_of_a_run_there_are_none(bench: Bench) -> None:
    outcome = await bench.service.execute_component("files", {"content": "x"})
    assert outcome.error is not None
    assert outcome.error.code == "BLOBS_UNAVAILABLE"


async def test_a_bucket_that_fails_may_be_asked_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    failures = [1, 2]

    async def get(key: str) -> Blob | None:
        if failures:
            failures.pop()
            raise UpstreamError("R2 failed.", code="STORAGE_FAILED")
        return Blob(bench.bucket.objects[key], "")

    monkeypatch.setattr(bench.bucket, "get", get)
    assert await run(bench, BOTH, content=CONTENT) == "BLOB_FAILED"
    failures.append(1)
    retried = {**BOTH, "config": {"a": WRITE, "b": {**READ, "retry": {"max_attempts": 3, "initial_ms": 1}}}}
    assert await run(bench, {**retried, "name": "v"}, content=CONTENT) == CONTENT


async def test_tenants_have_their_own_and_no_others() -> None:
    bench = await build_hosted({"files": Files()}, "a", "b", contracts={"files": CONTRACT})

    async def ask(letter: str, source: Mapping[str, Any], **value: Any) -> Any:
        asked = {"workflow": source, "input": value}
        answer = (await bench.ask("POST", "/execute", bench.keys[letter], asked)).json()
        return answer["data"] if answer["success"] else answer["error"]["code"]

    assert await ask("a", BOTH, content=CONTENT) == CONTENT
    blob = await ask("a", flow("input >> PIPE >> a", a=WRITE), content=CONTENT)
    taker = flow("input >> PIPE >> b", name="taker", b={"component": "files", "blob": "{{input.blob}}"})
    assert [await ask(letter, taker, blob=blob) for letter in "ab"] == ["BLOB_NOT_FOUND"] * 2
    assert all(CONTENT.encode() not in content for content in bench.bucket.objects.values())
