"""An account's stores over SQLite in memory, behind a channel, sealed under a key of their own."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from arcrun.durable_objects import Operations, render_call
from arcrun.errors import UpstreamError
from arcrun.ports import Clock
from arcrun.store.protocol import RemoteStore, StoreObject
from arcrun.wasm.abi import Execution, HostFunctions
from executor.stores.tables import MIGRATIONS, StoreTables
from fakes.components import exited, open_schema
from fakes.contracts import contract_source
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


class AskStore:
    """The component `store`, or one that does several `ops` of a store one after the other. The first `failing` calls
    fail when all is done.
    """

    def __init__(self, failing: int = 0) -> None:
        self.failing, self.calls = failing, 0

    async def run(self, stdin: str, host: HostFunctions) -> Execution:
        given, answers = json.loads(stdin), list[Any]()
        self.calls += 1
        for request in given.get("ops", [given]):
            reply = json.loads(await host.answer("store", json.dumps(request)))
            if not reply["ok"]:
                return exited({"success": False, "error": reply["error"]})
            answers.append(reply["value"])
        if self.calls <= self.failing:
            return exited({"success": False, "error": {"code": "LATE", "message": "no", "retriable": True}})
        return exited({"success": True, "data": answers if "ops" in given else answers[0]})


STORE_CONTRACT = contract_source(
    canonical_id="store",
    capabilities=["store"],
    input_schema=open_schema(["op", "key", "value", "by", "store", "ops", "expected", "ttl"]),
)


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
