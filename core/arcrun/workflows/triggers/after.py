"""`after` of a workflow's triggers: the workflows whose runs start it when they have succeeded. Imported only for
workflows that have it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from arcrun.limits import MAX_AFTER
from arcrun.templates.hints import suggest_nearest
from arcrun.workflows.diagnostics import Findings, Path

_ALL = "*"
_EXAMPLE = "For example: after: [orders, refunds]"


def parse_after(findings: Findings, value: Any, at: Path) -> tuple[str, ...]:
    """The names; none if there are errors, each of which is among the findings."""
    names: Sequence[Any] = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    if _ALL in names:
        message = '`after` names the workflows that this one follows: "*" would make circles'
        findings.add("INVALID_SETTING", message, _EXAMPLE, at=at)
        return ()
    if not 1 <= len(names) <= MAX_AFTER or not all(isinstance(name, str) and name for name in names):
        findings.add("INVALID_SETTING", f"`after` must be a list of 1 to {MAX_AFTER} workflows", _EXAMPLE, at=at)
        return ()
    return tuple(dict.fromkeys(names))


def check_after(
    findings: Findings, own: str, after: Sequence[str], known: Collection[str] | None, circle: Sequence[str]
) -> None:
    """Warn of names of which no workflow is stored, if the stored ones are `known`, and refuse a circle: the one that
    was found among stored workflows, or that of a workflow which follows itself.
    """
    at = ("triggers", "after")
    if circle := [own, own] if own in after else circle:
        told = " after ".join(f"`{name}`" for name in circle)
        hint = f"Remove `{circle[1]}` from `after`: a circle of runs would never end."
        findings.add("AFTER_CYCLE", f"the workflow follows itself: {told}", hint, at=at)
    for name in after:
        if known is not None and name != own and name not in known:
            message = f"`after` names `{name}`, which is not stored"
            findings.warn("UNKNOWN_WORKFLOW", message, suggest_nearest(name, known), at=at)


def find_circle(own: str, after: Sequence[str], follows: Iterable[tuple[str, str]]) -> list[str]:
    """The shortest way from a workflow back to itself, by what each of them is started after; empty if there is none.
    `follows` are pairs of a stored workflow and one that it is started after; those of `own` do not count.
    """
    started_after: dict[str, list[str]] = {own: [*after]}
    for follower, followed in follows:
        if follower != own:
            started_after.setdefault(follower, []).append(followed)
    came_from: dict[str, str] = {}
    pending = [own]
    for name in pending:
        for origin in started_after.get(name, ()):
            if origin == own:
                return [*_trace_back(name, came_from), own]
            if origin not in came_from:
                came_from[origin] = name
                pending.append(origin)
    return []


def _trace_back(name: str, came_from: Mapping[str, str]) -> list[str]:
    way = [name]
    while way[-1] in came_from:
        way.append(came_from[way[-1]])
    return way[::-1]
