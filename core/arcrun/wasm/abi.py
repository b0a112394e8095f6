"""The component ABI, version 1: what goes in, what comes out, and which functions a component may import.

A component is a WASI preview1 command. It reads one JSON object from stdin and writes one to stdout:
{"success": true, "data": ...} or {"success": false, "error": {"code", "message"}}; any other JSON counts as data. The
error may say whether the same call may succeed later (`retriable`), and after how many seconds (`retry_after_s`); its
code is never one of the platform's own (failure.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from arcrun.errors import ArcrunError, ComponentError
from arcrun.json_size import SMALL_CHARACTERS, SMALL_FACTOR, Excerpt, excerpt, size_of, size_of_text
from arcrun.json_text import JsonLimitError, parse_json
from arcrun.limits import MAX_MEMORY_PAGES, MAX_NODE_CPU_MS, MAX_STDOUT_BYTES
from arcrun.wasm.failure import read_failure

PAGE_BYTES = 64 * 1024
MAX_SHOWN_LOG_CHARACTERS = 2_000


class ExitKind(StrEnum):
    """How a call ended, in the words of component_host.mjs.

    Only a metered module runs out of fuel, and only the command line's runner has a deadline besides.
    """

    EXITED = "exited"
    TRAPPED = "trapped"
    STDOUT_LIMIT = "stdout_limit"
    NOT_UTF8 = "not_utf8"
    NOT_LOADED = "not_loaded"
    FUEL_EXHAUSTED = "fuel_exhausted"
    DEADLINE_EXCEEDED = "deadline_exceeded"


@dataclass(slots=True)  # made for each node: a frozen one takes three times as long
class Execution:
    """The raw result of one call. `memory_bytes` is the size of the memory at its end.

    `fuel_used` is what a metered module used of its budget (arcrun/wasm/metering.py); None for any other.
    """

    kind: ExitKind
    exit_code: int
    message: str
    stdout: str
    stderr: str
    memory_bytes: int
    fuel_used: int | None = None


@dataclass(slots=True)  # made for each node: a frozen one takes three times as long
class Outcome:
    """What a call means: the envelope that templates see, the error if it failed, the component's log (its stderr).

    `fuel` is what the component used, None where it is not known; `weight` the envelope's (arcrun/json_size.py);
    `excerpt` the part of a long output that is kept. `subflow` is the trace of a workflow that was called.
    """

    envelope: Mapping[str, Any]
    error: ArcrunError | None = None
    log: str = ""
    fuel: int | None = None
    weight: int = 0
    excerpt: Excerpt | None = None
    subflow: tuple[Any, ...] | None = None  # of the engine's NodeRecord


class HostFunctions(Protocol):
    """Answers a component's host function calls."""

    async def answer(self, name: str, request: str) -> str:
        """Takes the JSON text of a request and returns that of the reply; never raises."""

    def now_ms(self) -> float:
        """The time that the component sees after the call."""

    def seed(self) -> bytes:
        """32 bytes from which the component's randomness is made."""


def read_outcome(execution: Execution, component_id: str) -> Outcome:
    """Turn the raw result of a call of `component_id` into its meaning."""
    text, fuel = execution.stdout, execution.fuel_used
    fault = None
    if execution.kind is not ExitKind.EXITED or execution.exit_code:
        fault = _platform_fault(execution, component_id)
    else:
        try:
            envelope, error = _read_envelope(parse_json(text))
            if error is not None:  # which is shortened
                return Outcome(envelope, error, execution.stderr, fuel, size_of(envelope).weight)
            if len(text) <= SMALL_CHARACTERS:
                return Outcome(envelope, None, execution.stderr, fuel, SMALL_FACTOR * len(text))
            return Outcome(envelope, None, execution.stderr, fuel, size_of_text(text).weight, excerpt(text))
        except JsonLimitError as limit:
            fault = _fault(execution, "INVALID_OUTPUT", f"The output of `{component_id}` cannot be read: {limit}.")
        except ValueError:
            fault = _fault(execution, "INVALID_OUTPUT", f"The output of `{component_id}` is not JSON.")
    return Outcome({"success": False, "error": fault.to_json()}, fault, execution.stderr, fuel)


def _read_envelope(output: Any) -> tuple[Mapping[str, Any], ComponentError | None]:
    if not isinstance(output, dict) or not isinstance(output.get("success"), bool):
        return {"success": True, "data": output}, None
    if output["success"]:
        return output, None
    told, failure = read_failure(output.get("error"))
    return {**output, "error": told}, failure


def _platform_fault(execution: Execution, component_id: str) -> ComponentError:
    """Of a call that has not ended with exit code 0."""
    kind, name = execution.kind, f"`{component_id}`"
    if kind is ExitKind.STDOUT_LIMIT:
        return _fault(execution, "OUTPUT_TOO_LARGE", f"{name} wrote more than {MAX_STDOUT_BYTES >> 20} MiB to stdout.")
    if kind is ExitKind.NOT_UTF8:
        return _fault(execution, "INVALID_OUTPUT", f"The output of {name} is not UTF-8.")
    if kind is ExitKind.NOT_LOADED:
        return _fault(execution, "INVALID_MODULE", f"{name} could not be loaded: {execution.message}.")
    if kind is ExitKind.FUEL_EXHAUSTED:
        fault = _fault(execution, "FUEL_EXHAUSTED", f"{name} used up its execution budget; does it loop without end?")
        fault.next_actions = (
            "Give it less at once: fewer items, shorter texts.",
            f"Or let the node compute for longer, in a sandbox: `cpu_ms` in its config, at most {MAX_NODE_CPU_MS}.",
        )
        return fault
    if kind is ExitKind.DEADLINE_EXCEEDED:
        return _fault(execution, "DEADLINE_EXCEEDED", f"{name} did not end in time.")
    if _ran_out_of_memory(execution):
        limit_mib = MAX_MEMORY_PAGES * PAGE_BYTES >> 20
        return _fault(execution, "MEMORY_LIMIT_EXCEEDED", f"{name} failed with its memory full ({limit_mib} MiB).")
    if kind is ExitKind.TRAPPED:
        return _fault(execution, "COMPONENT_TRAPPED", f"{name} trapped: {execution.message}.")
    return _fault(execution, "COMPONENT_EXITED", f"{name} ended with exit code {execution.exit_code}.")


def _ran_out_of_memory(execution: Execution) -> bool:
    """A refused growth cannot be seen from outside: a failure with 15/16 of the memory taken is put down to it."""
    return execution.memory_bytes * 16 >= MAX_MEMORY_PAGES * PAGE_BYTES * 15


def _last_lines(log: str) -> str:
    """Whole lines only: a part of a secret would not be known as one and scrubbed."""
    return log if len(log) <= MAX_SHOWN_LOG_CHARACTERS else log[-MAX_SHOWN_LOG_CHARACTERS:].partition("\n")[2]


def _fault(execution: Execution, code: str, message: str) -> ComponentError:
    details: dict[str, Any] = {"exit_code": execution.exit_code} if execution.kind is ExitKind.EXITED else {}
    if log := _last_lines(execution.stderr):
        details["log"] = log
    return ComponentError(
        message,
        code=code,
        http_status=502,
        next_actions=["Run the component on this input by itself: POST /execute with {component, input}."],
        details=details,
    )
