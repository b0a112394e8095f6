"""What a call may do with blobs: write and read them in pieces, those of its run alone, within their limits."""

import base64
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from arcrun.blobs import memory, writing
from arcrun.blobs.access import BlobAccess
from arcrun.blobs.memory import MemoryBlobs
from arcrun.blobs.names import parse_blob_name
from arcrun.engine.budget import SubrequestBudget
from arcrun.errors import HostFunctionError
from arcrun.limits import (
    BLOB_PIECE_BYTES,
    MAX_BLOB_READ_BYTES,
    MAX_BLOB_REPLAYS,
    MAX_BODY_PARTS,
    MAX_UNFINISHED_BLOBS,
)
from fakes.ports.system import SeededRandom

pytestmark = pytest.mark.anyio

RUN, OTHER = "01J" + "0" * 23, "01J" + "1" * 23


def open_access(vault: MemoryBlobs, run_id: str = RUN, **options: Any) -> BlobAccess:
    return BlobAccess(vault, SeededRandom(len(vault.pieces)), run_id, **options)


async def write(access: BlobAccess, *chunks: bytes, **described: Any) -> Mapping[str, Any]:
    number = (await access.do({"op": "create", **described}))["writing"]
    for chunk in chunks:
        await access.do({"op": "append", "writing": number, "base64": base64.b64encode(chunk).decode()})
    return await access.do({"op": "finish", "writing": number})


async def read(access: BlobAccess, blob: Any, offset: int = 0, length: int = MAX_BLOB_READ_BYTES) -> bytes:
    answer = await access.do({"op": "read", "blob": blob, "offset": offset, "length": length})
    content = base64.b64decode(answer["base64"])
    assert len(content) == answer["bytes"]
    return content


async def code_of(access: BlobAccess, **request: Any) -> str:
    with pytest.raises(HostFunctionError) as refused:
        await access.do(request)
    return refused.value.code


@pytest.fixture
def vault() -> MemoryBlobs:
    return MemoryBlobs()


@pytest.fixture
def access(vault: MemoryBlobs) -> BlobAccess:
    return open_access(vault)


async def test_what_was_written_is_read_from_anywhere(access: BlobAccess, vault: MemoryBlobs) -> None:
    content = bytes(range(256)) * (2 * BLOB_PIECE_BYTES // 256) + b"end"
    blob = await write(access, content[:10], content[10:], content_type="text/csv", name="a/b.csv")
    assert (blob["bytes"], blob["content_type"], blob["name"]) == (len(content), "text/csv", "b.csv")
    assert (await access.do({"op": "open", "blob": blob}), len(vault.pieces)) == ({"bytes": len(content)}, 3)
    for offset, length in ((0, 5), (BLOB_PIECE_BYTES - 2, 4), (len(content) - 3, 100), (len(content), 1), (10**9, 1)):
        assert await read(access, blob["blob"], offset, length) == content[offset : offset + length]


async def test_texts_are_written_too(access: BlobAccess) -> None:
    number = (await access.do({"op": "create"}))["writing"]
    assert await access.do({"op": "append", "writing": number, "text": "Fü"}) == {"bytes": 3}
    blob = await access.do({"op": "finish", "writing": number})
    assert (blob["content_type"], await read(access, blob)) == ("application/octet-stream", b"F\xc3\xbc")


async def test_a_blob_is_read_by_its_run_alone(vault: MemoryBlobs) -> None:
    blob = await write(open_access(vault), b"x")
    assert await code_of(open_access(vault, OTHER), op="read", blob=blob) == "BLOB_NOT_FOUND"
    assert await code_of(open_access(vault, OTHER, origin="01J" + "2" * 23), op="open", blob=blob) == "BLOB_NOT_FOUND"


async def test_a_replay_reads_the_blobs_of_what_it_replays(vault: MemoryBlobs) -> None:
    """Of that which its origin is a replay of, too, but not through any number of them."""
    blob = await write(open_access(vault), b"x")
    runs = [RUN, *(f"01J{number:023}" for number in range(1, MAX_BLOB_REPLAYS + 3))]
    vault.origins = dict(zip(runs[1:], runs, strict=False))
    for number in range(1, MAX_BLOB_REPLAYS + 1):
        assert await read(open_access(vault, runs[number], origin=runs[number - 1]), blob) == b"x"
    far = open_access(vault, runs[-1], origin=runs[-2])
    assert await code_of(far, op="read", blob=blob) == "BLOB_NOT_FOUND"


async def test_what_was_deleted_is_not_found(access: BlobAccess, vault: MemoryBlobs) -> None:
    blob = await write(access, b"x")
    vault.pieces.clear()
    assert await code_of(access, op="read", blob=blob) == "BLOB_NOT_FOUND"


@pytest.mark.parametrize(
    "request_fields",
    [
        {},
        {"op": "delete"},
        {"op": "read", "blob": None},
        {"op": "read", "offset": -1},
        {"op": "read", "offset": 0.5},
        {"op": "read", "length": True},
        {"op": "read", "length": MAX_BLOB_READ_BYTES + 1},
        {"op": "append", "writing": 7, "text": "x"},
        {"op": "append", "writing": "1", "text": "x"},
        {"op": "finish"},
    ],
)
async def test_wrong_requests_are_refused(access: BlobAccess, request_fields: dict[str, Any]) -> None:
    blob = await write(access, b"x")
    assert await code_of(access, **{"blob": blob, **request_fields}) == "INVALID_REQUEST"


async def test_a_blob_is_finished_once(access: BlobAccess) -> None:
    number = (await access.do({"op": "create"}))["writing"]
    await access.do({"op": "finish", "writing": number})
    for operation in ("finish", "append"):
        assert await code_of(access, op=operation, writing=number, text="x") == "INVALID_REQUEST"


async def test_a_call_writes_few_at_once(access: BlobAccess) -> None:
    for _ in range(MAX_UNFINISHED_BLOBS):
        await access.do({"op": "create"})
    assert await code_of(access, op="create") == "INVALID_REQUEST"
    await access.do({"op": "finish", "writing": 1})
    await access.do({"op": "create"})


async def test_a_blob_that_grows_too_large_is_deleted(
    access: BlobAccess, vault: MemoryBlobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "MAX_BLOB_BYTES", 3 * BLOB_PIECE_BYTES)
    number = (await access.do({"op": "create"}))["writing"]
    piece = base64.b64encode(bytes(BLOB_PIECE_BYTES)).decode()
    for _ in range(3):
        await access.do({"op": "append", "writing": number, "base64": piece})
    assert await code_of(access, op="append", writing=number, text="x") == "BLOB_TOO_LARGE"
    assert vault.pieces == {}
    assert await code_of(access, op="finish", writing=number) == "INVALID_REQUEST"


@pytest.mark.parametrize(("name", "most"), [("MAX_RUN_BLOBS", 2), ("MAX_RUN_BLOBS_BYTES", 2)])
async def test_a_run_has_so_many(access: BlobAccess, monkeypatch: pytest.MonkeyPatch, name: str, most: int) -> None:
    monkeypatch.setattr(memory, name, most)
    for _ in range(2):
        await write(access, b"x")
    assert await code_of(access, op="create") == "BLOBS_FULL"


async def test_each_piece_is_a_subrequest(vault: MemoryBlobs) -> None:
    budget = SubrequestBudget(100)
    before = budget._left
    access = open_access(vault, take=budget.take)
    blob = await write(access, bytes(3 * BLOB_PIECE_BYTES))
    assert before - budget._left == 5
    body = await access.open_body([{"blob": blob}])
    assert [len(piece) async for piece in body.open()] == [BLOB_PIECE_BYTES] * 3
    assert before - budget._left == 8


async def test_a_budget_that_is_used_up_is_a_refusal(vault: MemoryBlobs) -> None:
    access = open_access(vault, take=SubrequestBudget(8).take)
    assert await code_of(access, op="create") == "SUBREQUEST_LIMIT"


@pytest.mark.parametrize(
    "build",
    [
        lambda _: None,
        lambda _: [],
        lambda _: ["x"],
        lambda _: [{"text": "x"}] * (MAX_BODY_PARTS + 1),
        lambda blob: [{"blob": blob, "encoding": "hex"}],
        lambda _: [{"blob": 5}],
    ],
)
async def test_bodies_that_are_none(access: BlobAccess, build: Callable[[Any], Any]) -> None:
    parts = build(await write(access, b"x"))
    with pytest.raises(HostFunctionError) as refused:
        await access.open_body(parts)
    assert refused.value.code == "INVALID_REQUEST"


async def test_a_body_of_texts_and_blobs_can_be_sent_again(access: BlobAccess) -> None:
    """For a redirect that keeps the method."""
    blob = await write(access, b"bytes")
    body = await access.open_body([{"text": "<"}, {"blob": blob["blob"], "encoding": "base64"}, {"text": ">"}])
    for _ in range(2):
        assert b"".join([piece async for piece in body.open()]) == b"<" + base64.b64encode(b"bytes") + b">"
    assert body.size == 10


async def test_names_cannot_be_guessed(access: BlobAccess) -> None:
    names = {parse_blob_name(await write(access, b"x")).token for _ in range(50)}
    assert (len(names), {len(name) for name in names}) == (50, {32})
