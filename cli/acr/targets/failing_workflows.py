"""Which workflows fail: those whose last run has failed or is lost, those with dead letters, and those whose last poll
has failed.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from acr.targets.executor_client import MAX_PAGE, ExecutorClient
from arcrun.engine.run_id import time_of
from arcrun.engine.trigger import TriggerKind
from arcrun.times import render_time

MAX_ASKED = 50  # workflows whose last run is asked for; of others with a failed run that counts
SOME = 20  # runs of a workflow, so that one among them is no poll
FAILED = ("failed", "lost")
_UNCOUNTED = (TriggerKind.EXECUTE, TriggerKind.POLL)


def find_last_runs(client: ExecutorClient, failed: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """By the workflow, the last run of each that has one among the newest hundred, and of each that has `failed` before
    those: `failed` are the ids of such runs. Of polls only those that fail have a record, so none counts as the last
    run. Raises AnswerError.
    """
    runs = reversed(client.list_runs({}, MAX_PAGE, 1))
    newest = {run["workflow"]: run for run in runs if run["trigger"] not in _UNCOUNTED}
    older = sorted((run_id, name) for name, run_id in failed.items() if name not in newest)[::-1]
    for number, (run_id, name) in enumerate(older):
        since = _find_last_since(client, name, run_id) if number < MAX_ASKED else None
        newest[name] = since or {"run_id": run_id, "workflow": name, "status": "failed"}
    return newest


def _find_last_since(client: ExecutorClient, workflow: str, run_id: str) -> dict[str, Any] | None:
    """The last run of the workflow, from that one on; None if the platform has not come to it."""
    asked = {"workflow": workflow, "since": render_time(time_of(run_id))}
    found = client.list_runs(asked, SOME, 1)
    return next((run for run in found if run["trigger"] not in _UNCOUNTED), None)


def find_failing_polls(schedules: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Why the last poll of each workflow has failed of which it has, by the workflow."""
    return {each["workflow"]: each["watch"]["error"] for each in schedules if (each.get("watch") or {}).get("error")}


def describe_failing(
    names: Iterable[str], last_runs: Mapping[str, Any], dead: Mapping[str, int], polls: Mapping[str, str]
) -> dict[str, str]:
    """Those of the workflows that fail, each with why: such as "HTTP_STATUS, 2 dead letters". `polls` is that of
    `find_failing_polls`.
    """
    told = {}
    for name in names:
        last, count = last_runs.get(name), dead.get(name, 0)
        has_failed = last is not None and last["status"] in FAILED
        why = [last.get("error") or last["status"]] if last is not None and has_failed else []
        why += [f"its poll: {polls[name]}"] if name in polls else []
        why += [f"{count} dead letter{'s' * (count != 1)}"] if count else []
        if why:
            told[name] = ", ".join(why)
    return told
