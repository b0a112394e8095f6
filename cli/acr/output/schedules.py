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
            describe_schedule(each),
            _render_local(each["next"][0]) if each["next"] else "-",
            render_moment(each["next"][0]["utc"]) if each["next"] else "-",
            render_moment(each["last_due_at"]),
            _describe_state(each),
        )
        for each in schedules
    ]
    print_table(("workflow", "schedule", "next", "next (UTC)", "last (UTC)", ""), rows, flexible=("",))


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


def describe_schedule(schedule: Mapping[str, Any]) -> str:
    """Such as "0 9 * * MON-FRI Europe/Berlin", or "every 15m"."""
    [timing] = [each for each in _TIMINGS if each in schedule]
    zone = schedule.get("zone", "" if timing == "every" else "UTC")
    return f"{_TIMINGS[timing]}{schedule[timing]} {zone}".strip()


def _list_times(schedules: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, str, str]]:
    rows = []
    for each in schedules:
        titles = (each["workflow"], describe_schedule(each) + (", paused" if each["paused"] else ""))
        times = each["next"] or [None]
        for number, time in enumerate(times):
            shown = ("no time to come", "") if time is None else (_render_local(time), render_moment(time["utc"]))
            rows.append((*(titles if number == 0 else ("", "")), *shown))
    return rows


def _render_local(time: Mapping[str, str]) -> str:
    """Such as "2026-11-30 09:00:00+01:00"."""
    return time["local"].replace("T", " ")


def _describe_state(schedule: Mapping[str, Any]) -> str:
    counts = {name: schedule[name] for name in ("waiting", "skipped", "missed")}
    told = ["paused"] if schedule["paused"] else []
    if since := schedule.get("delayed_since"):
        told.append(f"delayed since {render_moment(since)}")
    return ", ".join([*told, *(f"{count} {name}" for name, count in counts.items() if count)])


def _say_none(name: str | None) -> None:
    whose = "No workflow" if name is None else name
    say(
        f"{whose} has {'a' if name is None else 'no'} schedule. Among the triggers: schedule: [{{every: 15m}}]",
        err=True,
    )
