"""WorkflowSteps over the platform's: https://developers.cloudflare.com/workflows/build/workers-api/#workflowstep

The SDK's decorators are not used: they find steps by the names of parameters and keep each result. Here a step is one
call of the platform.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import js
from pyodide.ffi import JsException, create_once_callable

from arcrun.ports import InstanceStoppedError, WorkflowSteps
from arcrun_edge.event_loop import shorten_turns
from arcrun_edge.faults import build_fault
from arcrun_edge.javascript import to_object

RETRY_DELAY_MS = 1_000  # the platform refuses 0
# Beginnings of the platform's messages:
_STOPS = "Aborting engine:"
_TIMED_OUT = ("WorkflowTimeoutError", "Execution timed out")


async def run_instance(step: Any, work: Callable[[WorkflowSteps], Awaitable[str]]) -> Any:
    """The answer of `work`, over the SDK's `step`.

    If the platform stops the instance, the answer is a rejection with the platform's own error, whatever `work` makes
    of it: by that error the platform knows that the instance has not failed.
    """
    shorten_turns()
    steps = _Steps(step._js_step)
    try:
        answer = await work(steps)
    except BaseException:
        if steps.stop is None:
            raise
    else:
        if steps.stop is None:
            return answer
    return _reject(steps.stop)


def _reject(error: JsException) -> Any:
    """An object that the host awaits, which rejects with `error` itself. A raised one would become a PythonError, and
    the SDK refuses a Promise.
    """
    rejection = js.Object.new()
    rejection.then = create_once_callable(lambda _resolve, reject: reject(error))
    return rejection


class _Steps:
    """`stop` is what the platform stopped the instance with."""

    def __init__(self, step: Any) -> None:
        self._step = step
        self.stop: JsException | None = None

    async def do(self, name: str, work: Callable[[], Awaitable[str]], *, retries: int, timeout_ms: int) -> str:
        async def attempt(_context: Any) -> str:
            return await work()

        config = {"retries": {"limit": retries, "delay": RETRY_DELAY_MS, "backoff": "constant"}, "timeout": timeout_ms}
        result: str = await self._call("do", name, to_object(config), attempt)
        return result

    async def sleep(self, name: str, duration_ms: int) -> None:
        await self._call("sleep", name, duration_ms)

    async def wait_for_event(self, name: str, event_type: str, timeout_ms: int) -> Any:
        event = await self._call("waitForEvent", name, to_object({"type": event_type, "timeout": timeout_ms}))
        return json.loads(js.JSON.stringify(event.payload))

    async def _call(self, method: str, name: str, *arguments: Any) -> Any:
        if self.stop is not None:
            raise InstanceStoppedError
        try:
            return await getattr(self._step, method)(name, *arguments)
        except JsException as error:
            said = str(error.message)
            if said.startswith(_STOPS):
                self.stop = error
                raise InstanceStoppedError from None
            if said.startswith(_TIMED_OUT):
                raise TimeoutError(f"The step {name} took too long.") from None
            raise build_fault(f"The step {name}", error, "STEP_FAILED") from None
