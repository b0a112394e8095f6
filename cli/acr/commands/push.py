"""acr push: store workflows."""

import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from acr.commands.arguments import WorkflowFileOrFolder
from acr.commands.options import as_json, with_client
from acr.errors import AnswerError, CliError, DeclinedError
from acr.output.findings import render_findings, render_refusal
from acr.output.render import print_data, print_json
from acr.output.schedules import say_if_anew, say_times
from acr.output.terminal import confirm, say
from acr.output.workflows import describe_push, describe_pushes
from acr.targets.executor_client import ExecutorClient
from acr.targets.service_client import Answer, require_data
from acr.workflows.found_files import find_workflows, say_left_out
from acr.workflows.project_place import name_in_project
from acr.workflows.workflow_file import SECRETS_FILE, read_workflow_file
from acr.workflows.workflow_set import WorkflowText, name_all, order_callees_first, require_distinct_names
from arcrun.workflows.stored_file import is_same_file

OTHER_FILE = "WORKFLOW_FROM_OTHER_FILE"
MAX_TOLD = 5  # workflows in the next steps


@click.command()
@click.argument("paths", metavar="FILE|DIR...", nargs=-1, required=True, type=WorkflowFileOrFolder())
@click.option("--force", is_flag=True, help="Replace workflows that were pushed from other files.")
@as_json
@with_client
def push(client: ExecutorClient, paths: tuple[Path, ...], *, force: bool, as_json: bool) -> None:
    """Store the workflow in FILE and print its webhook URL.

    A changed workflow becomes a new version; its changes are listed: + added, ~ changed, - removed nodes. Changed
    comments make no version. Of a folder all workflows are pushed, also in those below, and several files together:
    all are checked first, and those that others call go first.

    \b
    Examples:
      acr push examples/workflows/greet.yaml
      acr push greet.yaml --json | jq -r .data.webhook_url
      acr push workflows/
      acr push other.yaml --force
    """
    if len(paths) == 1 and not paths[0].is_dir():
        _push_one(client, paths[0], is_forced=force, as_json=as_json)
    else:
        _push_together(client, paths, is_forced=force, as_json=as_json)


def _push_one(client: ExecutorClient, file: Path, *, is_forced: bool, as_json: bool) -> None:
    if file.name == SECRETS_FILE:
        raise CliError(
            f"{file} has secrets and is no workflow.", "To store them: acr creds push", "NOT_A_WORKFLOW_FILE"
        )
    workflow = WorkflowText(file, read_workflow_file(file))
    answer = _push(client, workflow, is_forced=is_forced)
    if not answer["success"] and answer["error"]["code"] == OTHER_FILE:
        _ask_to_replace([answer["error"]["message"]], [workflow], [file])
        answer = _push(client, workflow, is_forced=True)
    if as_json:
        print_json(answer)
    if not answer["success"]:
        render_refusal(answer["error"], str(file))
    elif not as_json:
        _render(answer["data"], file)
    sys.exit(0 if answer["success"] else 1)


def _push_together(client: ExecutorClient, paths: tuple[Path, ...], *, is_forced: bool, as_json: bool) -> None:
    say_left_out(paths)
    workflows = [WorkflowText(path, read_workflow_file(path)) for path in find_workflows(paths)]
    require_distinct_names(workflows)
    _require_valid(client, workflows)
    stored = {each["name"]: each for each in client.list_workflows()}
    ordered = order_callees_first(workflows, stored)
    others = {} if is_forced else {each: told for each in ordered if (told := _describe_other_file(each, stored))}
    if others:
        _ask_to_replace([*others.values()], [*others], paths)
    pushed: list[dict[str, Any]] = []
    for workflow in ordered:
        answer = _push(client, workflow, is_forced=is_forced or bool(others))
        if not answer["success"]:
            names = [each["name"] for each in pushed]
            say(f"{workflow.path} was refused; pushed before it: {', '.join(names) or 'none'}.", err=True)
            details = {**answer["error"].get("details", {}), "pushed": names}
            raise AnswerError({**answer, "error": {**answer["error"], "details": details}})
        pushed.append({**answer["data"], "path": str(workflow.path)})
        if not as_json:
            warnings = answer["data"]["diagnostics"] if answer["data"]["changed"] else []  # old ones are known
            _render({**answer["data"], "diagnostics": warnings}, workflow.path)
    if as_json:
        print_data({"workflows": pushed})
    else:
        say(describe_pushes(pushed), err=True)


def _push(client: ExecutorClient, workflow: WorkflowText, *, is_forced: bool) -> Answer:
    return client.push(workflow.text, name_in_project(workflow.path), is_forced=is_forced)


def _require_valid(client: ExecutorClient, workflows: Sequence[WorkflowText]) -> None:
    """Check each as if the others were stored. Raises AnswerError INVALID_WORKFLOW after printing all findings."""
    names = name_all(workflows)
    checked = [require_data(client.validate(each.text, str(each.path), names)) for each in workflows]
    invalid = [str(each.path) for each, data in zip(workflows, checked, strict=True) if not data["valid"]]
    if not invalid:
        return
    diagnostics = [finding for data in checked for finding in data["diagnostics"]]
    render_findings(diagnostics, "")
    error = {
        "code": "INVALID_WORKFLOW",
        "message": f"Nothing was pushed: {', '.join(invalid)} cannot run.",
        "retriable": False,
        "next_actions": ["Correct the errors, then push all of them again."],
        "details": {"diagnostics": diagnostics},
    }
    raise AnswerError({"success": False, "error": error})


def _describe_other_file(workflow: WorkflowText, stored: Mapping[str, Mapping[str, Any]]) -> str | None:
    known = stored.get(workflow.name or "", {}).get("file")
    file = name_in_project(workflow.path)
    if known is None or file is None or is_same_file(known, file):
        return None
    return f"`{workflow.name}` was pushed from {known}; this push comes from {file}."


def _ask_to_replace(told: Sequence[str], workflows: Sequence[WorkflowText], paths: Sequence[Path]) -> None:
    """Ask on a terminal. `told` says of each workflow which other file it was pushed from; `paths` are the arguments.

    Raises AnswerError WORKFLOW_FROM_OTHER_FILE without a terminal, DeclinedError.
    """
    if not sys.stdin.isatty():
        differing = [shlex.join(["acr", "diff", each.name or "", str(each.path)]) for each in workflows[:MAX_TOLD]]
        error = {
            "code": OTHER_FILE,
            "message": " ".join(told),
            "retriable": False,
            "next_actions": [
                *(f"See how it differs from what is stored: {command}" for command in differing),
                "If it is another workflow, give it another name.",
                f"Or replace what is stored: {shlex.join(['acr', 'push', *map(str, paths)])} --force",
            ],
            "details": {},
        }
        raise AnswerError({"success": False, "error": error})
    for line in told:
        say(line, err=True)
    if not confirm("Replace what is stored?"):
        raise DeclinedError("Nothing was pushed.")


def _render(data: Mapping[str, Any], file: Path) -> None:
    render_findings(data["diagnostics"], str(file))
    say(describe_push(data), err=True)
    say_if_anew(data)
    say_times(data.get("schedules", ()))
    if address := data.get("email_address"):
        say(f"Its mail address (whoever knows it can send): {address}", err=True)
    say("Its webhook (the URL is a secret):", err=True)
    say(data["webhook_url"])
