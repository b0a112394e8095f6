"""ColdStarts on the Worker Loader: each call runs in a new isolate."""

import json
import secrets
import statistics
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from arcrun.errors import ComponentError
from arcrun.ports import Clock
from arcrun.registry.scenarios import ScenarioHostFunctions
from arcrun.registry.trial import NO_STUBS, TrialClock, TrialRandom
from arcrun.wasm.abi import ExitKind
from arcrun.wasm.component import Component
from arcrun_edge.component_runner import FreshSandboxRunner

_NONCE_BYTES = 16
# (module (memory (export "memory") 1) (func (export "_start")))
IDLE_MODULE = bytes.fromhex(
    "0061736d01000000010401600000030201000503010001071302066d656d6f72790200065f737461727400000a040102000b"
)


class LoaderColdStarts:
    """Measures from the request for the isolate to the answer; that is I/O, across which the clock advances.

    The time that the platform takes for an isolate with an idle module is subtracted.
    """

    def __init__(self, loader: Any, clock: Clock) -> None:
        self._runner, self._clock = FreshSandboxRunner(loader), clock

    async def measure_ms(self, component: Component, count: int) -> Sequence[float]:
        idle = replace(component, module=IDLE_MODULE)
        measured = [(await self._measure_one(idle), await self._measure_one(component)) for _ in range(count)]
        isolate_ms = statistics.median(idle_ms for idle_ms, _ in measured)
        return [max(0.0, whole_ms - isolate_ms) for _, whole_ms in measured]

    async def _measure_one(self, component: Component) -> float:
        await self._clock.pause()  # compiling a large module blocks other requests
        renewed = _renew(component)
        host = ScenarioHostFunctions(component.contract, NO_STUBS, TrialClock(), TrialRandom("cold"))
        started_ms = self._clock.now_ms()
        execution = await self._runner.run(renewed, json.dumps(component.contract.config_example), host)
        took_ms = self._clock.now_ms() - started_ms
        if execution.kind is ExitKind.NOT_LOADED:
            raise ComponentError(f"The module does not load: {execution.message}", code="COLD_START_FAILED")
        return took_ms


def _renew(component: Component) -> Component:
    """The same module with a custom section of random bytes, so that V8 has not compiled it yet."""
    assert component.module is not None
    nonce = secrets.token_bytes(_NONCE_BYTES)
    module = component.module + bytes((0, _NONCE_BYTES + 1, 0)) + nonce  # section 0, its size, an empty name
    return replace(component, module=module)
