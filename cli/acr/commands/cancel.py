"""acr cancel: let an accepted run end."""

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
@as_json
@with_client
def cancel(client: ExecutorClient, run: str, as_json: bool) -> None:
    """Let an accepted run (--async, `durable: true`) end.

    The step under way ends first, then what has an `undo` is undone, and the run is `cancelled`. RUN is a run's id, or
    its beginning.

    \b
    Examples:
      acr cancel 01M8EQ4YH9028TPMXF6CT5DE5V
      acr cancel 01M8EQ4YH9
    """
    run_id = find_run_id(client, run)
    if run_id is None:
        raise explain_no_run(run) or CliError(f"`{run}` is no run's id.", "List the runs: acr logs", "RUN_NOT_FOUND")
    answer = client.cancel(run_id)
    require_data(answer)
    if as_json:
        print_json(answer)
    else:
        say(f"{run_id} is being cancelled.", err=True)
