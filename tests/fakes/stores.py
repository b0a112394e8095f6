"""An account's stores over SQLite in memory, behind a channel, sealed under a key of their own."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from arcrun.durable_objects import Operations, render_call
from arcrun.errors import UpstreamError
from arcrun.ports import Clock
from arcrun.store.protocol import RemoteStore, StoreObject
from executor.stores.tables import MIGRATIONS, StoreTables
from fakes.ports.cipher import DeskCipher
from fakes.ports.sql import SqliteSql
from fakes.ports.system import FixedClock, SeededRandom


class DeskSealer:
    def __init__(self, key: bytes = b"k" * 32) -> None:
        self._cipher, self._random = DeskCipher(key), SeededRandom(1)

    async def seal(self, purpose: str, content: bytes) -> bytes:
        iv = self._random.token_bytes(12)
        return iv + await self._cipher.encrypt(content, iv, purpose.encode())

    async def open(self, purpose: str, sealed: bytes) -> bytes:
        return await self._cipher.decrypt(sealed[12:], sealed[:12], purpose.encode())


class StoreChannel:
    """`lost` is how many of the next answers do not arrive, although their operations are done."""

    def __init__(self, operations: Operations) -> None:
        self.operations, self.lost, self.asked = operations, 0, list[str]()

    async def call(self, operation: str, arguments: Mapping[str, Any]) -> Any:
        await asyncio.sleep(0)
        self.asked.append(operation)
        answer = await self.operations.answer_later(render_call(operation, arguments))
        if self.lost > 0:
            self.lost -= 1
            raise UpstreamError("The store does not answer.", code="OBJECT_UNAVAILABLE")
        return json.loads(answer)


class FakeStore(RemoteStore):
    """StoreObject over a channel to an object of its own."""

    def __init__(self, clock: Clock | None = None, tenant: str = "", **options: Any) -> None:
        self.sql = SqliteSql(MIGRATIONS)
        self.tables = StoreTables(self.sql, clock or FixedClock(), SeededRandom(2), DeskSealer(), **options)
        super().__init__(StoreChannel(Operations(self.tables, StoreObject)), tenant)

    @property
    def wire(self) -> StoreChannel:
        assert isinstance(self.channel, StoreChannel)
        return self.channel

    async def read(self, scope: str, key: str) -> Any:
        """The value of an entry; None if there is none."""
        return (await self.do(scope, {"op": "get", "key": key}))["value"]
