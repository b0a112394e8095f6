"""The component ABI, version 1: input, output, and the functions that a component may import.

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
    """How a call ended, in the terms of component_host.mjs.

    Only a metered module can exhaust its fuel, and only the command line's runner also has a deadline.
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

    `fuel_used` is the fuel that a metered module used (arcrun/wasm/metering.py); None for any other module.
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
    """The meaning of a call: the envelope that templates see, the error if it failed, the component's log (its stderr).

    `fuel` is the fuel used, None if unknown; `weight` is the envelope's (arcrun/json_size.py); `excerpt` is the part of
    a long output that is kept. `subflow` is the trace of a called workflow.
    """

    envelope: Mapping[str, Any]
    error: ArcrunError | None = None
    log: str = ""
    fuel: int | None = None
    weight: int = 0
    excerpt: Excerpt | None = None
    subflow: tuple[Any, ...] | None = None  # the engine's NodeRecords


class HostFunctions(Protocol):
    """Answers a component's host function calls."""

    async def answer(self, name: str, request: str) -> str:
        """Answer a request. Both request and reply are JSON strings. Never raises."""

    def now_ms(self) -> float:
        """The time that the component sees after the call."""

    def seed(self) -> bytes:
        """32 bytes that seed the component's randomness."""

    def may_wait(self) -> bool:
        """Whether an answer may take time. False if the call can reach nothing: it is refused at once."""
        return True

    def kind(self) -> str:
        """What calls have in common that take about as much memory."""
        return ""


def read_outcome(execution: Execution, component_id: str) -> Outcome:
    """Interpret the raw result of a call of `component_id`."""
    text, fuel = execution.stdout, execution.fuel_used
    fault = None
    if execution.kind is not ExitKind.EXITED or execution.exit_code:
        fault = _platform_fault(execution, component_id)
    else:
        try:
            envelope, error = _read_envelope(parse_json(text))
            if error is not None:  # the error may be shortened
                from arcrun.wasm.advice import find_advice  # noqa: PLC0415 - most calls succeed

                error.next_actions = find_advice(error.code, component_id)
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
    """The error for a call that did not end with exit code 0."""
    kind, name = execution.kind, f"`{component_id}`"
    if kind is ExitKind.STDOUT_LIMIT:
        return _fault(execution, "OUTPUT_TOO_LARGE", f"{name} wrote more than {MAX_STDOUT_BYTES >> 20} MiB to stdout.")
    if kind is ExitKind.NOT_UTF8:
        return _fault(execution, "INVALID_OUTPUT", f"The output of {name} is not UTF-8.")
    if kind is ExitKind.NOT_LOADED:
        return _fault(execution, "INVALID_MODULE", f"{name} could not be loaded: {execution.message}.")
    if kind is ExitKind.FUEL_EXHAUSTED:
        fault = _fault(
            execution, "FUEL_EXHAUSTED", f"{name} used up its execution budget; it may be in an endless loop."
        )
        fault.next_actions = (
            "Give it less data at once: fewer items, shorter strings.",
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
    """A refused growth cannot be observed: a failure with 15/16 of the memory in use is attributed to it."""
    return execution.memory_bytes * 16 >= MAX_MEMORY_PAGES * PAGE_BYTES * 15


def _last_lines(log: str) -> str:
    """The last whole lines: a part of a secret would not be recognised and scrubbed."""
    return log if len(log) <= MAX_SHOWN_LOG_CHARACTERS else log[-MAX_SHOWN_LOG_CHARACTERS:].partition("\n")[2]


def _fault(execution: Execution, code: str, message: str) -> ComponentError:
    details: dict[str, Any] = {"exit_code": execution.exit_code} if execution.kind is ExitKind.EXITED else {}
    if log := _last_lines(execution.stderr):
        details["log"] = log
    return ComponentError(
        message,
        code=code,
        http_status=502,
        next_actions=["Run only the component on this input: POST /execute with {component, input}."],
        details=details,
    )
