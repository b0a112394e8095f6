"""`limits` of a workflow: how many of its runs may begin within a minute, and how many may run at once."""

from collections.abc import Mapping
from typing import Any

from arcrun.limits import MAX_CONCURRENT_RUNS, MAX_RUNS_PER_MINUTE, MAX_START_LIMITS
from arcrun.workflows.diagnostics import Findings, Path
from arcrun.workflows.settings import Reader
from arcrun.workflows.triggers.keys import parse_key
from arcrun.workflows.triggers.model import OnLimit, StartLimit

_KEYS = ("per_minute", "concurrent", "key", "on_limit")
_EXAMPLE = 'limits: [{per_minute: 60, concurrent: 5, key: "{{input.customer}}"}]'
_KEY_EXAMPLE = 'key: "{{input.customer}}"; without it all runs count together.'


def parse_start_limits(
    findings: Findings, value: Any, at: Path, *, is_accepted: bool = False
) -> tuple[StartLimit, ...]:
    """`is_accepted` is whether the workflow's requests are answered before their runs begin."""
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_START_LIMITS:
        message = f"`limits` must be a list of 1 to {MAX_START_LIMITS} limits"
        findings.add("INVALID_SETTING", message, f"For example: {_EXAMPLE}", at=at)
        return ()
    limits = tuple(_parse_limit(findings, entry, (*at, number)) for number, entry in enumerate(value))
    for number, limit in enumerate(limits):
        if limit.on_limit is not OnLimit.REJECT and not is_accepted:
            message = (
                f"`on_limit: {limit.on_limit}` lets a run wait, and the client of this workflow's waits for its end"
            )
            hint = "Let them be accepted: `durable: true`, or `triggers: {webhook: {answer: accepted}}`."
            findings.add("INVALID_SETTING", message, hint, at=(*at, number, "on_limit"))
    return limits


def _parse_limit(findings: Findings, value: Any, at: Path) -> StartLimit:
    reader = Reader(findings, value, at, _KEYS)
    given = value if isinstance(value, Mapping) else {}
    if isinstance(value, Mapping) and not {"per_minute", "concurrent"} & given.keys():
        message = f"`limits.{at[-1]}` needs `per_minute` or `concurrent`"
        findings.add("INVALID_SETTING", message, f"For example: {_EXAMPLE}", at=at)
    return StartLimit(
        reader.number("per_minute", None, 1, MAX_RUNS_PER_MINUTE),
        reader.number("concurrent", None, 1, MAX_CONCURRENT_RUNS),
        parse_key(findings, given["key"], _KEY_EXAMPLE, (*at, "key")) if "key" in given else None,
        OnLimit(reader.choice("on_limit", OnLimit.REJECT, tuple(OnLimit))),
    )
