"""acr validate: check workflows."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import click

from acr.commands.arguments import WorkflowFileOrFolder
from acr.commands.options import as_json, component_folders, with_client_or_offline
from acr.config.platform_home import find_platform_home
from acr.errors import CliError, NoAnswerError, NotLoggedInError
from acr.output.checks import CheckedFile, render_checked, render_total
from acr.output.graph import FORMS, draw_graph
from acr.output.render import print_outcome
from acr.output.terminal import say, say_lines
from acr.targets.executor_client import ExecutorClient
from acr.targets.service_client import require_data
from acr.workflows.components_at_hand import ComponentsAtHand, require_component_folders
from acr.workflows.found_files import find_beside, find_workflows, read_name, say_left_out
from acr.workflows.offline_check import check_offline
from acr.workflows.workflow_file import read_workflow_file
from acr.workflows.workflow_set import (
    SubflowCycleError,
    WorkflowText,
    find_duplicates,
    name_all,
    order_callees_first,
)
from arcrun.wasm.component import Component
from arcrun.workflows.model import CodeProblem, Workflow
from arcrun.workflows.parse import parse_workflow


@click.command()
@click.argument("paths", metavar="FILE|DIR...", nargs=-1, required=True, type=WorkflowFileOrFolder())
@component_folders
@click.option(
    "--graph",
    "form",
    type=click.Choice(FORMS),
    is_flag=False,
    flag_value=FORMS[0],
    help="Also print each workflow's graph, as text or for Mermaid.",
)
@as_json
@with_client_or_offline
def validate(
    client: ExecutorClient | None,
    paths: tuple[Path, ...],
    components: tuple[Path, ...],
    form: str | None,
    as_json: bool,
) -> None:
    """Check workflows without storing them.

    Reports all errors and warnings of each file, and of the workflows in each folder, checked against the
    platform's components, workflows and credentials; the workflows among the files count as stored, as in an `acr
    push` of the same. Two of one name are an error, and so are those that call each other if none of them is
    stored. Offline it knows the built-in components, those of --components, and the workflows among the files and
    beside them. Exits with 1 if there is an error; warnings alone do not fail.

    \b
    Examples:
      acr validate greet.yaml
      acr validate workflows --offline --components ./components
      acr validate greet.yaml --graph mermaid > greet.mmd
      acr validate workflows/*.yaml --json | jq '.data.diagnostics[].code'
    """
    if client is not None and components:
        raise click.UsageError("--components is for --offline: a platform has components of its own.")
    say_left_out(paths)
    texts = {path: _read_or_refuse(path) for path in find_workflows(paths)}
    graphs = _draw(texts, form)
    found = _check_offline(texts, components) if client is None else _check_online(texts, client)
    conflicts = _find_conflicts(texts, client)
    checked = []
    for file in found:
        checked.append(_add_conflict(file, conflicts.get(file.file), is_offline=client is None))
        if not as_json:
            render_checked(checked[-1])
    invalid = [file.file for file in checked if not file.is_valid]
    if as_json:
        data = {
            "valid": not invalid,
            "files": [file.to_json() for file in checked],
            "diagnostics": [finding for file in checked for finding in file.diagnostics],
            **({} if form is None else {"graphs": graphs}),
        }
        message, hint = f"With errors: {', '.join(invalid)}.", "Correct the errors, then validate again."
        print_outcome(data, CliError(message, hint, "INVALID_WORKFLOW") if invalid else None)
    else:
        render_total(checked)
        for graph in graphs.values():
            say_lines(graph)
    sys.exit(1 if invalid else 0)


Texts = Mapping[Path, str | CliError]


def _draw(texts: Texts, form: str | None) -> dict[str, str]:
    """The graphs by file, of those whose lines can be read."""
    if form is None:
        return {}
    drawn = {str(path): draw_graph(text, form) for path, text in texts.items() if isinstance(text, str)}
    return {path: graph for path, graph in drawn.items() if graph is not None}


def _find_conflicts(texts: Texts, client: ExecutorClient | None) -> dict[str, CliError]:
    """Why the files could not be pushed together, by the file that is told of it."""
    workflows = [WorkflowText(path, text) for path, text in texts.items() if isinstance(text, str)]
    conflicts = {str(path): error for path, error in find_duplicates(workflows).items()}
    try:
        order_callees_first(workflows, ())
        return conflicts
    except SubflowCycleError as error:
        circle = error
    if client is not None:
        try:
            order_callees_first(workflows, [each["name"] for each in client.list_workflows()])
            return conflicts
        except SubflowCycleError as error:
            circle = error
    [path, *_] = [each.path for each in workflows if each.name == circle.names[0]]
    return {str(path): circle, **conflicts}


def _add_conflict(checked: CheckedFile, conflict: CliError | None, *, is_offline: bool) -> CheckedFile:
    if conflict is None:
        return checked
    if is_offline and isinstance(conflict, SubflowCycleError):  # a platform may have one of them
        note = f"It can be pushed only if one of these is stored already, for they call each other: {conflict.circle}."
        return replace(checked, notes=[*checked.notes, note])
    return replace(checked, error=conflict, is_valid=False)


def _check_online(texts: Texts, client: ExecutorClient) -> Iterator[CheckedFile]:
    """As `acr push` of the same files checks them: the others count as stored."""
    names = name_all(WorkflowText(path, text) for path, text in texts.items() if isinstance(text, str))
    for path, text in texts.items():
        try:
            if isinstance(text, CliError):
                raise text
            data = require_data(client.validate(text, str(path), names))
            yield CheckedFile(str(path), data["diagnostics"], is_valid=data["valid"])
        except NoAnswerError as error:
            raise NoAnswerError(error.message, f"{error.hint} Or ask no platform: --offline") from None
        except NotLoggedInError:
            raise
        except CliError as error:
            yield CheckedFile(str(path), error=error)


def _check_offline(texts: Texts, folders: Sequence[Path]) -> Iterator[CheckedFile]:
    require_component_folders(folders)
    components = ComponentsAtHand(find_platform_home(), folders)
    count = len(components.ids)
    say(f"Offline: {count} components are known, no stored credentials and workflows. For these: acr dev", err=True)
    given = {name: text for text in texts.values() if isinstance(text, str) and (name := read_name(text))}
    for path, text in texts.items():
        try:
            if isinstance(text, CliError):
                raise text
            find_workflow = partial(_find_workflow, given, path.parent)
            check = check_offline(text, str(path), components, _find_code_problems, find_workflow)
            known = {*given, *find_beside(path.parent)} if check.calls else given
        except CliError as error:
            yield CheckedFile(str(path), error=error)
            continue
        diagnostics = [finding.to_json() for finding in check.compilation.diagnostics]
        notes = check.describe_gaps(components, known)
        yield CheckedFile(str(path), diagnostics, notes=notes, is_valid=check.compilation.plan is not None)


def _find_workflow(given: Mapping[str, str], folder: Path, name: str) -> Workflow | None:
    """A workflow among the files or beside them. Raises CliError if its file cannot be read."""
    if name in given:
        return parse_workflow(given[name]).workflow
    path = find_beside(folder).get(name)
    return None if path is None else parse_workflow(read_workflow_file(path)).workflow


def _find_code_problems(workflow: Workflow, component: Component) -> Mapping[tuple[str, bool], CodeProblem]:
    from acr.bench.code_compiler import find_code_problems  # noqa: PLC0415 - wasmtime takes a while to import

    return find_code_problems(workflow, component)


def _read_or_refuse(path: Path) -> str | CliError:
    """The file's text, read once, as it may be a pipe; or why it cannot be read."""
    try:
        return read_workflow_file(path)
    except CliError as error:
        return error
