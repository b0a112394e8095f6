"""`idempotency` of a webhook: a repeated request gets the answer of the first, and runs nothing."""

from collections.abc import Mapping
from typing import Any

from arcrun.limits import MAX_IDEMPOTENCY_KEEP_S
from arcrun.workflows.diagnostics import Findings, Path
from arcrun.workflows.settings import Reader
from arcrun.workflows.triggers.keys import parse_key
from arcrun.workflows.triggers.model import DEFAULT_KEEP_S, Idempotency

_KEYS = ("key", "keep_s", "on_running", "retry_failed")
_ON_RUNNING = ("conflict", "wait")
_EXAMPLE = "For example: key: '{{request.headers[\"x-github-delivery\"]}}'. Without `key` it is a hash of the request."


def parse_idempotency(findings: Findings, value: Any, at: Path) -> Idempotency | None:
    """The setting; None for `false`, or if it has errors, each of which is among the findings."""
    if isinstance(value, bool):
        return Idempotency() if value else None
    told = len(findings.found)
    reader = Reader(findings, value, at, _KEYS)
    given = value if isinstance(value, Mapping) else {}
    if not isinstance(given.get("retry_failed", True), bool):
        message = "`retry_failed` of `idempotency` must be true or false"
        findings.add("INVALID_SETTING", message, at=(*at, "retry_failed"))
    parsed = Idempotency(
        parse_key(findings, given["key"], _EXAMPLE, (*at, "key")) if "key" in given else None,
        reader.number("keep_s", DEFAULT_KEEP_S, 1, MAX_IDEMPOTENCY_KEEP_S),
        reader.choice("on_running", "conflict", _ON_RUNNING) == "wait",
        given.get("retry_failed") is not False,
    )
    return parsed if len(findings.found) == told else None
