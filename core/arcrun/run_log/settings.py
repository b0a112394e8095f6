"""The settings for the records of runs, from the executor's variables."""

from collections.abc import Callable
from dataclasses import dataclass

from arcrun.engine.run_id import MAX_OBJECTS
from arcrun.errors import NotConfiguredError
from arcrun.limits import MAX_KEEP_DAYS, RUN_LOG_BYTES, RUN_LOG_KEEP_DAYS, RUN_LOG_OBJECTS

RUN_LOG_VARIABLES = ("RUN_LOG_OBJECTS", "RUN_LOG_KEEP_DAYS", "RUN_LOG_BYTES", "VERDICT_EXPORT_S")
LEAST_BYTES = 1_000_000  # minimum for an object: a record may take as much
EXPORT_S, FREE_PLAN_EXPORT_S = 60, 450  # 450 s: 192 of the free plan's 1,000 KV writes per day


@dataclass(frozen=True)
class RunLogSettings:
    """`bytes` is the limit of each object; `export_ms` is the interval of writing verdicts to ANALYTICS_KV."""

    objects: int
    keep_days: int
    bytes: int
    export_ms: float


def read_run_log_settings(read: Callable[[str], str | None], *, is_free: bool) -> RunLogSettings:
    """Read the settings. `read` gets a variable's name. Raises NotConfiguredError LIMIT_INVALID."""
    objects = _read_number(read, "RUN_LOG_OBJECTS", RUN_LOG_OBJECTS, MAX_OBJECTS)
    return RunLogSettings(
        objects,
        _read_number(read, "RUN_LOG_KEEP_DAYS", RUN_LOG_KEEP_DAYS, MAX_KEEP_DAYS),
        _read_number(read, "RUN_LOG_BYTES", RUN_LOG_BYTES, 10**12, least=LEAST_BYTES * objects) // objects,
        1000 * _read_number(read, "VERDICT_EXPORT_S", FREE_PLAN_EXPORT_S if is_free else EXPORT_S, 86_400),
    )


def _read_number(read: Callable[[str], str | None], name: str, default: int, most: int, least: int = 1) -> int:
    text = read(name)
    if not text:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) < 16 and least <= int(text) <= most):
        raise NotConfiguredError(
            f"The variable {name} must be an integer from {least} to {most}.",
            code="LIMIT_INVALID",
            next_actions=["Correct it, or remove it."],
        )
    return int(text)
