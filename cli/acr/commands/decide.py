"""acr decide: say what becomes of a step that a crash cut off."""

import json
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
@click.argument("node", metavar="NODE")
@click.argument("decision", type=click.Choice(("retry", "skip")))
@click.option("--data", "data_text", metavar="JSON", help="With skip: what the step answers  [default: null].")
@as_json
@with_client
def decide(client: ExecutorClient, *, run: str, node: str, decision: str, data_text: str | None, as_json: bool) -> None:
    """Say what becomes of a step with `once` that a crash cut off: whether it is done again, or skipped.

    The run waits for it with the status `needs_decision`. NODE is the step as `acr logs RUN` shows it, such as pay or
    pay[2]. RUN is a run's id, or its beginning.

    \b
    Examples:
      acr logs --status needs_decision
      acr decide 01M8EQ4YH9 pay retry
      acr decide 01M8EQ4YH9 "pay[2]" skip --data '{"receipt": "r-17"}'
    """
    if data_text is not None and decision != "skip":
        raise click.UsageError("--data is for skip: a step that is done again answers by itself.")
    run_id = find_run_id(client, run)
    if run_id is None:
        raise explain_no_run(run) or CliError(f"`{run}` is no run's id.", "List the runs: acr logs", "RUN_NOT_FOUND")
    answer = client.decide(run_id, node, decision, _read_data(data_text))
    require_data(answer)
    if as_json:
        print_json(answer)
    else:
        done = "is done again" if decision == "retry" else "is skipped"
        say(f"{node} of {run_id} {done}.", err=True)


def _read_data(text: str | None) -> Any:
    """Raises click.BadParameter."""
    try:
        return None if text is None else json.loads(text)
    except ValueError as error:
        raise click.BadParameter(f"not JSON: {error}", param_hint="--data") from None
