"""Prints stored workflows."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from acr.output.render import print_table, render_moment
from acr.output.runs import describe_verdict
from acr.output.schedules import describe_schedule, describe_state
from acr.output.terminal import say

ALL_PAUSED = "All workflows are paused: no webhook, schedule, watch or message starts a run. To begin: acr resume --all"
_SIGNS = {"added": "+", "changed": "~", "removed": "-"}


def describe_push(data: Mapping[str, Any]) -> str:
    """A summary such as "Pushed greet, version 2: +letter ~tidy -badge"."""
    if not data["changed"]:
        kept = " Its text was replaced: comments or layout." if data.get("rewritten") else ""
        return f"{data['name']} has not changed, version {data['version']}.{kept}"
    signed = [f"{sign}{node}" for kind, sign in _SIGNS.items() for node in data["diff"][kind]]
    told = " ".join([*signed, *(f"~vars.{name}" for name in data["diff"].get("vars", ()))])
    return f"Pushed {data['name']}, version {data['version']}{': ' if told else ''}{told}"


def describe_pushes(pushed: Sequence[Mapping[str, Any]]) -> str:
    """A summary such as "3 workflows: 1 pushed, 2 unchanged"."""
    changed = sum(each["changed"] for each in pushed)
    counts = {"pushed": changed, "unchanged": len(pushed) - changed}
    told = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    return f"{len(pushed)} workflow{'s' * (len(pushed) != 1)}: {told}"


def render_workflows(workflows: Sequence[dict[str, Any]]) -> None:
    """Print the workflows; each one's `last_run` is its newest run's verdict, or None, `dead_letters` and
    `queued` are numbers of its runs.
    """
    if not workflows:
        say("There is no workflow yet. Store one: acr push FILE", err=True)
        return
    states = [_describe_state(workflow) for workflow in workflows]
    has_states = any(states)
    rows = [
        (
            workflow["name"],
            describe_version(workflow),
            describe_verdict(workflow["last_run"]),
            render_moment(workflow["updated_at"]),
            workflow["webhook_url"],
            *([state] if has_states else []),
        )
        for workflow, state in zip(workflows, states, strict=True)
    ]
    titles = ("name", "version", "last run", "updated (UTC)", "webhook", *([""] if has_states else []))
    print_table(titles, rows, flexible=("last run",))


def _describe_state(workflow: Mapping[str, Any]) -> str:
    """What its owner should know of it; "" if there is nothing."""
    dead, queued = workflow["dead_letters"], workflow["queued"]
    told = [
        describe_pause(workflow.get("paused")),
        f"{queued} queued" if queued else "",
        f"{dead} dead letter{'s' * (dead != 1)}" if dead else "",
    ]
    return ", ".join(filter(None, told))


def say_all_paused(workflows: Iterable[Mapping[str, Any]]) -> None:
    """Say to stderr if all workflows are paused together."""
    if are_all_paused(workflows):
        say(ALL_PAUSED, err=True)


def are_all_paused(workflows: Iterable[Mapping[str, Any]]) -> bool:
    """Whether any of the workflows is paused as all are: then those to come are, too."""
    return any((each.get("paused") or {}).get("all") for each in workflows)


def describe_pause(pause: Mapping[str, Any] | None) -> str:
    """Such as "paused, refuses requests"; "" if it is not paused."""
    if pause is None:
        return ""
    effect = "queues requests" if pause["on_trigger"] == "queue" else "refuses requests"
    return f"{'paused as all' if pause['all'] else 'paused'}, {effect}"


def describe_version(workflow: Mapping[str, Any]) -> str:
    version, latest = workflow["version"], workflow["latest"]
    return str(version) if version == latest else f"{version} (latest {latest})"


def describe_stored(workflow: Mapping[str, Any], version: int, input_fields: Sequence[str] = ()) -> None:
    """Print to stderr what is known of a workflow whose `version` is shown. `input_fields` are those of its
    input_schema.
    """
    current, schedules = describe_version(workflow), workflow.get("schedules", ())
    facts = {
        "version": current if version == workflow["version"] else f"{version}; the current one is {current}",
        "updated": f"{render_moment(workflow['updated_at'])} UTC",
        "file": workflow["file"] or "not known: it was pushed without one",
        "webhook": f"{workflow['webhook_url']} (the URL is a secret)",
        "email": _describe_address(workflow.get("email_address")),
        "calls": "not known" if workflow["calls"] is None else ", ".join(workflow["calls"]),
        "called by": ", ".join(workflow["called_by"]),
        "input": "; ".join(input_fields),
        "paused": describe_pause(workflow.get("paused")),
        "refused": _describe_refused(workflow.get("refused")),
        "steps": _describe_steps(workflow.get("steps")),
        "schedule": "; ".join(describe_schedule(each) for each in schedules if "watch" not in each),
        "watch": "; ".join(_describe_watch(each) for each in schedules if "watch" in each),
        "after": ", ".join(workflow.get("after", ())),
        "followers": ", ".join(workflow.get("followed_by", ())),
        "handles": _describe_handled(workflow.get("failure_of", ())),
    }
    say(workflow["name"], err=True)
    for title, fact in facts.items():
        if fact:
            say(f"  {title:<9} {fact}", err=True)


def _describe_handled(names: Sequence[str]) -> str:
    if not names:
        return ""
    return f"failures of {'all other workflows' if '*' in names else ', '.join(names)}"


def _describe_watch(schedule: Mapping[str, Any]) -> str:
    return ": ".join(filter(None, (describe_schedule(schedule).removeprefix("watch "), describe_state(schedule))))


def _describe_address(address: str | None) -> str:
    return f"{address} (whoever knows it can send)" if address else ""


def render_addresses(workflows: Sequence[Mapping[str, Any]]) -> None:
    """Print the mail addresses of the workflows that have one."""
    rows = [(each["name"], each["email_address"]) for each in workflows if each.get("email_address")]
    if rows:
        say("")
        print_table(("workflow", "mail address (whoever knows it can send)"), rows)


def _describe_steps(steps: Mapping[str, Any] | None) -> str:
    return "" if steps is None else f"{steps['text']} of the platform, in a run in which all runs once"


def _describe_refused(refused: Mapping[str, Any] | None) -> str:
    """The requests that `verify` has refused, such as "3 requests since 2026-11-26 (SIGNATURE_INVALID 3), last ..."."""
    if refused is None:
        return ""
    codes = ", ".join(f"{code} {count}" for code, count in refused["codes"].items())
    requests = f"{refused['count']} request{'s' * (refused['count'] != 1)} since {refused['since']}"
    return f"{requests} ({codes}), the last {render_moment(refused['last_at'])} UTC"


def render_versions(workflow: Mapping[str, Any]) -> None:
    """Print a workflow's versions, newest first."""
    rows = [
        (str(version["version"]), render_moment(version["pushed_at"]), "current" if is_current else "")
        for version in reversed(workflow["versions"])
        for is_current in [version["version"] == workflow["version"]]
    ]
    print_table(("version", "pushed (UTC)", ""), rows)
