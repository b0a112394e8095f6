"""Blobs of http_request: bodies that the host puts together, answers that it keeps, and what is left of those that
fail.
"""

import json
from typing import Any

import pytest

from arcrun.blobs import writing
from arcrun.blobs.access import BlobAccess
from arcrun.blobs.memory import MemoryBlobs
from arcrun.contracts.model import Contract
from arcrun.errors import HostFunctionError
from arcrun.limits import BLOB_PIECE_BYTES
from arcrun.wasm.host import PortHostFunctions
from fakes.contracts import build_contract, build_network_contract
from fakes.ports.http_client import FakeHttpClient, redirect, respond
from fakes.ports.system import FixedClock, SeededRandom

pytestmark = pytest.mark.anyio

CONTRACT = build_network_contract("*", capabilities=["blob"])
RUN = "01J" + "0" * 23
PDF = respond(200, bytes(2 * BLOB_PIECE_BYTES) + b"x", {"content-type": "application/pdf"})


def build_host(http: FakeHttpClient, vault: MemoryBlobs, contract: Contract = CONTRACT) -> PortHostFunctions:
    """Of a call of its own."""
    random = SeededRandom(len(vault.pieces))
    opened = lambda: BlobAccess(vault, random, RUN)  # noqa: E731
    return PortHostFunctions(contract, http, FixedClock(), random, open_blobs=opened)


async def fetch(host: PortHostFunctions, **request: Any) -> dict[str, Any]:
    asked = {"url": "https://a.example/files/a.pdf?k=1", **request}
    reply: dict[str, Any] = json.loads(await host.answer("http_request", json.dumps(asked)))
    return reply


@pytest.fixture
def vault() -> MemoryBlobs:
    return MemoryBlobs()


async def test_an_answer_becomes_a_blob_that_can_be_sent(vault: MemoryBlobs) -> None:
    http = FakeHttpClient(PDF, respond())
    reply = await fetch(build_host(http, vault), as_blob=True)
    blob = reply["value"]["body_blob"]
    assert reply == {
        "ok": True,
        "value": {"status": 200, "headers": {"content-type": "application/pdf"}, "body_blob": blob},
    }
    described = {"bytes": len(PDF.body), "content_type": "application/pdf", "name": "a.pdf"}
    assert {name: value for name, value in blob.items() if name != "blob"} == described
    parts = [{"text": "<"}, {"blob": blob}, {"base64": "Pg=="}]
    sent = await fetch(build_host(http, vault), method="POST", body_parts=parts)
    assert (sent["ok"], http.sent) == (True, [b"<" + PDF.body + b">"])


async def test_of_an_empty_answer_there_is_an_empty_blob(vault: MemoryBlobs) -> None:
    reply = await fetch(build_host(FakeHttpClient(respond(204)), vault), as_blob=True)
    assert reply["value"]["body_blob"]["bytes"] == 0


@pytest.mark.parametrize("status", [304, 404, 500])
async def test_any_other_status_is_a_text(vault: MemoryBlobs, status: int) -> None:
    reply = await fetch(build_host(FakeHttpClient(respond(status, b"no")), vault), as_blob=True)
    assert reply["value"] == {"status": status, "headers": {}, "body": "no"}
    assert vault.pieces == {}


async def test_a_redirect_sends_the_body_again(vault: MemoryBlobs) -> None:
    http = FakeHttpClient(redirect("https://b.example/", 307), respond(200))
    await fetch(build_host(http, vault), method="PUT", body_parts=[{"text": "x"}])
    assert http.sent == [b"x", b"x"]
    http = FakeHttpClient(redirect("https://b.example/", 303), respond(200))
    await fetch(build_host(http, vault), method="PUT", body_parts=[{"text": "x"}])
    assert (http.sent, http.requests[1].method) == ([b"x"], "GET")


async def test_what_is_too_large_is_deleted(vault: MemoryBlobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "MAX_BLOB_BYTES", BLOB_PIECE_BYTES)
    reply = await fetch(build_host(FakeHttpClient(PDF), vault), as_blob=True)
    assert (reply["error"]["code"], reply["error"]["retriable"]) == ("BLOB_TOO_LARGE", False)
    assert vault.pieces == {}


async def test_what_breaks_off_is_deleted(vault: MemoryBlobs, monkeypatch: pytest.MonkeyPatch) -> None:
    written = writing.BlobWriter.write

    async def break_off(writer: writing.BlobWriter, chunk: bytes) -> None:
        await written(writer, chunk)
        if len(vault.pieces) == 2:
            raise HostFunctionError("Lost.", code="HTTP_CONNECTION_LOST")

    monkeypatch.setattr(writing.BlobWriter, "write", break_off)
    reply = await fetch(build_host(FakeHttpClient(PDF), vault), as_blob=True)
    assert (reply["error"]["code"], reply["error"]["retriable"]) == ("HTTP_CONNECTION_LOST", True)
    assert vault.pieces == {}


@pytest.mark.parametrize("asked", [{"as_blob": True}, {"method": "POST", "body_parts": [{"text": "x"}]}])
async def test_the_contract_declares_it(vault: MemoryBlobs, asked: dict[str, Any]) -> None:
    http = FakeHttpClient(PDF)
    reply = await fetch(build_host(http, vault, build_network_contract("*")), **asked)
    assert (reply["error"]["code"], http.urls) == ("CAPABILITY_NOT_DECLARED", [])


async def test_outside_of_a_run_there_are_none() -> None:
    contract = build_contract(capabilities=["blob"])
    host = PortHostFunctions(contract, FakeHttpClient(), FixedClock(), SeededRandom())
    reply = json.loads(await host.answer("blob", '{"op": "create"}'))
    assert reply["error"]["code"] == "BLOBS_UNAVAILABLE"


async def test_blobs_of_a_call_are_opened_once(vault: MemoryBlobs) -> None:
    """So that what it has created is there at its next request."""
    host = build_host(FakeHttpClient(), vault)
    for request in ({"op": "create"}, {"op": "append", "writing": 1, "text": "x"}, {"op": "finish", "writing": 1}):
        assert json.loads(await host.answer("blob", json.dumps(request)))["ok"]
