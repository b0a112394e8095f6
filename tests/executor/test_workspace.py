"""Proves the Workspace's tables: the results of operations, limits, compatibility between versions of code, and that no
tenant's data is stored in the clear."""

import inspect
import json
import re
from pathlib import Path
from typing import Any, cast

import pytest

from arcrun.durable_objects import Operations, migrate, render_call
from arcrun.errors import ArcrunError, UpstreamError
from arcrun.workspace.protocol import Commit, Note, RemoteWorkspace, WorkspaceObject
from executor import workspace as tables
from executor.workspace import MIGRATIONS, WorkspaceTables
from fakes.components import echo
from fakes.executor import Script
from fakes.ports.objects import FakeChannel, FakeWorkspace
from fakes.ports.sql import SqliteSql
from fakes.ports.storage import InMemoryKV
from fakes.ports.system import FixedClock, SeededRandom
from fakes.tenants import build_hosted
from fakes.workflows import ADA, build_workflows
from registry.registry_object import RegistryObject, RegistryTables, RemoteRegistry
from registry.statistics_export import TABLES

pytestmark = pytest.mark.anyio

NOTE: Note = {"at": "2026-01-01T00:00:00.000Z", "line": "{}"}


def commit_of(number: int, name: str = "w", token: str = "t1") -> Commit:
    return {
        "name_id": name,
        "number": number,
        "identity": f"identity of {token}",
        "token_id": token,
        "traits": f"traits of {number}",
        "format": 3,
        "updated_at": NOTE["at"],
    }


def push(workspace: WorkspaceTables, name: str = "w", token: str = "t1") -> int:
    number = workspace.reserve(name, 0)["number"]
    workspace.commit(commit_of(number, name, token), NOTE)
    return number


def test_a_later_push_counts_however_late_an_earlier_one_ends() -> None:
    workspace = WorkspaceTables(SqliteSql(), FixedClock())
    first, second = workspace.reserve("w", 0)["number"], workspace.reserve("w", 0)["number"]
    assert (first, second) == (1, 2)
    later = workspace.commit(commit_of(second, token="t2"), NOTE)["head"]
    earlier = workspace.commit(commit_of(first, token="t1"), NOTE)["head"]
    assert later is not None
    assert later["pending"] == [first]
    assert earlier == {**later, "pending": []}
    assert (later["version"], later["token_id"], later["traits"]) == (2, "t2", "traits of 2")


def test_a_push_that_was_under_way_while_its_workflow_was_deleted_is_refused() -> None:
    workspace = WorkspaceTables(SqliteSql(), FixedClock())
    push(workspace)
    under_way = workspace.reserve("w", 0)["number"]
    assert workspace.delete("w", "t1", NOTE)
    assert workspace.commit(commit_of(under_way, token="t2"), NOTE)["head"] is None
    assert workspace.look("w") == {"head": None, "state": "new", "floor": 2}
    assert push(workspace, token="t3") == 3


def test_only_the_token_that_counts_can_be_replaced_or_deleted() -> None:
    workspace = WorkspaceTables(SqliteSql(), FixedClock())
    push(workspace)
    rotation = {"name_id": "w", "token_id": "t1", "identity": "i", "new_token_id": "t2"}
    assert workspace.rotate(cast("Any", rotation), NOTE)["head"] is not None
    assert workspace.rotate(cast("Any", rotation), NOTE)["head"] is None
    assert not workspace.delete("w", "t1", NOTE)
    assert workspace.delete("w", "t2", NOTE)
    assert not workspace.delete("w", "t2", NOTE)
    assert len(workspace.list_notes(None, 10)) == 3


def test_a_rollback_reaches_the_workflow_s_own_versions_alone() -> None:
    workspace = WorkspaceTables(SqliteSql(), FixedClock())
    push(workspace)
    workspace.delete("w", "t1", NOTE)
    assert workspace.roll_back(commit_of(1), NOTE)["head"] is None
    second = push(workspace, token="t2")
    third = push(workspace, token="t3")
    assert workspace.roll_back(commit_of(1), NOTE)["head"] is None
    rolled = workspace.roll_back(commit_of(second), NOTE)["head"]
    assert rolled is not None
    assert (rolled["version"], rolled["latest"], rolled["token_id"]) == (second, third, "t2")


def test_a_description_reaches_the_current_version_alone() -> None:
    workspace = WorkspaceTables(SqliteSql(), FixedClock())
    first, second = push(workspace), push(workspace)
    current = workspace.look("w")["head"]
    assert current is not None
    assert workspace.describe(commit_of(first) | {"traits": "old"}, NOTE) == {"head": current}
    described = workspace.describe(commit_of(second) | {"traits": "new"}, NOTE)
    assert described == {"head": {**current, "traits": "new"}}
    assert len(workspace.list_notes(None, 10)) == 3
    workspace.delete("w", "t1", NOTE)
    assert workspace.describe(commit_of(second) | {"traits": "new"}, NOTE) == {"head": None}


def test_a_number_is_given_once_also_where_kv_has_more() -> None:
    workspace = WorkspaceTables(SqliteSql(), FixedClock())
    assert [workspace.reserve("w", 7)["number"], workspace.reserve("w", 0)["number"]] == [8, 9]
    assert workspace.look("w")["floor"] == 7


def test_what_is_imported_comes_once_and_under_what_is_there() -> None:
    workspace = WorkspaceTables(SqliteSql(), FixedClock())
    push(workspace)
    known = workspace.look("w")["head"]
    assert known is not None
    imported = [{**known, "token_id": "old"}, {**known, "name_id": "v", "latest": 4}]
    assert workspace.import_heads(cast("Any", imported[:1]), is_complete=False, note=NOTE) == "new"
    assert workspace.import_heads(cast("Any", imported), is_complete=True, note=NOTE) == "open"
    assert workspace.import_heads(cast("Any", [{**known, "name_id": "late"}]), is_complete=True, note=NOTE) == "open"
    assert [head["name_id"] for head in workspace.list_heads("", 10)] == ["v", "w"]
    assert workspace.look("w")["head"] == known
    assert workspace.reserve("v", 0)["number"] == 5


def test_what_may_grow_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MAX_WORKFLOWS", 2)
    monkeypatch.setattr(tables, "MAX_NAMES", 3)
    monkeypatch.setattr(tables, "MAX_AUDIT_LINES", 4)
    workspace = WorkspaceTables(SqliteSql(), FixedClock())
    for name in ("a", "b"):
        push(workspace, name)
    assert workspace.reserve("c", 0) == {"number": 0, "full": "workflows"}
    assert workspace.reserve("a", 0) == {"number": 2}
    workspace.delete("a", "t1", NOTE)
    push(workspace, "c")
    workspace.delete("c", "t1", NOTE)
    assert workspace.reserve("d", 0) == {"number": 0, "full": "names"}
    assert push(workspace, "a", "t2") == 3
    assert [note["id"] for note in workspace.list_notes(None, 10)] == [6, 5, 4, 3]
    assert [note["id"] for note in workspace.list_notes(5, 1)] == [4]
    monkeypatch.setattr(tables, "MAX_TOLD_LINES", 2)
    for _ in range(20):  # reported lines do not evict the platform's own
        workspace.note(NOTE, is_told=True)
    assert [note["id"] for note in workspace.list_notes(None, 10)] == [26, 25, 6, 5, 4, 3]
    monkeypatch.setattr(tables, "MAX_PENDING", 3)
    numbers = [workspace.reserve("a", 0)["number"] for _ in range(6)]
    head = workspace.look("a")["head"]
    assert head is not None
    assert head["pending"] == numbers[-3:]


async def test_a_full_account_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MAX_WORKFLOWS", 0)
    clock = FixedClock()
    store = build_workflows(InMemoryKV(clock), FakeWorkspace(), clock, SeededRandom())
    with pytest.raises(ArcrunError) as caught:
        await store._heads.reserve("w", 0)
    assert (caught.value.code, caught.value.http_status) == ("WORKFLOW_LIMIT", 409)
    assert "acr delete" in caught.value.next_actions[0]


def test_a_closed_workspace_keeps_nothing_and_takes_nothing() -> None:
    sql = SqliteSql()
    workspace = WorkspaceTables(sql, FixedClock())
    push(workspace)
    head = workspace.look("w")["head"]
    workspace.close()
    assert workspace.import_heads([cast("Any", head)], is_complete=True, note=NOTE) == "closed"
    assert workspace.reserve("w", 0) == {"number": 0, "full": ""}
    assert workspace.commit(commit_of(5), NOTE)["head"] is None
    workspace.note(NOTE, is_told=False)
    assert [sql.execute(f"SELECT * FROM {table}") for table in ("heads", "audit", "pending")] == [[]] * 3
    workspace.open_anew()
    assert workspace.look("w") == {"head": None, "state": "open", "floor": 0}
    assert push(workspace) == 1


PAIRS = [
    pytest.param(WorkspaceObject, RemoteWorkspace, WorkspaceTables, id="workspace"),
    pytest.param(RegistryObject, RemoteRegistry, RegistryTables, id="registry"),
]


@pytest.mark.parametrize(("protocol", "remote", "target"), PAIRS)
def test_both_sides_have_each_operation_with_the_same_arguments(protocol: type, remote: type, target: type) -> None:
    operations = [name for name in dir(protocol) if not name.startswith("_")]
    assert len(operations) > 5
    built: Any = target(SqliteSql(), cast("Any", None))
    for name in operations:
        parameters = [*inspect.signature(getattr(protocol, name)).parameters][1:]
        assert [*inspect.signature(getattr(remote, name)).parameters][1:] == parameters
        assert [*inspect.signature(getattr(built, name)).parameters] == parameters


def test_an_object_works_with_a_newer_worker() -> None:
    """The object ignores unknown arguments, and refuses unknown operations."""
    operations = Operations(WorkspaceTables(SqliteSql(), FixedClock()), WorkspaceObject)
    assert json.loads(operations.answer(render_call("reserve", {"name_id": "w", "at_least": 0, "newer": 1})))
    with pytest.raises(LookupError):
        operations.answer(render_call("schedule", {}))
    with pytest.raises(LookupError):
        operations.answer(render_call("__init__", {}))


def test_statements_name_the_columns_that_they_fill() -> None:
    """So that they still work when the next version has added one."""
    root = Path(__file__).resolve().parents[2] / "workers"
    sources = [path.read_text() for service in ("executor", "registry") for path in root.glob(f"{service}/src/*/*.py")]
    inserts = [match for text in sources for match in re.findall(r"INSERT (?:OR \w+ )?INTO (\w+)(.{0,2})", text)]
    assert len(inserts) >= 7
    assert [table for table, after in inserts if not after.startswith(" (")] == []


async def test_a_worker_works_with_a_newer_object() -> None:
    """Its answers have more keys, and its tables more columns."""
    sql = SqliteSql()
    newer = WorkspaceTables(sql, FixedClock())
    for statement in ("ALTER TABLE heads ADD COLUMN color TEXT", "UPDATE schema SET number = number + 1"):
        sql.execute(statement)

    class NewerChannel(FakeChannel):
        async def call(self, operation: str, arguments: Any) -> Any:
            answer = await super().call(operation, arguments)
            return {**answer, "newer": True} if isinstance(answer, dict) else answer

    clock = FixedClock()
    remote = RemoteWorkspace(NewerChannel(Operations(newer, WorkspaceObject)))
    store = build_workflows(InMemoryKV(clock), remote, clock, SeededRandom())
    await store._heads.import_some([], NOTE, is_complete=True)
    assert await store._heads.reserve("w", 0) == 1


def test_tables_are_migrated_once_and_refused_when_two_versions_ahead() -> None:
    sql = SqliteSql()
    push(WorkspaceTables(sql, FixedClock()))
    assert WorkspaceTables(sql, FixedClock()).look("w")["head"] is not None  # a second start changes nothing
    sql.execute("UPDATE schema SET number = ?", len(MIGRATIONS) + 1)
    assert WorkspaceTables(sql, FixedClock()).look("w")["head"] is not None
    sql.execute("UPDATE schema SET number = ?", len(MIGRATIONS) + 2)
    with pytest.raises(RuntimeError, match="schema is"):
        WorkspaceTables(sql, FixedClock())


def test_an_object_from_before_schemas_had_numbers_is_taken_as_it_is() -> None:
    """The registry's object, with the tables and rows of the earlier version."""
    sql = SqliteSql()
    sql.execute(TABLES[0])
    sql.execute("INSERT INTO statistics_mirror VALUES (1, 1, 41)")
    RegistryTables(sql, cast("Any", None))
    assert sql.execute("SELECT * FROM statistics_mirror") == [{"id": 1, "is_due": 1, "sequence": 41}]
    assert sql.execute("SELECT number FROM schema") == [{"number": 1}]


def test_a_migration_runs_from_where_the_tables_are() -> None:
    sql = SqliteSql()
    migrate(sql, [["CREATE TABLE a (x)"]])
    migrate(sql, [["CREATE TABLE a (x)"], ["INSERT INTO a VALUES (1)", "ALTER TABLE a ADD COLUMN y"]])
    assert sql.execute("SELECT * FROM a") == [{"x": 1, "y": None}]


async def test_no_tenant_data_is_in_its_workspace_in_the_clear() -> None:
    script: Script = {"echo": echo}
    bench = await build_hosted(script)
    flow = {"name": "canary_name", "flow": ["input >> SUBFLOW >> canary_called"]}
    for source in ({"name": "canary_called", "flow": ["input >> PIPE >> echo"]}, flow):
        body = {"workflow": source, "file": "canary_file.yaml"}
        answer = await bench.ask("POST", "/webhooks", bench.keys["a"], body, "192.0.2.77")
    token = answer.json()["data"]["token"]
    await bench.ask("POST", "/audit", bench.keys["a"], {"action": "credential.put", "subjects": ["canary_secret"]})
    [stored] = [workspace.stored for workspace in bench.workspaces.values()]
    assert len(stored) > 1_000
    assert [text for text in ("canary", token, "192.0.2.77", "workflow.push") if text in stored] == []
    shown = (await bench.ask("GET", "/audit", bench.keys["a"])).json()["data"]["lines"]
    assert [(line["action"], line["subject"], line["address"]) for line in shown] == [
        ("credential.put", "canary_secret", "192.0.2.7"),
        ("workflow.push", "canary_name", "192.0.2.77"),
        ("workflow.push", "canary_called", "192.0.2.77"),
    ]


async def test_a_tenant_sees_its_own_audit_log_alone() -> None:
    bench = await build_hosted({"echo": echo})
    source = {"name": "mine", "flow": ["input >> PIPE >> echo"]}
    await bench.ask("POST", "/webhooks", bench.keys["a"], {"workflow": source})
    assert (await bench.ask("GET", "/audit", bench.keys["b"])).json()["data"] == {"lines": [], "cursor": None}
    assert len((await bench.ask("GET", "/audit", bench.keys["a"])).json()["data"]["lines"]) == 1


async def test_a_workspace_that_does_not_answer_is_named() -> None:
    workspace = FakeWorkspace()
    workspace.channel.is_down = True
    clock = FixedClock()
    store = build_workflows(InMemoryKV(clock), workspace, clock, SeededRandom())
    for call in (store.find_by_name("w"), store.list_heads(), store.roll_back("w", 1, ADA)):
        with pytest.raises(UpstreamError) as caught:
            await call
        assert caught.value.code == "OBJECT_UNAVAILABLE"
