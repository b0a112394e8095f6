"""The entries of stores in an export: plain or sealed, from one platform to another, with their time."""

import json
from pathlib import Path
from typing import Any

import pytest

from acr.backups.store_entries import MAX_REQUEST_CHARACTERS, EntrySeal, put_entries
from acr.errors import CliError
from acr.targets.executor_client import ExecutorClient, StoreName
from arcrun.limits import MAX_STORE_VALUES
from workerd.local_platform import LocalPlatform, running_platform

PASSPHRASE, ANOTHER = "correct horse battery", "another one"
NOW_MS = 1_790_000_000_000.0


class NotedPuts(ExecutorClient):
    """Notes what is put into stores."""

    def __init__(self) -> None:
        self.puts: list[tuple[StoreName, list[Any]]] = []

    def put_entries(self, store: StoreName, entries: Any) -> None:
        self.puts.append((store, list(entries)))


def line(key: str, value: Any = 1, *, name: str = "s", kind: str = "shared", expires_ms: float | None = None) -> Any:
    return {"store": {"kind": kind, "name": name}, "key": key, "value": value, "expires_ms": expires_ms}


def test_entries_are_put_some_at_a_time_each_into_its_store() -> None:
    client = NotedPuts()
    lines = [line(str(number)) for number in range(MAX_STORE_VALUES + 1)]
    lines += [
        line("a", name="w", kind="workflow"),
        line("long", "x" * MAX_REQUEST_CHARACTERS, name="w"),
        line("b", name="w"),
    ]
    assert put_entries(client, lines, None, NOW_MS) == len(lines)
    assert [(store, len(entries)) for store, entries in client.puts] == [
        (StoreName("s", True), MAX_STORE_VALUES),
        (StoreName("s", True), 1),
        (StoreName("w"), 1),
        (StoreName("w", True), 1),
        (StoreName("w", True), 1),
    ]


def test_what_is_left_of_a_time_is_kept_and_what_has_expired_is_left_out() -> None:
    client = NotedPuts()
    lines = [line("gone", expires_ms=NOW_MS), line("soon", expires_ms=NOW_MS + 90_000), line("stays")]
    assert put_entries(client, lines, None, NOW_MS) == 2
    [(_, entries)] = client.puts
    assert entries == [{"key": "soon", "value": 1, "ttl": "90000ms"}, {"key": "stays", "value": 1}]


def test_a_sealed_entry_opens_under_its_passphrase_only() -> None:
    seal = EntrySeal.build("one")
    sealed = seal.seal(line("canary"))
    assert "canary" not in json.dumps(sealed)
    assert sealed != seal.seal(line("canary"))
    assert EntrySeal.load(seal.to_json(), "one").open(sealed["sealed"]) == line("canary")
    changed = sealed["sealed"][:-4] + ("AAAA" if sealed["sealed"][-4:] != "AAAA" else "BBBB")
    for opening, text in (
        (EntrySeal.load(seal.to_json(), "two"), sealed["sealed"]),
        (seal, changed),
        (seal, "?"),
        (seal, ""),
    ):
        with pytest.raises(CliError) as refused:
            opening.open(text)
        assert refused.value.code == "STORES_UNREADABLE"


@pytest.mark.parametrize(
    "entry",
    [{}, {"sealed": "x"}, {**line("a"), "key": 7}, {**line("a"), "store": {"kind": "other", "name": "w"}}],
    ids=["empty", "sealed", "odd key", "no such kind"],
)
def test_an_entry_of_another_form_is_refused(entry: Any) -> None:
    with pytest.raises(CliError, match="cannot be read"):
        put_entries(NotedPuts(), [entry], None, NOW_MS)


def acr(platform: LocalPlatform, *arguments: str, code: int = 0, passphrase: str = "") -> Any:
    said = platform.acr(*arguments, "--json", ARCRUN_EXPORT_PASSPHRASE=passphrase)
    assert said.returncode == code, said.stdout + said.stderr
    answer = json.loads(said.stdout)
    return answer["data"] if code == 0 else answer["error"]["code"]


def read_stores(platform: LocalPlatform) -> dict[tuple[str, str], dict[str, tuple[Any, float | None]]]:
    with platform.executor as client:
        stores = client.get("/stores").json()["data"]["stores"]
        return {
            (each["kind"], each["name"]): {
                entry["key"]: (entry["value"], entry["expires_ms"])
                for entry in client.get(f"/stores/{each['kind']}/{each['name']}?values=1").json()["data"]["entries"]
            }
            for each in stores
        }


@pytest.mark.workerd
def test_stores_are_exported_and_restored_elsewhere(tmp_path: Path) -> None:
    plain, sealed, without = (tmp_path / f"{name}.jsonl" for name in ("plain", "sealed", "without"))
    with running_platform(tmp_path / "first") as first:
        acr(first, "store", "put", "totals", "2026-11", '{"canary": [1]}', "--shared", "--ttl", "1d")
        acr(first, "store", "put", "orders", "last é", "null")
        stored = read_stores(first)
        assert acr(first, "export", str(plain), "--stores", "plain")["entries"] == 2
        assert acr(first, "export", str(sealed), "--stores", "sealed", code=1) == "PASSPHRASE_MISSING"
        assert acr(first, "export", str(sealed), "--stores", "sealed", passphrase=PASSPHRASE)["entries"] == 2
        assert "entries" not in acr(first, "export", str(without))
        assert acr(first, "restore", str(plain), code=1) == "STORES_EXIST"
        formats = [json.loads(file.read_text().splitlines()[0])["format"] for file in (plain, sealed, without)]
        assert formats == [2, 2, 1]
        assert ["canary" in file.read_text() for file in (plain, sealed, without)] == [True, False, False]
    with running_platform(tmp_path / "second") as second:
        assert "entries" not in acr(second, "restore", str(plain), "--no-stores")
        assert read_stores(second) == {}
        assert acr(second, "restore", str(sealed), code=1, passphrase=ANOTHER) == "STORES_UNREADABLE"
        assert acr(second, "restore", str(sealed), passphrase=PASSPHRASE)["entries"] == 2
        restored = read_stores(second)
        assert {name: [*entries] for name, entries in restored.items()} == {
            name: [*entries] for name, entries in stored.items()
        }
        value, expires_ms = restored["shared", "totals"]["2026-11"]
        was, due_ms = stored["shared", "totals"]["2026-11"]
        assert value == was
        assert expires_ms is not None
        assert due_ms is not None
        assert abs(expires_ms - due_ms) < 30_000
        assert restored["workflow", "orders"]["last é"] == (None, None)
        assert "2 of 2 entries" in second.acr("restore", str(plain), "--force").stderr
