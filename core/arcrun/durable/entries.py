"""What the journal keeps of a call: its outcome, as JSON.

A call is not made again once its entry is stored, so an entry has all that the run and its record take from the call:
{"outcome": {"envelope", "error", "log", "fuel", "weight"}, "input", "input_weight", "sha256", "attempts", "start_ms",
"duration_ms", "secrets", "used"}. An error is its wire form with {"status", "ends_run", "retry_after_s", "place"}. An
outcome leaves out what it has not.
"""

from collections.abc import Mapping
from typing import Any

from arcrun.errors import ArcrunError
from arcrun.wasm.abi import Outcome

Entry = dict[str, Any]


class StoredError(ArcrunError):
    """An error of an earlier isolate. It has its code, but not its class."""


def render_outcome(outcome: Outcome) -> Entry:
    told: Entry = {"envelope": outcome.envelope, "weight": outcome.weight}
    if outcome.error is not None:
        told["error"] = render_error(outcome.error)
    if outcome.log:
        told["log"] = outcome.log
    if outcome.fuel is not None:
        told["fuel"] = outcome.fuel
    return told


def read_outcome(told: Mapping[str, Any]) -> Outcome:
    error = read_error(told["error"]) if "error" in told else None
    return Outcome(told["envelope"], error, told.get("log", ""), told.get("fuel"), told["weight"])


def render_error(error: ArcrunError) -> Entry:
    told: Entry = {**error.to_json(), "status": error.http_status, "place": error.place}
    if error.ends_run:
        told["ends_run"] = True
    if error.retry_after_s is not None:
        told["retry_after_s"] = error.retry_after_s
    return told


def read_error(told: Mapping[str, Any]) -> StoredError:
    details = {name: value for name, value in told["details"].items() if name not in told["place"]}
    error = StoredError(told["message"], code=told["code"], next_actions=told["next_actions"], details=details)
    error.locate(**told["place"])
    error.http_status, error.retriable = told["status"], told["retriable"]
    error.ends_run, error.retry_after_s = told.get("ends_run", False), told.get("retry_after_s")
    return error
