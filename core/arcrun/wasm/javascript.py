"""Components in JavaScript: their source is run by the module of the component `code`, under their own contract."""

import hashlib
import json
from dataclasses import dataclass

from arcrun.contracts.model import Contract
from arcrun.errors import ComponentError
from arcrun.limits import MAX_JAVASCRIPT_BYTES
from arcrun.wasm.abi import Execution, HostFunctions
from arcrun.wasm.component import ENGINE_ID, Component, ComponentRunner, fuel_of_bundled

JAVASCRIPT_FILE = "main.js"  # in a component's folder


def build_javascript(contract: Contract, main: bytes) -> Component:
    """The component with the source `main`. Raises ComponentError SOURCE_TOO_LARGE, INVALID_SOURCE."""
    if len(main) > MAX_JAVASCRIPT_BYTES:
        raise ComponentError(
            f"`{contract.canonical_id}` has {len(main) >> 10} KiB of JavaScript; the limit is "
            f"{MAX_JAVASCRIPT_BYTES >> 10} KiB.",
            code="SOURCE_TOO_LARGE",
            next_actions=["Minify it, and bundle only what it uses; each call parses the whole source."],
        )
    try:
        source = main.decode()
    except UnicodeDecodeError:
        raise _invalid(contract, "is not UTF-8") from None
    if not source.strip():
        raise _invalid(contract, "is empty")
    return Component(contract, hashlib.sha256(main).hexdigest(), source=source)


def write_call(source: str, stdin: str) -> str:
    """The engine's input for a call of the component with this source. `stdin` is the component's own, as JSON."""
    return f'{{"source":{json.dumps(source)},"input":{stdin}}}'


def write_check(source: str) -> str:
    """The engine's input that only compiles the source."""
    return json.dumps({"source": source, "check": True})


@dataclass(frozen=True)
class JavaScriptRunner:
    """Runs components in JavaScript by `engine`, the component `code`, on `runner`; others on `runner` as they are."""

    runner: ComponentRunner
    engine: Component

    async def run(self, component: Component, stdin: str, host: HostFunctions, fuel: int | None = None) -> Execution:
        """Like ComponentRunner.run; without `fuel` with that of a call of `code`."""
        if component.source is None:
            return await self.runner.run(component, stdin, host)
        return await self._call(write_call(component.source, stdin), host, fuel)

    async def check(self, component: Component, host: HostFunctions) -> Execution:
        """Compile the component's source without running it."""
        assert component.source is not None
        return await self._call(write_check(component.source), host, None)

    async def _call(self, stdin: str, host: HostFunctions, fuel: int | None) -> Execution:
        return await self.runner.run(self.engine, stdin, host, fuel_of_bundled(ENGINE_ID) if fuel is None else fuel)


def _invalid(contract: Contract, what: str) -> ComponentError:
    return ComponentError(
        f"The JavaScript of `{contract.canonical_id}` {what}.",
        code="INVALID_SOURCE",
        next_actions=["Write main.js as a module with `export default (input, ctx) => ...`."],
    )
