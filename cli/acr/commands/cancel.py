"""acr cancel: let an accepted run end."""

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
    """Let an accepted run end, and what it has done be undone.

    That is a run with --async, or of a workflow with `durable: true`. The step under way ends first, then what has an
    `undo` is undone, and the run is `cancelled`. RUN is a run's id, or its beginning.

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
