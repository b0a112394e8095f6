"""acr logs: list the runs, or show one."""

import time
from collections.abc import Iterator, Mapping
from typing import Any

import click

from acr.commands.arguments import RunOrWorkflowName
from acr.commands.options import as_json, with_client
from acr.output.render import print_data, print_json
from acr.output.runs import RunLines, render_runs
from acr.output.trace import render_timeline
from acr.targets.executor_client import MAX_PAGE, ExecutorClient
from acr.targets.run_ids import find_run_id
from acr.targets.service_client import Answer, require_data
from arcrun.engine.trigger import TriggerKind
from arcrun.run_log.filter import STATUSES

POLL_S = 1.0


@click.command()
@click.argument("subject", metavar="[NAME|RUN]", required=False, type=RunOrWorkflowName())
@click.option("--status", type=click.Choice(STATUSES), help="Only runs with this status.")
@click.option("--trigger", type=click.Choice([kind.value for kind in TriggerKind]), help="Only runs with this trigger.")
@click.option("--version", type=click.IntRange(0), metavar="N", help="Only runs of this version; 0: not stored.")
@click.option("--since", metavar="TIME", help="Only runs that began at TIME (ISO 8601, UTC) or later.")
@click.option("--until", metavar="TIME", help="Only runs that began before TIME.")
@click.option(
    "--search", metavar="TEXT", help="Only runs with TEXT in the workflow's name, the id or the error's code."
)
@click.option("--limit", type=click.IntRange(1, MAX_PAGE), default=20, show_default=True, help="Number of runs.")
@click.option("--follow", is_flag=True, help="Print runs as they end, until Ctrl-C. With RUN: wait for its end.")
@as_json
@with_client
def logs(
    client: ExecutorClient,
    *,
    subject: str | None,
    limit: int,
    follow: bool,
    as_json: bool,
    search: str | None,
    **asked: str | int | None,
) -> None:
    """List the runs, or show one as a timeline.

    Newest first; with --follow, newest last, and --json prints one line per run. The first characters of a run's id
    are enough, if no other run begins so.

    \b
    Examples:
      acr logs
      acr logs greet --status failed --since 2026-11-01 --json | jq -r '.data.runs[].run_id'
      acr logs 01J9ZC3VT0M4XKQW8R2E5H7N6P
      acr logs 01J9ZC3VT0M4
      acr logs greet --follow
    """
    if subject is not None and (run_id := find_run_id(client, subject)):
        answer = _wait_for_end(client, run_id) if follow else client.show_run(run_id)
        record = require_data(answer)
        print_json(answer) if as_json else render_timeline(record)
        return
    query = {"workflow": subject, "q": search, **asked}
    runs = client.list_runs(query, limit)
    if not runs and subject is not None:
        require_data(client.show_workflow(subject))  # or say that there is no such workflow
    if follow:
        lines = RunLines()
        for run in _follow(client, query, limit):
            print_json(run, indent=None) if as_json else lines.render(run)
    else:
        print_data({"runs": runs}) if as_json else render_runs(runs)


def _wait_for_end(client: ExecutorClient, run_id: str) -> Answer:
    while True:
        answer = client.show_run(run_id)
        if require_data(answer)["status"] != "running":
            return answer
        time.sleep(POLL_S)


def _follow(client: ExecutorClient, query: Mapping[str, Any], limit: int) -> Iterator[dict[str, Any]]:
    """Yield the newest `limit` runs that have ended, then each run as it ends, oldest first."""
    newest = client.list_runs(query, limit)
    older = client.list_runs(query, MAX_PAGE, 1)
    seen = {run["run_id"] for run in older if run["status"] != "running"} - {run["run_id"] for run in newest}
    while True:
        for run in reversed(newest):
            if run["run_id"] not in seen and run["status"] != "running":
                seen.add(run["run_id"])
                yield run
        time.sleep(POLL_S)
        newest = client.list_runs(query, MAX_PAGE, 1)
