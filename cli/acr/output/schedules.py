"""Prints the schedules of workflows, and their times."""

from collections.abc import Mapping, Sequence
from typing import Any

from acr.output.render import print_data, print_table, render_moment
from acr.output.terminal import say

_TIMINGS = {"cron": "", "every": "every ", "at": "at "}


def render_schedules(schedules: Sequence[Mapping[str, Any]], name: str | None = None) -> None:
    """Print schedules with their next time and what became of those before; `name` is their one workflow's."""
    if not schedules:
        _say_none(name)
        return
    rows = [
        (
            each["workflow"],
            str(each["number"]),
            describe_schedule(each),
            _render_local(each["next"][0]) if each["next"] else "-",
            render_moment(each["next"][0]["utc"]) if each["next"] else "-",
            render_moment((each.get("watch") or {}).get("last_polled_at") or each["last_due_at"]),
            describe_state(each),
        )
        for each in schedules
    ]
    print_table(("workflow", "no.", "schedule", "next", "next (UTC)", "last (UTC)", ""), rows, flexible=("",))


def render_changed(schedules: Sequence[Mapping[str, Any]], name: str, what: str, *, as_json: bool) -> None:
    """Print the schedules of a workflow after they were changed; `what` they are now."""
    if as_json:
        print_data({"schedules": schedules})
        return
    say(f"The schedules of {name} are {what}.", err=True)
    render_schedules(schedules, name)


def render_times(schedules: Sequence[Mapping[str, Any]], name: str | None = None) -> None:
    """Print the next times of schedules, one a line."""
    if not schedules:
        _say_none(name)
        return
    print_table(("workflow", "schedule", "next", "UTC"), _list_times(schedules))


def render_next_times(schedules: Sequence[Mapping[str, Any]]) -> None:
    """Print the next times of schedules below something else, if there are any."""
    if schedules:
        say("")
        print_table(("workflow", "schedule", "next", "UTC"), _list_times(schedules))


def say_times(schedules: Sequence[Mapping[str, Any]]) -> None:
    """Print the next times of the schedules of a workflow that was pushed to stderr."""
    if schedules:
        say("It starts by itself:", err=True)
        print_table(("workflow", "schedule", "next", "UTC"), _list_times(schedules), stream="stderr")


def say_if_anew(data: Mapping[str, Any]) -> None:
    """Of an answer to a push or a rollback: warn on stderr if the first poll starts everything again."""
    if data.get("starts_all_again"):
        say(
            f"warning: {data['name']} watches something else now, and begins anew: with `first: all` everything"
            f" that is listed starts a run, also what has had one. To prevent it: acr schedule pause {data['name']}",
            colour="yellow",
            err=True,
        )


def describe_schedule(schedule: Mapping[str, Any]) -> str:
    """Such as "0 9 * * MON-FRI Europe/Berlin", "every 15m", or "watch every 5m"."""
    [timing] = [each for each in _TIMINGS if each in schedule]
    zone = schedule.get("zone", "" if timing == "every" else "UTC")
    return f"{'watch ' if 'watch' in schedule else ''}{_TIMINGS[timing]}{schedule[timing]} {zone}".strip()


def _list_times(schedules: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, str, str]]:
    rows = []
    for each in schedules:
        titles = (each["workflow"], describe_schedule(each) + _describe_lately(each))
        times = each["next"] or [None]
        for number, time in enumerate(times):
            shown = ("no time to come", "") if time is None else (_render_local(time), render_moment(time["utc"]))
            rows.append((*(titles if number == 0 else ("", "")), *shown))
    return rows


def _describe_lately(schedule: Mapping[str, Any]) -> str:
    """What else there is to say of it: such as ", paused", or " (2026-11-27 08:05:00: 30 listed, 2 new)"."""
    watch = schedule.get("watch") or {}
    polled_at = watch.get("last_polled_at")
    found = f" ({render_moment(polled_at)}: {', '.join(describe_polls(watch))})" if polled_at else ""
    return found + (", paused" if schedule["paused"] else "")


def _render_local(time: Mapping[str, str]) -> str:
    """Such as "2026-11-30 09:00:00+01:00"."""
    return time["local"].replace("T", " ")


def describe_state(schedule: Mapping[str, Any]) -> str:
    """What has become of its times: such as "2 skipped", or of a watch's "30 listed, 2 new"."""
    counts = {name: schedule[name] for name in ("waiting", "skipped", "missed")}
    told = ["paused"] if schedule["paused"] else []
    told += ["its workflow is paused"] if schedule.get("workflow_paused") else []
    if since := schedule.get("delayed_since"):
        told.append(f"delayed since {render_moment(since)}")
    told += describe_polls(schedule["watch"]) if schedule.get("watch") else []
    return ", ".join([*told, *(f"{count} {name}" for name, count in counts.items() if count)])


def describe_polls(watch: Mapping[str, Any]) -> list[str]:
    """What the last poll has found, and what waits or was forgotten: such as "30 listed", "2 new"."""
    if watch["error"]:
        return [f"the last poll failed: {watch['error']}"]
    if watch["last_polled_at"] is None:
        return ["not polled yet"]
    counts = {"left to the next poll": "left_over", "runs to begin": "waiting", "forgotten": "forgotten"}
    rest = [f"{watch[name]} {what}" for what, name in counts.items() if watch[name]]
    return [f"{watch['listed']} listed", f"{watch['started']} new", *rest]


def _say_none(name: str | None) -> None:
    whose = "No workflow" if name is None else name
    say(
        f"{whose} has {'a' if name is None else 'no'} schedule. Among the triggers: schedule: [{{every: 15m}}]",
        err=True,
    )
