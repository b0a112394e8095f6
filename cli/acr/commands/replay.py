"""acr replay: run a run again, as it was or with something changed."""

from typing import Any

import click

from acr.commands.json_option import read_json_option
from acr.commands.options import as_json, with_client
from acr.commands.run import finish
from acr.output.render import print_json
from acr.output.retries import render_dry_run
from acr.targets.executor_client import ExecutorClient
from acr.targets.run_ids import require_run_id
from acr.targets.run_watch import watching_run
from acr.targets.service_client import require_data

ORIGINAL, CURRENT = "original", "current"


class VersionChoice(click.ParamType[str | int]):
    """`original`, `current` or the number of a version."""

    name = "version"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str | int:
        if value in (ORIGINAL, CURRENT):
            return str(value)
        if not str(value).isdecimal() or not str(value).isascii():
            self.fail(f"`{value}` is neither {ORIGINAL} nor {CURRENT}, nor the number of a version.", param, ctx)
        return int(value)


@click.command()
@click.argument("run", metavar="RUN")
@click.option("--from", "start", metavar="NODE", help="Begin with NODE; what is before it is taken over from RUN.")
@click.option(
    "--version",
    metavar="current|original|N",
    type=VersionChoice(),
    default=ORIGINAL,
    show_default=True,
    help="The workflow's version.",
)
@click.option(
    "--input", "input_text", metavar="JSON|@FILE|-", help="Another input; `-` reads it from stdin  [default: RUN's]."
)
@click.option("--dry-run", is_flag=True, help="Only say which nodes would run.")
@as_json
@with_client
def replay(
    client: ExecutorClient,
    *,
    run: str,
    start: str | None,
    version: str | int,
    input_text: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Run a run again, by default with its own input in its own version.

    A replay is a run of its own that names its origin. It is run as the workflow is: one with `durable: true`, or of
    a run with --async, is accepted, and its id is printed; of another the answer and the trace. RUN is a run's id,
    or its beginning.

    \b
    Examples:
      acr replay 01M8EQ4YH9028TPMXF6CT5DE5V
      acr replay 01M8EQ4YH9 --version current
      acr replay 01M8EQ4YH9 --from charge --input @order.json
      acr replay 01M8EQ4YH9 --from charge --dry-run
    """
    asked: dict[str, Any] = {"version": version}
    if start is not None:
        asked["from"] = start
    if input_text is not None:
        asked["input"] = read_json_option(input_text, "--input")
    run_id = require_run_id(client, run)
    with watching_run(client.url) as watch:
        answer = client.replay(run_id, asked, watch.begin, dry_run=dry_run)
    if dry_run:
        data = require_data(answer)
        print_json(answer) if as_json else render_dry_run(data)
        return
    finish(answer, run_id, as_json=as_json)
