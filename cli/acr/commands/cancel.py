"""acr cancel: let a run end."""

import click

from acr.commands.options import as_json, with_client
from acr.output.render import print_json
from acr.output.terminal import say
from acr.targets.executor_client import ExecutorClient
from acr.targets.run_ids import require_run_id
from acr.targets.service_client import require_data


@click.command()
@click.argument("run", metavar="RUN")
@as_json
@with_client
def cancel(client: ExecutorClient, run: str, as_json: bool) -> None:
    """Let a run end, and what it has done be undone.

    A durable run ends after the step under way, another within some seconds. Then what has an `undo` is undone, and
    the run is `cancelled`. RUN is a run's id, or its beginning if it was accepted: with --async, or of a workflow with
    `durable: true`. Others are listed only when they have ended; `acr run` says their id when it is interrupted.

    \b
    Examples:
      acr cancel 01M8EQ4YH9028TPMXF6CT5DE5V
      acr cancel 01M8EQ4YH9
    """
    run_id = require_run_id(client, run)
    answer = client.cancel(run_id)
    require_data(answer)
    if as_json:
        print_json(answer)
    else:
        say(f"{run_id} is being cancelled.", err=True)
