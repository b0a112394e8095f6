"""acr logs: list the runs, or show one."""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from acr.commands.arguments import RunOrWorkflowName
from acr.commands.options import as_json, with_client
from acr.config.platform_home import find_platform_home
from acr.errors import AnswerError, CliError
from acr.output.render import print_data, print_json
from acr.output.runs import RunLines, RunNews, render_runs
from acr.output.terminal import say_lines
from acr.output.trace import render_timeline
from acr.targets.executor_client import MAX_PAGE, ExecutorClient
from acr.targets.run_events import follow_run
from acr.targets.run_ids import explain_no_run, find_run_id
from acr.targets.service_client import Answer, require_data
from arcrun.engine.trigger import TriggerKind
from arcrun.run_log.filter import STATUSES, UNFINISHED

POLL_S = 1.0
# A run is asked for again and again where it cannot be followed: by an executor of the release before, or one that has
# too many followers.
UNFOLLOWED = ("NOT_FOUND", "TOO_MANY_FOLLOWERS")


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
@click.option("--failed", is_flag=True, help="Only dead letters: accepted runs that failed, to be dealt with.")
@click.option("--limit", type=click.IntRange(1, MAX_PAGE), default=20, show_default=True, help="Number of runs.")
@click.option("--follow", is_flag=True, help="Print runs as they end, until Ctrl-C. With RUN: until its end.")
@click.option("--as-test", is_flag=True, help="With RUN: print a test made of it, for `acr test`.")
@click.option("--stub-all", is_flag=True, help="With --as-test: stub all nodes, not only those that reach outside.")
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
    failed: bool,
    as_test: bool,
    stub_all: bool,
    **asked: str | int | None,
) -> None:
    """List the runs, or show one as a timeline.

    Newest first; with --follow, newest last, and --json prints one line per run. With RUN, --follow tells on stderr
    what is new of it, and shows it when it has ended. The first six or more characters of a run's id are enough, if no
    other run begins so. Dead letters (--failed) are accepted runs that have failed or were lost: they are kept for 30
    days, until they are dealt with, as by `acr dismiss`.

    \b
    Examples:
      acr logs
      acr logs greet --status failed --since 2026-11-01 --json | jq -r '.data.runs[].run_id'
      acr logs 01J9ZC3VT0M4XKQW8R2E5H7N6P
      acr logs 01J9ZC3VT0M4
      acr logs greet --failed
      acr logs greet --follow
      acr logs 01J9ZC3VT0M4 --as-test > greet.test.yaml
    """
    if stub_all and not as_test:
        raise click.UsageError("--stub-all is for --as-test.")
    if as_test and (subject is None or follow):
        raise click.UsageError("--as-test needs the id of a run, and cannot follow it.")
    if subject is not None and (run_id := find_run_id(client, subject)):
        answer = _follow_to_end(client, run_id, tells=not as_json) if follow else client.show_run(run_id)
        record = require_data(answer)
        if as_test:
            text = _write_test(client, run_id, record, stubs_all=stub_all)
            print_data({"test": text}) if as_json else say_lines(text)
            return
        print_json(answer) if as_json else render_timeline(record)
        return
    if as_test and subject is not None:
        raise explain_no_run(subject) or CliError(
            f"There is no run `{subject}`.", "List the runs: acr logs", "RUN_NOT_FOUND"
        )
    query = {"workflow": subject, "q": search, "dead": 1 if failed else None, **asked}
    runs = client.list_runs(query, limit)
    if not runs and subject is not None:
        _require_workflow(client, subject)
    if follow:
        lines = RunLines()
        for run in _follow(client, query, limit):
            print_json(run, indent=None) if as_json else lines.render(run)
    else:
        print_data({"runs": runs}) if as_json else render_runs(runs, are_dead=failed)


def _require_workflow(client: ExecutorClient, name: str) -> None:
    """Raises AnswerError WORKFLOW_NOT_FOUND, CliError RUN_NOT_FOUND."""
    try:
        require_data(client.show_workflow(name))
    except AnswerError as error:
        raise (explain_no_run(name) if error.code == "WORKFLOW_NOT_FOUND" else None) or error from None


def _write_test(client: ExecutorClient, run_id: str, record: dict[str, Any], *, stubs_all: bool) -> str:
    """A test of the run, for a file in this folder."""
    from acr.testing.from_record import RecordedRun, may_read_credentials, write_test  # noqa: PLC0415 - only where it is asked for
    from acr.workflows.components_at_hand import ComponentsAtHand  # noqa: PLC0415
    from acr.workflows.found_files import find_beside  # noqa: PLC0415

    found, beside = client.show_input(run_id), find_beside(Path.cwd())
    kept = {"input": found["data"]["input"]} if found["success"] else {"no_input": found["error"]["message"]}
    file = beside.get(record["workflow"])
    components = ComponentsAtHand(find_platform_home())
    has_credentials = may_read_credentials(record["workflow"], beside, components)
    run = RecordedRun(run_id, record, has_credentials=has_credentials, **kept)
    return write_test(run, file.name if file else None, components, [*beside], stubs_all=stubs_all)


def _follow_to_end(client: ExecutorClient, run_id: str, *, tells: bool) -> Answer:
    """The record of a run once it has ended. If it `tells`, what is new of it is printed until then."""
    told = RunNews(run_id)
    try:
        for event in follow_run(client, run_id):
            if tells:
                told.render(event.name, event.data, is_last=event.event_id is not None)
    except AnswerError as error:
        if error.code not in UNFOLLOWED:
            raise
        return _wait_for_end(client, run_id)
    return client.show_run(run_id)


def _wait_for_end(client: ExecutorClient, run_id: str) -> Answer:
    while True:
        answer = client.show_run(run_id)
        if require_data(answer)["status"] not in UNFINISHED:
            return answer
        time.sleep(POLL_S)


def _follow(client: ExecutorClient, query: Mapping[str, Any], limit: int) -> Iterator[dict[str, Any]]:
    """Yield the newest `limit` runs that have ended, then each run as it ends, oldest first."""
    newest = client.list_runs(query, limit)
    older = client.list_runs(query, MAX_PAGE, 1)
    seen = {run["run_id"] for run in older if run["status"] not in UNFINISHED} - {run["run_id"] for run in newest}
    while True:
        for run in reversed(newest):
            if run["run_id"] not in seen and run["status"] not in UNFINISHED:
                seen.add(run["run_id"])
                yield run
        time.sleep(POLL_S)
        newest = client.list_runs(query, MAX_PAGE, 1)
