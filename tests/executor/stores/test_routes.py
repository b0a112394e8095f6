"""Stores over HTTP: listed, read and edited by the owner, and emptied."""

from typing import Any

import pytest

from arcrun.errors import DecryptionError
from fakes.executor import Bench, build_bench, build_client
from fakes.ports.stores import STORE_CONTRACT, AskStore
from fakes.tenants import build_hosted
from fakes.wire import read_error
from fakes.workflows import ADA

pytestmark = pytest.mark.anyio

STEP = {"component": "store", "op": "increment", "key": "n"}
COUNT = {"name": "w", "flow": ["input >> PIPE >> a"], "config": {"a": STEP}}
ENTRY = "/stores/shared/s/entry"
ENTRIES = "/stores/shared/s/entries"
KEY = "a/b?c=d&é %2F #"


@pytest.fixture
def bench() -> Bench:
    return build_bench({"store": AskStore()}, None, {"store": STORE_CONTRACT})


async def ask(bench: Bench, method: str, path: str, body: Any = None, **query: Any) -> Any:
    async with build_client(bench.service) as client:
        answer = await client.request(method, path, json=body, params=query)
    told = answer.json()
    return told["data"] if told["success"] else told["error"]["code"]


async def test_what_workflows_have_stored_is_seen_and_edited(bench: Bench) -> None:
    await bench.service.push(COUNT, ADA)
    await ask(bench, "POST", "/webhooks/named/w/trigger", {})
    assert await ask(bench, "GET", "/stores/workflow/w/entry", key="n") == {"key": "n", "value": 1}
    assert await ask(bench, "PUT", "/stores/workflow/w/entry", {"value": 41}, key="n") == {
        "key": "n",
        "was_there": True,
        "has_workflow": True,
    }
    assert await ask(bench, "POST", "/webhooks/named/w/trigger", {}) == {"value": 42}
    assert await ask(bench, "DELETE", "/stores/workflow/w/entry", key="n") == {"key": "n", "deleted": True}
    assert await ask(bench, "POST", "/webhooks/named/w/trigger", {}) == {"value": 1}


async def test_keys_are_any_text(bench: Bench) -> None:
    assert await ask(bench, "PUT", ENTRY, {"value": [1], "ttl": "1h"}, key=KEY) == {
        "key": KEY, "was_there": False, "has_workflow": True,
    }  # fmt: skip
    assert await ask(bench, "GET", ENTRY, key=KEY) == {"key": KEY, "value": [1]}
    [entry] = (await ask(bench, "GET", "/stores/shared/s", prefix="a/"))["entries"]
    assert (entry["key"], entry["expires_ms"]) == (KEY, bench.clock.now_ms() + 3_600_000)
    assert (await ask(bench, "GET", "/stores/shared/s", prefix="b"))["entries"] == []


async def test_stores_and_entries_come_in_pages(bench: Bench) -> None:
    for number in range(5):
        await ask(bench, "PUT", f"/stores/shared/s{number}/entry", {"value": 0}, key="a")
        await ask(bench, "PUT", "/stores/workflow/w/entry", {"value": 0}, key=f"k{number}")
    for path, field, most in (("/stores", "stores", 6), ("/stores/workflow/w", "entries", 5)):
        found, cursor = list[Any](), ""
        while cursor is not None:
            page = await ask(bench, "GET", path, limit=2, cursor=cursor)
            found, cursor = [*found, *page[field]], page["cursor"]
        assert len({str(each) for each in found}) == most
    stores = (await ask(bench, "GET", "/stores"))["stores"]
    [own] = [each for each in stores if each["kind"] == "workflow"]
    assert (own["name"], own["entries"], own["bytes"] > 0) == ("w", 5, True)


async def test_purging(bench: Bench) -> None:
    for name in ("a", "b", "c"):
        await ask(bench, "PUT", f"/stores/shared/{name}/entry", {"value": 0}, key="k")
    assert await ask(bench, "DELETE", "/stores/shared/a") == {"deleted": 1}
    assert await ask(bench, "DELETE", "/stores/shared/a") == {"deleted": 0}
    assert sorted(each["name"] for each in (await ask(bench, "GET", "/stores"))["stores"]) == ["b", "c"]
    assert await ask(bench, "DELETE", "/stores") == "INVALID_REQUEST"
    assert await ask(bench, "DELETE", "/stores", all=1) == {"deleted": True}
    assert (await ask(bench, "GET", "/stores"))["stores"] == []
    assert (await ask(bench, "PUT", "/stores/shared/a/entry", {"value": 0}, key="k"))["was_there"] is False


async def test_a_store_whose_key_is_lost_can_be_emptied(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    await ask(bench, "PUT", "/stores/shared/a/entry", {"value": 0}, key="k")

    async def fail(*_: Any) -> bytes:
        raise DecryptionError("The key is another.")

    with monkeypatch.context() as lost:
        lost.setattr(bench.store.tables._sealer, "open", fail)
        assert await ask(bench, "GET", "/stores") == "DECRYPTION_FAILED"
        assert await ask(bench, "DELETE", "/stores", all=1) == {"deleted": True}
    assert (await ask(bench, "PUT", "/stores/shared/a/entry", {"value": 0}, key="k"))["was_there"] is False


async def test_entries_are_read_and_put_with_their_values(bench: Bench) -> None:
    entries: list[dict[str, Any]] = [{"key": f"k{each}", "value": {"n": each}} for each in range(20)]
    entries[0]["ttl"] = "1h"
    assert await ask(bench, "PUT", ENTRIES, {"entries": entries}) == {"put": 20}
    await ask(bench, "PUT", ENTRY, {"value": None}, key="last")
    found, cursor = dict[str, Any](), ""
    while cursor is not None:
        page = await ask(bench, "GET", "/stores/shared/s", values=1, cursor=cursor)
        assert len(page["entries"]) <= 20
        found |= {each["key"]: (each["value"], each["expires_ms"]) for each in page["entries"]}
        cursor = page["cursor"]
    expected = {each["key"]: (each["value"], None) for each in entries}
    expected["k0"] = ({"n": 0}, bench.clock.now_ms() + 3_600_000)
    assert found == {**expected, "last": (None, None)}
    actions = [each["action"] for each in (await ask(bench, "GET", "/audit"))["lines"]]
    assert actions == ["store.put", "store.restore"]


async def test_an_entry_that_is_refused_leaves_the_others(bench: Bench) -> None:
    entries = [{"key": "a", "value": 1}, {"key": "k" * 513, "value": 1}, {"key": "b", "value": 2, "ttl": "1h"}]
    assert await ask(bench, "PUT", ENTRIES, {"entries": entries}) == "STORE_KEY_TOO_LONG"
    page = await ask(bench, "GET", "/stores/shared/s", values=1)
    assert {each["key"]: each["value"] for each in page["entries"]} == {"a": 1, "b": 2}


@pytest.mark.parametrize("purges", [True, False])
async def test_a_workflow_is_deleted_with_its_store_if_asked(bench: Bench, purges: bool) -> None:
    token = (await bench.service.push(COUNT, ADA)).stored.token
    await ask(bench, "POST", "/webhooks/named/w/trigger", {})
    await ask(bench, "DELETE", f"/webhooks/{token}", purge_store=int(purges))
    assert len((await ask(bench, "GET", "/stores"))["stores"]) == int(not purges)
    noted = [each["action"] for each in (await ask(bench, "GET", "/audit"))["lines"]]
    assert ("store.purge" in noted) is purges


async def test_a_store_of_no_workflow_is_told(bench: Bench) -> None:
    put = await ask(bench, "PUT", "/stores/workflow/typo/entry", {"value": 1}, key="n")
    assert put == {"key": "n", "was_there": False, "has_workflow": False}


async def test_times_are_whole_milliseconds(bench: Bench) -> None:
    bench.clock.advance(0.25)
    await ask(bench, "PUT", ENTRY, {"value": 1, "ttl": "1s"}, key="k")
    [entry] = (await ask(bench, "GET", "/stores/shared/s"))["entries"]
    assert isinstance(entry["expires_ms"], int)


async def test_edits_are_noted_without_keys_and_values(bench: Bench) -> None:
    await ask(bench, "PUT", ENTRY, {"value": "canary"}, key="canary")
    await ask(bench, "DELETE", ENTRY, key="canary")
    await ask(bench, "DELETE", "/stores/shared/s")
    lines = await ask(bench, "GET", "/audit")
    assert [(each["action"], each["subject"]) for each in lines["lines"]] == [
        ("store.purge", "shared s"), ("store.delete", "shared s"), ("store.put", "shared s"),
    ]  # fmt: skip
    assert "canary" not in str(lines) + str(bench.store.sql.content)


@pytest.mark.parametrize(
    ("method", "path", "body", "query", "code"),
    [
        pytest.param("GET", "/stores/other/w", None, {}, "NOT_FOUND", id="a kind"),
        pytest.param("GET", "/stores/shared/*", None, {}, "INVALID_REQUEST", id="a name"),
        pytest.param("GET", "/stores/shared/s", None, {"limit": 101}, "INVALID_REQUEST", id="a limit"),
        pytest.param("GET", "/stores/shared/s", None, {"limit": 21, "values": 1}, "INVALID_REQUEST", id="with values"),
        pytest.param("PUT", ENTRIES, {"entries": []}, {}, "INVALID_REQUEST", id="no entries"),
        pytest.param("PUT", ENTRIES, {"entries": [{"key": "a"}]}, {}, "INVALID_REQUEST", id="without value"),
        pytest.param("PUT", ENTRIES, {"entries": [{"key": 7, "value": 1}]}, {}, "INVALID_REQUEST", id="odd key"),
        pytest.param("GET", "/stores", None, {"limit": 0}, "INVALID_REQUEST", id="no limit"),
        pytest.param("GET", "/stores/shared/s", None, {"cursor": "x"}, "INVALID_REQUEST", id="a cursor"),
        pytest.param("GET", "/stores", None, {"cursor": "x"}, "INVALID_REQUEST", id="a cursor of stores"),
        pytest.param("GET", ENTRY, None, {}, "INVALID_REQUEST", id="no key"),
        pytest.param("GET", ENTRY, None, {"key": "a"}, "ENTRY_NOT_FOUND", id="no entry"),
        pytest.param("DELETE", ENTRY, None, {"key": "a"}, "ENTRY_NOT_FOUND", id="none to delete"),
        pytest.param("PUT", ENTRY, {}, {"key": "a"}, "INVALID_REQUEST", id="no value"),
        pytest.param("PUT", ENTRY, {"value": 1, "ttl": "x"}, {"key": "a"}, "INVALID_REQUEST", id="a ttl"),
        pytest.param("PUT", ENTRY, {"value": 1}, {"key": "k" * 513}, "STORE_KEY_TOO_LONG", id="long"),
    ],
)  # fmt: skip
async def test_refusals(bench: Bench, method: str, path: str, body: Any, query: dict[str, Any], code: str) -> None:
    assert await ask(bench, method, path, body, **query) == code


async def test_a_tenant_sees_its_own_stores_alone() -> None:
    bench = await build_hosted({"store": AskStore()}, "a", "b", contracts={"store": STORE_CONTRACT})
    put = await bench.ask("PUT", "/stores/shared/s/entry?key=k", bench.keys["a"], {"value": "of a"})
    assert put.json()["success"], put.text
    assert (
        read_error(await bench.ask("GET", "/stores/shared/s/entry?key=k", bench.keys["b"]))["code"] == "ENTRY_NOT_FOUND"
    )
    assert (await bench.ask("GET", "/stores", bench.keys["b"])).json()["data"]["stores"] == []
    assert (await bench.ask("DELETE", "/stores?all=1", bench.keys["b"])).json()["success"]
    found = await bench.ask("GET", "/stores/shared/s/entry?key=k", bench.keys["a"])
    assert found.json()["data"] == {"key": "k", "value": "of a"}
