"""ColdStarts on the Worker Loader: each call in an isolate that has never been there before."""

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
    """From asking for the isolate to having the answer, so the clock advances: it is read before and after I/O.

    What the platform takes for an isolate by itself, with a module that does nothing, is taken off.
    """

    def __init__(self, loader: Any, clock: Clock) -> None:
        self._runner, self._clock = FreshSandboxRunner(loader), clock

    async def measure_ms(self, component: Component, count: int) -> Sequence[float]:
        idle = replace(component, module=IDLE_MODULE)
        measured = [(await self._measure_one(idle), await self._measure_one(component)) for _ in range(count)]
        isolate_ms = statistics.median(idle_ms for idle_ms, _ in measured)
        return [max(0.0, whole_ms - isolate_ms) for _, whole_ms in measured]

    async def _measure_one(self, component: Component) -> float:
        await self._clock.pause()  # a large module is compiled for long, and others wait meanwhile
        renewed = _renew(component)
        host = ScenarioHostFunctions(component.contract, NO_STUBS, TrialClock(), TrialRandom("cold"))
        started_ms = self._clock.now_ms()
        execution = await self._runner.run(renewed, json.dumps(component.contract.config_example), host)
        took_ms = self._clock.now_ms() - started_ms
        if execution.kind is ExitKind.NOT_LOADED:
            raise ComponentError(f"The module does not load: {execution.message}", code="COLD_START_FAILED")
        return took_ms


def _renew(component: Component) -> Component:
    """The same code in bytes that V8 has not compiled yet: with a custom section of random content."""
    assert component.module is not None
    nonce = secrets.token_bytes(_NONCE_BYTES)
    module = component.module + bytes((0, _NONCE_BYTES + 1, 0)) + nonce  # section 0, its size, an empty name
    return replace(component, module=module)
