"""acr approve: decide what a run asks people."""

from collections.abc import Mapping, Sequence
from typing import Any

import click

from acr.commands.options import as_json, with_client
from acr.errors import CliError
from acr.output.render import print_json
from acr.output.terminal import say
from acr.targets.executor_client import ExecutorClient
from acr.targets.run_ids import explain_no_run, find_run_id
from acr.targets.service_client import require_data


@click.command()
@click.argument("run", metavar="RUN")
@click.argument("node", metavar="[NODE]", required=False)
@click.option("--choice", metavar="CHOICE", help="What is decided, as the question has it, such as approve or reject.")
@click.option("--comment", metavar="TEXT", default="", help="What to write beside it.")
@as_json
@with_client
def approve(
    client: ExecutorClient, *, run: str, node: str | None, choice: str | None, comment: str, as_json: bool
) -> None:
    """Decide what a run asks people (`approve`), as the platform's owner, without a link.

    Without --choice it tells what the run asks. NODE may be left out where it asks one thing alone. RUN is a run's id,
    or its beginning.

    \b
    Examples:
      acr approve 01M8EQ4YH9
      acr approve 01M8EQ4YH9 --choice approve
      acr approve 01M8EQ4YH9 "ask[2]" --choice reject --comment "Too dear."
    """
    if comment and choice is None:
        raise click.UsageError("--comment stands beside a --choice.")
    run_id = find_run_id(client, run)
    if run_id is None:
        raise explain_no_run(run) or CliError(f"`{run}` is no run's id.", "List the runs: acr logs", "RUN_NOT_FOUND")
    if choice is None:
        _show(client, run_id, node, as_json=as_json)
        return
    answer = client.approve(run_id, node or _find_only(client, run_id), choice, comment)
    decided = require_data(answer)
    if as_json:
        print_json(answer)
    else:
        say(f"{decided['node']} of {run_id} is decided: {decided['choice']}.", err=True)


def _show(client: ExecutorClient, run_id: str, node: str | None, *, as_json: bool) -> None:
    answer = client.list_approvals(run_id)
    asked = _select(require_data(answer)["approvals"], node)
    if as_json:
        print_json({**answer, "data": {"approvals": asked}})
        return
    for question in asked:
        say(f"{question['node']}: {question['title']}")
        if question["text"]:
            say(f"  {question['text']}")
        say(f"  choices: {', '.join(question['choices'])}; asked: {', '.join(question['approvers'])}")
    if not asked:
        say(f"The run {run_id} asks nothing now.", err=True)


def _select(asked: Sequence[Mapping[str, Any]], node: str | None) -> list[Mapping[str, Any]]:
    return [question for question in asked if node in (None, question["node"])]


def _find_only(client: ExecutorClient, run_id: str) -> str:
    """The node of the only question. Raises CliError."""
    nodes = [str(question["node"]) for question in require_data(client.list_approvals(run_id))["approvals"]]
    if len(nodes) == 1:
        return nodes[0]
    if not nodes:
        raise CliError("The run asks nothing now.", f"Look at it: acr logs {run_id}", "DECISION_NOT_ASKED")
    listed = ", ".join(nodes)
    raise CliError(f"The run asks more than one thing: {listed}.", "Name one: acr approve RUN NODE --choice CHOICE")
