"""`failure_of` of a workflow's triggers: whose failures start it. Imported only for workflows that have it."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from arcrun.limits import MAX_EVERY_MS, MAX_FAILURES_OF, MAX_RUN_DEPTH, MIN_EVERY_MS
from arcrun.templates.hints import suggest_nearest
from arcrun.times import UNITS_MS, read_duration_ms
from arcrun.workflows.diagnostics import Findings, Path
from arcrun.workflows.settings import Reader

ALL_OTHERS = "*"
DEFAULT_AT_MOST = "1 per 10m"
_KEYS = ("workflows", "at_most")
_AT_MOST = re.compile(r"1 per (\S+)")
_EXAMPLE = "failure_of: [orders, billing], or failure_of: {workflows: [orders], at_most: 1 per 1h}"


@dataclass(frozen=True)
class FailureTrigger:
    """`workflows` are names, or ALL_OTHERS alone. `at_most` is as it was written: one run starts within that time, and
    what fails meanwhile is gathered for the next.
    """

    workflows: tuple[str, ...]
    at_most: str = DEFAULT_AT_MOST

    @property
    def pause_ms(self) -> int:
        matched = _AT_MOST.fullmatch(self.at_most)
        return (matched and read_duration_ms(matched[1])) or MIN_EVERY_MS

    @property
    def named(self) -> tuple[str, ...]:
        """Those of the workflows that it names."""
        return () if self.workflows == (ALL_OTHERS,) else self.workflows

    def warn_of_unknown(self, findings: Findings, own: str, known: Collection[str]) -> None:
        """Warn of names of which no workflow is stored, and of the workflow's `own`."""
        for name in self.workflows:
            if name == own:
                message, hint = f"`failure_of` names `{own}` itself, whose failures never start it", "Remove it."
            elif name == ALL_OTHERS or name in known:
                continue
            else:
                message, hint = f"`failure_of` names `{name}`, which is not stored", suggest_nearest(name, known)
            findings.warn("UNKNOWN_WORKFLOW", message, hint, at=("triggers", "failure_of"))

    def to_json(self) -> dict[str, Any]:
        return {"workflows": [*self.workflows], "at_most": self.at_most}

    @classmethod
    def load(cls, stored: Mapping[str, Any]) -> "FailureTrigger":
        return cls(tuple(stored["workflows"]), stored["at_most"])


def warn_of_circle(findings: Findings, circle: Sequence[str]) -> None:
    """The way from a workflow back to itself, by what each is started by: runs of others, or their failures."""
    told = " after ".join(f"`{name}`" for name in circle)
    message = f"the workflow may start itself, by `after` and `failure_of`: {told}"
    hint = (
        f"Such runs end {MAX_RUN_DEPTH} levels deep, with RUN_TOO_DEEP. Break the circle if each would start the next."
    )
    findings.warn("FAILURE_CYCLE", message, hint, at=("triggers",))


def parse_failures(findings: Findings, value: Any, at: Path) -> FailureTrigger | None:
    if isinstance(value, Mapping):
        Reader(findings, value, at, _KEYS)
        written, at_most, at_names = value.get("workflows"), value.get("at_most", DEFAULT_AT_MOST), (*at, "workflows")
    else:
        written, at_most, at_names = value, DEFAULT_AT_MOST, at
    workflows = _read_names(written)
    if workflows is None:
        message = f'`failure_of` must be a list of 1 to {MAX_FAILURES_OF} workflows, or "*" for all others'
        findings.add("INVALID_SETTING", message, f"For example: {_EXAMPLE}", at=at_names)
        return None
    if not _is_pause(at_most):
        message = f"`at_most` must be 1 per a duration from 1m to {MAX_EVERY_MS // UNITS_MS['d']}d"
        findings.add("INVALID_SETTING", message, f"For example: at_most: {DEFAULT_AT_MOST}", at=(*at, "at_most"))
        return None
    return FailureTrigger(workflows, " ".join(at_most.split()))


def _read_names(written: Any) -> tuple[str, ...] | None:
    names: Sequence[Any] = [written] if isinstance(written, str) else written if isinstance(written, list) else []
    if not 1 <= len(names) <= MAX_FAILURES_OF or not all(isinstance(name, str) and name for name in names):
        return None
    if ALL_OTHERS in names and len(names) > 1:
        return None
    return tuple(dict.fromkeys(names))


def _is_pause(at_most: Any) -> bool:
    matched = _AT_MOST.fullmatch(" ".join(at_most.split())) if isinstance(at_most, str) else None
    pause_ms = read_duration_ms(matched[1]) if matched else None
    return pause_ms is not None and MIN_EVERY_MS <= pause_ms <= MAX_EVERY_MS
