"""Workflows that are pushed together, and in which order they go."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from acr.errors import CliError
from arcrun.workflows.model import Workflow
from arcrun.workflows.parse import parse_workflow


@dataclass(frozen=True)
class WorkflowText:
    """A workflow's file and its text."""

    path: Path
    text: str

    @property
    def name(self) -> str | None:
        """None if the text is not a valid workflow."""
        return None if self._workflow is None else self._workflow.name

    @property
    def calls(self) -> set[str]:
        """The workflows that it calls."""
        calls = () if self._workflow is None else self._workflow.calls
        return {call.workflow for call in calls if call.workflow}

    @cached_property
    def _workflow(self) -> Workflow | None:
        return parse_workflow(self.text).workflow


def name_all(workflows: Iterable[WorkflowText]) -> list[str]:
    """The names of those that are valid."""
    return [workflow.name for workflow in workflows if workflow.name is not None]


class SubflowCycleError(CliError):
    """Workflows call each other, and none of them is stored. `names` are theirs, the first also as the last."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names, self.circle = names, " -> ".join(names)
        super().__init__(
            f"Workflows call each other in a circle, so that none of them can be pushed first: {self.circle}.",
            "Push one of them without its call, then all of them again.",
            "SUBFLOW_CYCLE",
        )


def find_duplicates(workflows: Iterable[WorkflowText]) -> dict[Path, CliError]:
    """CliError DUPLICATE_NAME for each name of several workflows, by the path of the last one."""
    files: dict[str, list[Path]] = {}
    for workflow in workflows:
        if workflow.name is not None:
            files.setdefault(workflow.name, []).append(workflow.path)
    return {paths[-1]: _build_duplicate_error(name, paths) for name, paths in files.items() if len(paths) > 1}


def _build_duplicate_error(name: str, paths: Sequence[Path]) -> CliError:
    told = " and ".join(map(str, paths))
    return CliError(f"{told} have the same name, {name}.", "Give each workflow its own name.", "DUPLICATE_NAME")


def require_distinct_names(workflows: Sequence[WorkflowText]) -> None:
    """Raises CliError DUPLICATE_NAME."""
    for error in find_duplicates(workflows).values():
        raise error


def order_callees_first(workflows: Sequence[WorkflowText], stored: Collection[str]) -> list[WorkflowText]:
    """The workflows in an order in which each is stored when its callers are pushed.

    Workflows that call each other are possible if one of them is stored already. Raises SubflowCycleError.
    """
    by_name = {workflow.name: workflow for workflow in workflows if workflow.name is not None}
    needs = {name: sorted(workflow.calls & by_name.keys() - {name}) for name, workflow in sorted(by_name.items())}
    try:
        names = [*TopologicalSorter(needs).static_order()]
    except CycleError:
        left = {name: [callee for callee in callees if callee not in stored] for name, callees in needs.items()}
        try:
            names = [*TopologicalSorter(left).static_order()]
        except CycleError as error:
            raise SubflowCycleError([*reversed(error.args[1])]) from None
    return [by_name[name] for name in names]
