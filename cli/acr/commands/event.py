"""acr event: send an event to a run that waits for it."""

import click

from acr.commands.json_option import read_json_option
from acr.commands.options import as_json, with_client
from acr.errors import CliError
from acr.output.render import print_json
from acr.output.terminal import say
from acr.targets.executor_client import ExecutorClient
from acr.targets.run_ids import explain_no_run, find_run_id
from acr.targets.service_client import require_data


@click.command()
@click.argument("run", metavar="RUN")
@click.argument("event", metavar="EVENT")
@click.option("--data", metavar="JSON|@FILE|-", help="The event's payload; `-` reads it from stdin  [default: null].")
@click.option("--id", "event_id", metavar="ID", help="Sent again under the same ID, it changes nothing.")
@as_json
@with_client
def event(
    client: ExecutorClient, run: str, event: str, *, data: str | None, event_id: str | None, as_json: bool
) -> None:
    """Send an event to a run that waits for it (`wait_for`), or will.

    An event that comes before its wait is kept. RUN is a run's id, or its beginning.

    \b
    Examples:
      acr event 01M8EQ4YH9028TPMXF6CT5DE5V paid --data '{"amount": 120}'
      acr event 01M8EQ4YH9 paid --data @payment.json --id payment-4711
    """
    if event_id is not None and not (event_id.isascii() and event_id.isprintable() and event_id):
        raise click.BadParameter("printable characters of ASCII only", param_hint="--id")
    payload = None if data is None else read_json_option(data, "--data")
    run_id = find_run_id(client, run)
    if run_id is None:
        raise explain_no_run(run) or CliError(f"`{run}` is no run's id.", "List the runs: acr logs", "RUN_NOT_FOUND")
    answer = client.send_event(run_id, event, payload, event_id)
    sent = require_data(answer)
    if as_json:
        print_json(answer)
    else:
        what = "was sent" if sent["state"] == "added" else "had come before"
        say(f"The event {event} ({sent['id']}) {what}.", err=True)
