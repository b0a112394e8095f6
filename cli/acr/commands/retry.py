"""acr retry: run again what has failed of a run, or of many."""

import sys
from collections.abc import Iterator, Mapping
from typing import Any

import click

from acr.commands.arguments import WorkflowName
from acr.commands.options import as_json, with_client
from acr.commands.run import finish
from acr.output.render import print_data, print_json
from acr.output.retries import render_dry_run, render_retries
from acr.output.terminal import say
from acr.targets.executor_client import ExecutorClient
from acr.targets.run_ids import require_run_id
from acr.targets.run_watch import watching_run
from acr.targets.service_client import Answer, require_data
from arcrun.limits import MAX_RETRIED_RUNS, MAX_SEARCHED_RUNS

STATUSES = ("failed", "cancelled", "lost")


@click.command()
@click.argument("run", metavar="[RUN]", required=False)
@click.option("--workflow", metavar="NAME", type=WorkflowName(), help="Retry the runs of this workflow.")
@click.option(
    "--status", type=click.Choice(STATUSES), default=STATUSES[0], show_default=True, help="Those with this status."
)
@click.option("--since", metavar="TIME", help="Those that began at TIME (ISO 8601, UTC) or later.")
@click.option("--until", metavar="TIME", help="Those that began before TIME.")
@click.option("--dry-run", is_flag=True, help="Only say what would be retried, and which nodes would run.")
@click.option("--force", is_flag=True, help="Also retry what was retried already.")
@as_json
@with_client
def retry(
    client: ExecutorClient,
    *,
    run: str | None,
    workflow: str | None,
    status: str,
    since: str | None,
    until: str | None,
    dry_run: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Run again what has failed of RUN, or of all runs that the options say.

    What has succeeded is taken over, with the values that it had. What has failed, was stopped or undone runs
    again, with all that follows it; a loop that has not ended runs again from its first element. A run is retried
    once: if its retry fails too, retry that, or use --force. RUN is a run's id, or its beginning.

    \b
    Examples:
      acr retry 01M8EQ4YH9028TPMXF6CT5DE5V
      acr retry 01M8EQ4YH9 --dry-run
      acr retry --workflow orders --since 2026-11-27T08:00 --dry-run
      acr retry --workflow orders --status lost --json | jq -r '.data.runs[].retry'
    """
    if run is not None:
        if workflow or since or until:
            raise click.UsageError("Either RUN, or --workflow, --since and --until.")
        run_id = require_run_id(client, run)
        with watching_run(client.url) as watch:
            answer = client.retry(run_id, watch.begin, is_forced=force, dry_run=dry_run)
        if dry_run:
            data = require_data(answer)
            print_json(answer) if as_json else render_dry_run(data)
            return
        if _runs_whole(answer):
            say(f"Nothing of {run_id} could be taken over: it runs from its beginning.", err=True)
        finish(answer, run_id, as_json=as_json)
    if not (workflow or since):
        raise click.UsageError("Say which runs: RUN, --workflow NAME or --since TIME.")
    asked = {"workflow": workflow, "status": status, "since": since, "until": until}
    found = _find_runs(client, asked, with_retried=force)
    runs = found[:MAX_RETRIED_RUNS]
    told = list(_retry_all(client, runs, is_forced=force, dry_run=dry_run, is_quiet=as_json))
    left = len(found) - len(runs)
    if as_json:
        print_data({"runs": told, "left": left})
    else:
        render_retries(told, left, dry_run=dry_run)
    sys.exit(1 if any("error" in each for each in told) else 0)


def _find_runs(client: ExecutorClient, asked: Mapping[str, Any], *, with_retried: bool) -> list[dict[str, Any]]:
    """The runs to retry, oldest first: without those that a retry was made of, if these are not wanted."""
    found = client.list_runs(asked, MAX_SEARCHED_RUNS)
    return [run for run in reversed(found) if with_retried or "retried_by" not in run]


def _retry_all(
    client: ExecutorClient, runs: list[dict[str, Any]], *, is_forced: bool, dry_run: bool, is_quiet: bool
) -> Iterator[dict[str, Any]]:
    """Yield what became of each: its verdict, and `retry` (the id of the new run), `status` of it, or `error`; of a dry
    run the nodes that would run, `runs`, and those that would be taken over, `taken_over`.
    """
    for number, run in enumerate(runs, 1):
        if not is_quiet and not dry_run:
            say(f"retrying {run['run_id']} ({number} of {len(runs)})", err=True)
        answer = client.retry(run["run_id"], is_forced=is_forced, dry_run=dry_run)
        told = {name: run[name] for name in ("run_id", "workflow", "started_at")}
        if "run_id" in answer:
            told["retry"] = answer["run_id"]
        if not answer["success"]:
            yield {**told, "status": "failed" if "retry" in told else "refused", "error": answer["error"]}
        elif dry_run:
            yield {**told, "taken_over": answer["data"]["taken_over"], "runs": answer["data"]["runs"]}
        else:
            is_accepted = "duration_ms" not in answer
            yield {**told, "status": "accepted" if is_accepted else "success"}


def _runs_whole(answer: Answer) -> bool:
    """Whether a retry was accepted that takes nothing over."""
    data = answer.get("data") if answer["success"] else None
    return isinstance(data, dict) and data.keys() == {"status", "taken_over"} and data["taken_over"] == []
