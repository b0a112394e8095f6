"""Durable Objects in this process: channels to their operations, over SQLite in memory."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from arcrun.errors import UpstreamError
from arcrun.objects import Operations, render_call
from arcrun.workspace.protocol import RemoteWorkspace, WorkspaceObject
from executor.workspace import Workspace
from fakes.sql import SqliteSql


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


class FakeWorkspace(RemoteWorkspace):
    """A Workspace over a channel to an object of its own."""

    def __init__(self) -> None:
        self.sql = SqliteSql()
        self.tables = Workspace(self.sql)
        self.channel = FakeChannel(Operations(self.tables, WorkspaceObject))
        super().__init__(self.channel)

    @property
    def stored(self) -> str:
        """All that lies in it, as text."""
        tables = ("heads", "audit", "workspace")
        return json.dumps([self.sql.execute(f"SELECT * FROM {table}") for table in tables])
