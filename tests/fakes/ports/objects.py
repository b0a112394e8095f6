"""Durable Objects in this process: channels to their operations, over SQLite in memory."""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

from arcrun.durable_objects import Operations, render_call
from arcrun.engine.run_id import object_of
from arcrun.errors import UpstreamError
from arcrun.ports import Clock
from arcrun.run_log.objects import RunLogObjects
from arcrun.run_log.protocol import RemoteRunLog, RunLogObject, StoredRun
from arcrun.run_log.settings import RunLogSettings
from arcrun.workspace.protocol import RemoteWorkspace, WorkspaceObject
from executor import workspace
from executor.records import run_log
from executor.records.run_log import RunLogTables
from executor.workspace import WorkspaceTables
from fakes.ports.sql import SqliteSql
from fakes.ports.system import FixedClock


class FakeChannel:
    """`asked` lists the operations. While `is_down` no call arrives."""

    def __init__(self, operations: Operations) -> None:
        self.operations = operations
        self.asked: list[str] = []
        self.is_down = False

    async def call(self, operation: str, arguments: Mapping[str, Any]) -> Any:
        await asyncio.sleep(0)  # other tasks run while a real call is under way
        if self.is_down:
            raise UpstreamError("A Durable Object of the platform does not answer.", code="OBJECT_UNAVAILABLE")
        self.asked.append(operation)
        answer = self.operations.answer(render_call(operation, arguments))
        await asyncio.sleep(0)
        return json.loads(answer)


class FakeAlarm:
    """`due_ms` is when it goes off, None if it is not set. `on_set` is called whenever it is set."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.due_ms: float | None = None
        self.sets = 0
        self.on_set: Callable[[], object] = lambda: None

    def set(self, delay_ms: float) -> None:
        self.due_ms = self._clock.now_ms() + delay_ms
        self.sets += 1
        self.on_set()

    def clear(self) -> None:
        self.due_ms = None


class FakeRunLogs(RunLogObjects):
    """RunLogs over channels to objects of their own, opened as they are asked for."""

    def __init__(self, clock: Clock, count: int = 4, **options: Any) -> None:
        super().__init__(lambda number: RemoteRunLog(self.channel_of(number)), count)
        self._clock, self._is_down = clock, False
        self._settings = RunLogSettings(count, **{"keep_days": 7, "bytes": 2**26, "export_ms": 60_000, **options})
        self.sql: dict[int, SqliteSql] = {}
        self.alarms: dict[int, FakeAlarm] = {}
        self.tables: dict[int, RunLogTables] = {}
        self.channels: dict[int, FakeChannel] = {}

    def channel_of(self, number: int) -> FakeChannel:
        if number not in self.channels:
            self.sql[number], self.alarms[number] = SqliteSql(run_log.MIGRATIONS), FakeAlarm(self._clock)
            self.channels[number] = FakeChannel(Operations(self.start(number), RunLogObject))
            self.channels[number].is_down = self._is_down
        return self.channels[number]

    def start(self, number: int) -> RunLogTables:
        """A new instance of the object over what it has stored."""
        log = RunLogTables(self.sql[number], self.alarms[number], self._clock, self._settings)
        self.tables[number] = log
        if number in self.channels:
            self.channels[number].operations = Operations(log, RunLogObject)
        return log

    def look_up(self, run_id: str) -> StoredRun:
        """What is kept at this moment."""
        found = self.tables[object_of(run_id)].find(run_id)
        assert found is not None
        return found

    @property
    def stored(self) -> str:
        """All runs in them, as text."""
        return json.dumps([row for sql in self.sql.values() for row in sql.execute("SELECT * FROM runs")])

    @property
    def is_down(self) -> bool:
        return self._is_down

    @is_down.setter
    def is_down(self, value: bool) -> None:
        self._is_down = value
        for channel in self.channels.values():
            channel.is_down = value


class FakeWorkspace(RemoteWorkspace):
    """A Workspace over a channel to an object of its own."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.sql = SqliteSql(workspace.MIGRATIONS)
        self.clock = clock or FixedClock()
        self.alarm = FakeAlarm(self.clock)
        self.channel = FakeChannel(self.start())
        super().__init__(self.channel)

    def start(self) -> Operations:
        """A new instance of the object over what it has stored."""
        self.tables = WorkspaceTables(self.sql, self.clock, self.alarm)
        operations = Operations(self.tables, WorkspaceObject)
        if hasattr(self, "channel"):
            self.channel.operations = operations
        return operations

    @property
    def stored(self) -> str:
        """All that lies in it, as text."""
        tables = ("heads", "audit", "workspace", "refused", "request_keys")
        return json.dumps([self.sql.execute(f"SELECT * FROM {table}") for table in tables])
