"""acr dismiss: deal with dead letters by hand."""

import sys

import click

from acr.commands.options import as_json, with_client
from acr.errors import CliError, NoAnswerError, NotLoggedInError
from acr.output.render import print_outcome
from acr.output.terminal import say
from acr.targets.executor_client import ExecutorClient
from acr.targets.run_ids import require_run_id
from acr.targets.service_client import require_data


@click.command()
@click.argument("runs", metavar="RUN...", nargs=-1, required=True)
@as_json
@with_client
def dismiss(client: ExecutorClient, runs: tuple[str, ...], as_json: bool) -> None:
    """Say that failed accepted runs have been dealt with.

    An accepted run (--async, `durable: true`) that has failed or was lost stays a dead letter for 30 days, with its
    record and its input, until it is dealt with. A dismissed one is kept like any other run from then on. What is none
    is told at the end, and the rest is dismissed all the same. RUN is a run's id, or its beginning.

    \b
    Examples:
      acr logs --failed
      acr dismiss 01M8EQ4YH9028TPMXF6CT5DE5V
      acr logs greet --failed --json | jq -r '.data.runs[].run_id' | xargs acr dismiss
    """
    dismissed, refused = list[str](), dict[str, str]()
    for text in runs:
        try:
            run_id = require_run_id(client, text)
            require_data(client.dismiss(run_id))
        except (NoAnswerError, NotLoggedInError):
            raise
        except CliError as error:
            refused[text] = error.message
            continue
        dismissed.append(run_id)
        if not as_json:
            say(f"{run_id} is dismissed.", err=True)
    told = "; ".join(f"{text}: {message}" for text, message in refused.items())
    failure = CliError(told, "List those that are: acr logs --failed", "RUN_NOT_DEAD") if refused else None
    if as_json:
        print_outcome({"dismissed": dismissed, "refused": refused}, failure)
        sys.exit(1 if failure else 0)
    if failure:
        raise failure
