"""acr audit: who changed what."""

import click

from acr.commands.options import as_json, with_client
from acr.output.render import print_data, print_table, render_moment
from acr.targets.executor_client import ExecutorClient


@click.command()
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000), help="Number of lines.")
@as_json
@with_client
def audit(client: ExecutorClient, limit: int, as_json: bool) -> None:
    """Show who changed what: workflows, credentials, keys.

    Newest first: when, what, by which API key (the first digits of its SHA-256), from which address. The newest 10,000
    lines are kept.

    \b
    Examples:
      acr audit
      acr audit --limit 200
      acr audit --json | jq -r '.data.lines[] | select(.action == "workflow.delete") | .subject'
    """
    lines = client.list_audit(limit)
    if as_json:
        print_data({"lines": lines})
        return
    rows = [
        (
            render_moment(line["at"]),
            line["action"],
            line["subject"],
            line["detail"] or "",
            f"{line['key_id']} ({line['via']})" if line.get("via") else line["key_id"],
            line["address"] or "-",
        )
        for line in lines
    ]
    print_table(("when (UTC)", "action", "what", "", "key", "from"), rows, flexible=("",))
