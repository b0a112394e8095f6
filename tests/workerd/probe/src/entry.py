"""A Worker that probes the local runtime from inside: each path tries one thing and answers the result."""

import asyncio
import base64
import json
import sys
from contextvars import ContextVar
from types import SimpleNamespace
from typing import Any

import js
from pyodide.ffi import JsException, create_proxy, to_js
from top_level import read_clocks, results

from arcrun.credentials.record import kv_key_of
from arcrun.errors import ArcrunError
from arcrun.signatures.policy import VerifyPolicy
from arcrun.signatures.received import ReceivedRequest
from arcrun.signatures.verification import verify_request
from arcrun_edge.bindings import read_bindings
from arcrun_edge.cloudflare_kv import CloudflareKV
from arcrun_edge.component_runner import PlatformRunner, _read_host_sources, _worker_code
from arcrun_edge.event_loop import import_module, shorten_turns
from arcrun_edge.system import SystemClock
from arcrun_edge.webcrypto import WebCrypto, WebCryptoCipher
from executor.credentials import CredentialVault
from workers import DurableObject, Response, WorkerEntrypoint

EMPTY_MODULE = b"\0asm\x01\0\0\0"
FETCHING_MAIN_MODULE = """
import { WorkerEntrypoint } from "cloudflare:workers";
export default class extends WorkerEntrypoint {
  async call(url) {
    try { return "answered " + (await fetch(url)).status; } catch (error) { return "refused: " + error.message; }
  }
}
"""


class Counter(DurableObject):
    """Counts in SQLite."""

    def __init__(self, ctx: Any, env: Any) -> None:
        super().__init__(ctx, env)
        self.sql = ctx.storage.sql
        self.sql.exec("CREATE TABLE IF NOT EXISTS counts (name TEXT PRIMARY KEY, value INTEGER)")

    async def add(self, name: str, amount: int) -> int:
        self.sql.exec(
            "INSERT INTO counts VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + excluded.value",
            name,
            amount,
        )
        row = self.sql.exec("SELECT value FROM counts WHERE name = ?", name).one()
        value: int = row["value"] if isinstance(row, dict) else row.value
        return value


class Default(WorkerEntrypoint):
    async def fetch(self, request: Any) -> Any:
        name = js.URL.new(request.url).pathname.strip("/")
        if name == "health":
            return Response.json({"ok": True})
        self.body = await request.text()
        try:
            result = await getattr(self, f"try_{name}")()
        except (JsException, AttributeError) as error:
            result = f"refused: {error}"
        return Response(json.dumps(result), headers={"content-type": "application/json"})

    async def try_compile(self) -> str:
        js.WebAssembly.Module.new(to_js(EMPTY_MODULE))
        return "compiled"

    async def try_compile_async(self) -> str:
        await js.WebAssembly.compile(to_js(EMPTY_MODULE))
        return "compiled"

    async def try_top_level(self) -> Any:
        """The result of each operation while this module was imported, and of the same operations now."""
        return {"then": results(), "now": results(now=True)}

    async def try_sys_path(self) -> list[str]:
        return sys.path

    async def try_stack_overflow(self) -> Any:
        return json.loads("[" * 10_000_000)

    async def try_wait(self) -> str:
        await asyncio.sleep(float(self.body))
        return "waited"

    async def try_clocks(self) -> dict[str, dict[str, float]]:
        """The milliseconds by which each clock advanced during each of several pieces of work."""
        moved: dict[str, dict[str, float]] = {}
        before = read_clocks()
        for name in ("computing", "yielding", "timer", "computing_again", "kv", "rpc", "fetch", "body", "timeout"):
            await getattr(self, f"_spend_{name}")()
            after = read_clocks()
            moved[name] = {clock: after[clock] - before[clock] for clock in after}
            before = after
        return moved

    async def _spend_computing(self) -> None:
        for _ in range(1_000_000):
            pass

    async def _spend_yielding(self) -> None:
        """Yield to other Python tasks, which is not I/O."""
        for _ in range(20):
            await self._spend_some()
            await asyncio.sleep(0)

    async def _spend_some(self) -> None:
        for _ in range(50_000):
            pass

    async def _spend_timer(self) -> None:
        await SystemClock().sleep(50)

    async def _spend_computing_again(self) -> None:
        await self._spend_computing()

    async def _spend_kv(self) -> None:
        await self.env.KV.get("k")

    async def _spend_rpc(self) -> None:
        await self._spend_computing()
        await self.env.COUNTER.getByName("clock").add("a", 1)

    async def _spend_fetch(self) -> None:
        await self._spend_computing()
        self.answer = await self.env.PEER.fetch("http://peer/health")

    async def _spend_body(self) -> None:
        await self._spend_computing()
        await self.answer.text()

    async def _spend_timeout(self) -> None:
        """Spend time in a timeout, which ends a wait but not a computation."""
        try:
            async with asyncio.timeout(0.03):
                await self._spend_computing()
                await asyncio.sleep(30)
        except TimeoutError:
            return
        raise AssertionError

    async def try_turns(self) -> dict[str, Any]:
        """The results of task steps: with the runtime's turns or, if there is a body, with shorter ones."""
        if self.body:
            shorten_turns()
        loop, order, faults = asyncio.get_running_loop(), list[str](), list[str]()
        name_of_task = ContextVar[str]("name_of_task", default="outer")
        loop.set_exception_handler(lambda _loop, fault: faults.append(repr(fault["exception"])))

        async def step(name: str) -> None:
            name_of_task.set(name)
            for _ in range(3):
                await asyncio.sleep(0)
                order.append(name_of_task.get())

        def fail() -> None:
            raise ValueError("of a callback")

        loop.call_soon(order.append, "soon")
        loop.call_soon(order.append, "cancelled").cancel()
        loop.call_soon(fail)
        await asyncio.gather(step("a"), step("b"))
        order.append(name_of_task.get())
        try:
            async with asyncio.timeout(0.02):
                await asyncio.sleep(10)
        except TimeoutError:
            order.append("timeout")
        await self.env.KV.get("k")
        loop.set_exception_handler(None)
        host = await import_module("component_host.mjs")
        same = await import_module("component_host.mjs") is host
        try:
            await import_module("nowhere.mjs")
        except ImportError:
            order.append("no module")
        return {"order": order, "faults": faults, "same": same, "is_shortened": "call_soon" in vars(loop)}

    async def try_runtime_bindings(self) -> list[str]:
        return sorted(str(name) for name in js.Object.keys(read_bindings()))

    async def try_runtime_bindings_of_env(self) -> Any:
        return str(self.env.ARCRUN_UNSAFE_EVAL)

    async def try_kv(self) -> Any:
        await self.env.KV.put("k", "v")
        return await self.env.KV.get("k")

    async def try_peer(self) -> Any:
        answer = await self.env.PEER.fetch("http://peer/health")
        return json.loads(await answer.text())

    async def try_counter(self) -> Any:
        stub = self.env.COUNTER.getByName("one")
        return [await stub.add("a", 2), await stub.add("a", 3)]

    async def try_encrypt(self) -> Any:
        return await self._try_cipher("encrypt")

    async def try_decrypt(self) -> Any:
        return await self._try_cipher("decrypt")

    async def _try_cipher(self, operation: str) -> Any:
        """The body is {"key", "iv", "data", "content"}, all in base64."""
        given = {name: base64.b64decode(value) for name, value in json.loads(self.body).items()}
        apply = getattr(WebCryptoCipher(given["key"]), operation)
        try:
            result = await apply(given["content"], given["iv"], given["data"])
        except ArcrunError as error:
            return {"code": error.code}
        return {"bytes": base64.b64encode(result).decode()}

    async def try_reveal(self) -> Any:
        """The executor's vault over real KV and WebCrypto. The body is {"keys": [...], "name", "record" or null}."""
        given = json.loads(self.body)
        if given["record"] is not None:
            await self.env.KV.put(kv_key_of(given["name"]), given["record"])
        current, previous = given["keys"]
        kv = CloudflareKV(read_bindings().KV)
        vault = CredentialVault(kv, current, WebCryptoCipher, SystemClock(), previous_key=previous)
        try:
            return [await vault.reveal(given["name"]), await vault.reveal(given["name"])]
        except ArcrunError as error:
            return error.code

    async def try_verify(self) -> Any:
        """The body is {"policy", "secrets": {name: secret}, "now_ms", "request": {...}}, its body in base64."""
        given = json.loads(self.body)
        request = ReceivedRequest(**{**given["request"], "body": base64.b64decode(given["request"]["body"])})

        async def reveal(name: str) -> str:
            return given["secrets"][name]

        policy = VerifyPolicy.load(given["policy"])
        try:
            answer = await verify_request(policy, request, given["now_ms"], reveal, WebCrypto())
        except ArcrunError as error:
            return {"code": error.code}
        return {"code": "accepted", "answer": answer and answer.body}

    async def try_no_loader(self) -> Any:
        try:
            await PlatformRunner(None, SystemClock()).run(SimpleNamespace(id="x", module=EMPTY_MODULE), "{}", None)
        except ArcrunError as error:
            return error.to_json()

    async def try_public_network(self) -> Any:
        """Send a request through the executor's network; the body is the URL."""
        return (await read_bindings().PUBLIC_NETWORK.fetch(self.body)).status

    async def try_sandbox_network(self) -> Any:
        """The executor's sandbox, except for a main module that calls `fetch`."""
        code = _worker_code(SimpleNamespace(module=EMPTY_MODULE), await _read_host_sources())
        setattr(code.modules, "sandbox.mjs", to_js({"js": FETCHING_MAIN_MODULE}, dict_converter=js.Object.fromEntries))
        callback = create_proxy(lambda: code)
        try:
            stub = read_bindings().LOADER.get("network-probe", callback)
            return await stub.getEntrypoint().call("http://127.0.0.1:1/")
        finally:
            callback.destroy()
