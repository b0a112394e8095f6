"""The rules by which failures of runs become runs of the workflows that handle them (`failure_of`)."""

from collections.abc import Collection, Sequence
from typing import Any

from arcrun.engine.trigger import TriggerKind
from arcrun.limits import MAX_COUNTED_WORKFLOWS
from arcrun.workflows.triggers.failures import ALL_OTHERS
from arcrun.workspace.failures import Gathered, ToldFailure


def choose_failures(
    failures: Sequence[ToldFailure], watched: Sequence[str], handlers: Collection[str]
) -> list[ToldFailure]:
    """Those for a handler of the `watched` workflows: none of handlers, nor of a run that a failure has started, or of
    a workflow that is not stored.
    """
    return [
        each
        for each in failures
        if each["workflow"] not in handlers
        and each["trigger"] not in (TriggerKind.FAILURE, TriggerKind.EXECUTE)
        and (each["workflow"] in watched or ALL_OTHERS in watched)
    ]


def gather(gathered: Gathered | None, failures: Sequence[ToldFailure]) -> Gathered:
    """What was gathered, and the failures, of which there is at least one."""
    workflows = dict(gathered["workflows"]) if gathered else {}
    for each in failures:
        if each["workflow"] in workflows or len(workflows) < MAX_COUNTED_WORKFLOWS:
            workflows[each["workflow"]] = workflows.get(each["workflow"], 0) + 1
    return {
        "last": failures[-1],
        "count": (gathered["count"] if gathered else 0) + len(failures),
        "since": gathered["since"] if gathered else failures[0]["started_at"],
        "workflows": workflows,
        "depth": min(each.get("depth", 1) for each in (*failures, *([gathered] if gathered else ()))),
    }


def render_input(gathered: Gathered) -> dict[str, Any]:
    """The input of the run that they start, and `depth`, which is the run's unless that is 1."""
    last = gathered["last"]
    shown = {name: last[name] for name in ("workflow", "run_id", "error", "node", "started_at", "trigger")}
    depth = {"depth": depth} if (depth := gathered.get("depth", 1)) > 1 else {}
    return {**shown, **{name: gathered[name] for name in ("count", "since", "workflows")}, **depth}
