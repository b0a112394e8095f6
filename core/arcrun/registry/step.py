"""One step of a component's review: what was checked, the measured figure, and its limit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from arcrun.errors import ArcrunError


class StepName(StrEnum):
    CONTRACT_CHECK = "contract_check"
    SIZE_CHECK = "size_check"
    MODULE_SCAN = "module_scan"
    COLD_START = "cold_start"
    GHERKIN_TESTS = "gherkin_tests"
    DETERMINISM = "determinism"


class StepStatus(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"  # a step that this one needs has failed


@dataclass(frozen=True)
class Step:
    """`figure` and `limit` are strings with their units; `findings` are all problems, one sentence each.

    `code` and `next_actions` are those of the first finding, and empty unless the step failed.
    """

    name: StepName
    status: StepStatus
    figure: str = ""
    limit: str = ""
    code: str = ""
    findings: tuple[str, ...] = ()
    next_actions: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """{"name", "status", "figure", "limit"}, and for a failed step {"code", "findings", "next_actions"}."""
        shown = {"name": self.name.value, "status": self.status.value, "figure": self.figure, "limit": self.limit}
        if self.status is not StepStatus.FAILED:
            return shown
        told = {"code": self.code, "findings": list(self.findings), "next_actions": list(self.next_actions)}
        return {**shown, **told}


def parse_step(shown: Mapping[str, Any]) -> Step:
    """The inverse of `to_json`."""
    told = {name: tuple(shown.get(name, ())) for name in ("findings", "next_actions")}
    status, code = StepStatus(shown["status"]), shown.get("code", "")
    return Step(StepName(shown["name"]), status, shown["figure"], shown["limit"], code, **told)


def passed(name: StepName, figure: str, limit: str) -> Step:
    return Step(name, StepStatus.PASSED, figure, limit)


def failed(
    name: StepName, code: str, findings: Sequence[str], *, figure: str = "", limit: str = "", next_action: str = ""
) -> Step:
    next_actions = (next_action,) if next_action else ()
    return Step(name, StepStatus.FAILED, figure, limit, code, tuple(findings), next_actions)


def failed_by(name: StepName, error: ArcrunError, *, figure: str = "", limit: str = "") -> Step:
    return Step(name, StepStatus.FAILED, figure, limit, error.code, (error.message,), error.next_actions)


def skipped(*names: StepName) -> list[Step]:
    return [Step(name, StepStatus.SKIPPED) for name in names]
