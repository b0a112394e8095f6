"""Workflows that are pushed together: which files of a folder they are, and in which order they go."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from acr.config.project_paths import require_inner
from acr.errors import CliError
from acr.workflows.workflow_file import SUFFIXES, is_other_file, read_workflow_file
from arcrun.workflows.model import Workflow
from arcrun.workflows.parse import parse_workflow
from arcrun.yaml_text import YamlTextError, parse_yaml

_FLOW_KEYS = {"flow", "edges"}
_WORKFLOW_KEYS = {"config", "nodes"}  # together with a name; so a workflow without its flow is found, and refused


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
        nodes = () if self._workflow is None else self._workflow.nodes.values()
        return {node.workflow for node in nodes if node.workflow}

    @cached_property
    def _workflow(self) -> Workflow | None:
        return parse_workflow(self.text).workflow


@dataclass(frozen=True)
class WorkflowSet:
    """`left_out` are the YAML files that are no workflows."""

    workflows: list[WorkflowText]
    left_out: list[Path]


def read_workflow_set(paths: Sequence[Path]) -> WorkflowSet:
    """The workflows in the files and folders, each file once. Of files that are named, those are left out whose name
    says that they are something else, as after a shell's `*.yaml`. Raises CliError.
    """
    found: dict[Path, WorkflowText] = {}
    left_out: dict[Path, None] = {}
    for path in paths:
        if not path.is_dir() and is_other_file(path):
            left_out[path] = None
        elif not path.is_dir():
            found.setdefault(path.absolute(), WorkflowText(path, read_workflow_file(path)))
        else:
            for file in _list_yaml(path):
                text = "" if is_other_file(file) else read_workflow_file(require_inner(file, path))
                if text and _is_workflow(text):
                    found.setdefault(file.absolute(), WorkflowText(file, text))
                else:
                    left_out[file] = None
    if not found:
        told = ", ".join(str(path) for path in paths)
        raise CliError(f"There is no workflow in {told}.", "Name a folder with workflows.", "NO_WORKFLOWS")
    return WorkflowSet([*found.values()], [*left_out])


def require_distinct_names(workflows: Sequence[WorkflowText]) -> None:
    """Raises CliError DUPLICATE_NAME."""
    files: dict[str, list[Path]] = {}
    for workflow in workflows:
        if workflow.name is not None:
            files.setdefault(workflow.name, []).append(workflow.path)
    for name, paths in files.items():
        if len(paths) > 1:
            told = " and ".join(str(path) for path in paths)
            raise CliError(f"{told} have the same name, {name}.", "Give each workflow its own name.", "DUPLICATE_NAME")


def order_callees_first(workflows: Sequence[WorkflowText], stored: Collection[str]) -> list[WorkflowText]:
    """The workflows in an order in which each is stored when its callers are pushed.

    Workflows that call each other are possible if one of them is stored already. Raises CliError SUBFLOW_CYCLE.
    """
    by_name = {workflow.name or "": workflow for workflow in workflows}
    needs = {name: sorted(workflow.calls & by_name.keys() - {name}) for name, workflow in sorted(by_name.items())}
    try:
        names = [*TopologicalSorter(needs).static_order()]
    except CycleError:
        left = {name: [callee for callee in callees if callee not in stored] for name, callees in needs.items()}
        try:
            names = [*TopologicalSorter(left).static_order()]
        except CycleError as error:
            cycle = " -> ".join(reversed(error.args[1]))
            raise CliError(
                f"Workflows call each other in a circle, so that none of them can be pushed first: {cycle}.",
                "Push one of them without its call, then all of them again.",
                "SUBFLOW_CYCLE",
            ) from None
    return [by_name[name] for name in names]


def _list_yaml(folder: Path) -> Iterator[Path]:
    yield from (file for file in sorted(folder.iterdir()) if file.suffix in SUFFIXES and file.is_file())


def _is_workflow(text: str) -> bool:
    """Whether a file of a folder is meant as a workflow; also one that is not YAML, so that its error is shown."""
    try:
        value = parse_yaml(text).value
    except YamlTextError:
        return True
    keys = value.keys() if isinstance(value, dict) else set()
    return bool(keys & _FLOW_KEYS) or ("name" in keys and bool(keys & _WORKFLOW_KEYS))
