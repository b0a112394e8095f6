"""acr keys create: make a key."""

import click

from acr.commands.options import as_json, with_client
from acr.output.render import print_json
from acr.output.terminal import say
from acr.targets.executor_client import ExecutorClient
from acr.targets.service_client import require_data
from arcrun.rights import RIGHTS
from arcrun.times import read_duration_ms


class Lifetime(click.ParamType[int]):
    name = "duration"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> int:
        lifetime_ms = read_duration_ms(value)
        if lifetime_ms is None or lifetime_ms < 1000:
            self.fail("must be a whole number with s, m, h, d or w, such as 90d.", param, ctx)
        return lifetime_ms // 1000


@click.command()
@click.argument("name")
@click.option("--can", type=click.Choice([*RIGHTS]), required=True, help="What it may do.")
@click.option("--workflow", metavar="NAME", help="It counts for this workflow alone.")
@click.option("--expires", "lifetime_s", metavar="DURATION", type=Lifetime(), help="Until when, such as 90d.")
@as_json
@with_client
def create(
    client: ExecutorClient, name: str, *, can: str, workflow: str | None, lifetime_s: int | None, as_json: bool
) -> None:
    """Make a key called NAME, and print it: it is never shown again.

    \b
    Examples:
      acr keys create dashboard --can read
      acr keys create shop --can run --workflow orders --expires 90d
      ARCRUN_API_KEY=$(acr keys create ci --can push) acr push
    """
    answer = client.create_key(name, can, workflow, lifetime_s)
    data = require_data(answer)
    if as_json:
        print_json(answer)
        return
    say(data["key"])
    where = f" in {data['workflow']}" if data["workflow"] else ""
    until = f" until {data['expires_at']}" if data["expires_at"] else ""
    say(f"`{name}` can {can}{where}{until}. The key is not shown again.", err=True)
    if can == "push":
        say("Who may push can use every credential: a workflow may send it anywhere.", err=True)
