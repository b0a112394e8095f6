"""`acr store` against the local platform: what workflows have kept is listed, read, edited and emptied."""

import json
from pathlib import Path
from typing import Any

import pytest

from workerd.local_platform import LocalPlatform

pytestmark = pytest.mark.workerd

SEEN = """name: seen_before
flow: [input >> PIPE >> once]
config:
  once: {component: store, op: add_once, key: "seen/{{input.id}}", ttl: 30d}
"""
COUNT = """name: counted
flow: [input >> PIPE >> count]
config:
  count: {component: store, op: increment, key: all, store: totals}
"""


def read_data(platform: LocalPlatform, *arguments: str, code: int = 0) -> Any:
    said = platform.acr(*arguments, "--json")
    assert said.returncode == code, said.stderr
    answer = json.loads(said.stdout)
    return answer["data"] if answer["success"] else answer["error"]["code"]


def run(platform: LocalPlatform, name: str, **value: Any) -> Any:
    return read_data(platform, "run", name, "--input", json.dumps(value))


def test_what_workflows_keep(platform: LocalPlatform, tmp_path: Path) -> None:
    for name, text in (("seen_before", SEEN), ("counted", COUNT)):
        (tmp_path / f"{name}.yaml").write_text(text)
        read_data(platform, "push", str(tmp_path / f"{name}.yaml"))
    assert [run(platform, "seen_before", id=each) for each in ("a", "b", "a")] == [
        {"is_new": True}, {"is_new": True}, {"is_new": False},
    ]  # fmt: skip
    assert run(platform, "counted") == {"value": 1}
    stores = {(each["kind"], each["name"]): each["entries"] for each in read_data(platform, "store", "list")["stores"]}
    assert stores == {("workflow", "seen_before"): 2, ("shared", "totals"): 1}
    listed = platform.acr("store", "list", "seen_before", "--prefix", "seen/")
    assert all(word in listed.stdout for word in ("seen/a", "seen/b", "B", "20"))
    assert platform.acr("store", "get", "totals", "all", "--shared").stdout == "1\n"
    put = platform.acr("store", "put", "totals", "all", "41", "--shared")
    assert put.stderr == "Replaced all in the shared store totals.\n"
    assert run(platform, "counted") == {"value": 42}
    typo = platform.acr("store", "put", "sen_before", "k", "1")
    assert (
        typo.stderr.splitlines()[1]
        == "There is no workflow sen_before: one that is pushed by that name has this store."
    )
    assert read_data(platform, "store", "purge", "sen_before", "--yes") == {"deleted": 1}
    assert read_data(platform, "store", "delete", "seen_before", "seen/a") == {"key": "seen/a", "deleted": True}
    assert read_data(platform, "store", "get", "seen_before", "seen/a", code=1) == "ENTRY_NOT_FOUND"
    assert run(platform, "seen_before", id="a") == {"is_new": True}
    assert platform.acr("store", "purge", "totals", "--shared").returncode == 2
    assert read_data(platform, "store", "purge", "totals", "--shared", "--yes") == {"deleted": 1}
    read_data(platform, "delete", "seen_before", "--yes", "--purge-store")
    assert read_data(platform, "store", "list") == {"stores": []}
    read_data(platform, "store", "put", "totals", "k", '{"a": [1]}', "--shared", "--ttl", "1d")
    assert read_data(platform, "store", "get", "totals", "k", "--shared") == {"key": "k", "value": {"a": [1]}}
    assert read_data(platform, "store", "purge", "--all", "--yes") == {"deleted": True}
    assert run(platform, "counted") == {"value": 1}


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["purge", "--yes"], id="purge what"),
        pytest.param(["purge", "a", "--all", "--yes"], id="purge both"),
        pytest.param(["list", "--prefix", "a"], id="of which"),
        pytest.param(["put", "a", "k", "no JSON"], id="no JSON"),
        pytest.param(["get", "a", ""], id="no key"),
        pytest.param(["delete", "", "k"], id="no name"),
    ],
)
def test_usage(platform: LocalPlatform, arguments: list[str]) -> None:
    assert platform.acr("store", *arguments).returncode == 2
