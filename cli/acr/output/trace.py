"""Prints a run's trace: as the table of `acr run`, and as the timeline of `acr logs RUN`."""

import json
import shlex
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.text import Text

from acr.output.render import (
    STYLES,
    build_console,
    drop_empty_columns,
    measure_table,
    print_table,
    render_moment,
    style_status,
)
from acr.output.terminal import say
from arcrun.workflows.responses.model import KINDS

BAR_WIDTH, MIN_BAR_WIDTH = 32, 8
SUMMARY_WIDTH = 60
_INDENT = "  "

Entry = dict[str, Any]


def flatten_trace(trace: Sequence[Entry], depth: int = 0) -> Iterator[tuple[str, Entry]]:
    """Yield each entry with its node's name, followed by its rounds and by its sub-workflow's entries, indented."""
    for entry in trace:
        yield _INDENT * depth + str(entry["node"]), entry
        for name, inner in _find_rounds(entry):
            yield f"{_INDENT * (depth + 1)}{name}", inner
            yield from flatten_trace(inner.get("trace", ()), depth + 2)
        yield from flatten_trace(entry.get("trace", ()), depth + 1)


def _find_rounds(entry: Entry) -> Iterator[tuple[str, Entry]]:
    """The rounds of an entry by their names. Those that are not recorded have an entry together, without a status."""
    rounds = entry.get("rounds", {"count": 0, "trace": ()})
    number, ended_ms = 0, entry["start_ms"]
    for inner in (*rounds["trace"], None):
        left_out = (inner["round"] if inner else rounds["count"] + 1) - number - 1
        if left_out > 0:
            until_ms = inner["start_ms"] if inner else entry["start_ms"] + entry["duration_ms"]
            name = f"rounds {number + 1} to {number + left_out}, not recorded"
            gap = {
                "component": "",
                "status": "",
                "attempts": 0,
                "start_ms": ended_ms,
                "duration_ms": until_ms - ended_ms,
            }
            yield name, {**gap, "rounds": {"count": left_out, "trace": ()}}
        if inner:
            number, ended_ms = inner["round"], inner["start_ms"] + inner["duration_ms"]
            tool = inner["node"].removeprefix(f"{entry['node']}.") if inner["node"] != entry["node"] else ""
            yield f"round {number}{tool and f': {tool}'}", inner


def flatten_run(record: dict[str, Any]) -> Iterator[tuple[str, Entry]]:
    """Like `flatten_trace`, of a run's record: the entries of its trace, followed by those of its undos."""
    yield from flatten_trace(record["trace"])
    for name, entry in flatten_trace(record.get("undos", ())):
        of = f" {entry['index']}" if entry.get("index") else ""
        yield (name if name.startswith(_INDENT) else f"undo {name}{of}"), entry


def describe_repeats(entry: Entry) -> str:
    """How often a node ran: "3x" in a loop, with failed and skipped iterations, its rounds, and attempts if any was
    retried; "taken over" if a replay did not run it.
    """
    if entry.get("taken_over"):
        return "taken over"
    iterations = entry.get("iterations") or {}
    count = sum(iterations.values())
    parts = [f"{count}x"] if iterations else []
    if "rounds" in entry:
        parts.append(f"{entry['rounds']['count']} rounds")
        count = max(count, entry["rounds"]["count"])
    parts += [f"{iterations[status]} {status}" for status in ("failed", "skipped") if iterations.get(status)]
    if entry["attempts"] > max(1, count - iterations.get("skipped", 0)):
        parts.append(f"{entry['attempts']} attempts")
    return ", ".join(parts)


def describe_fuel(entry: Entry) -> str:
    """A node's fuel, to one decimal: 950, 25.1k, 1.2M; empty if unknown."""
    fuel = entry.get("fuel")
    if fuel is None:
        return ""
    for unit, size in (("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if fuel >= size:
            return f"{fuel / size:.1f}{unit}"
    return str(fuel)


def build_bar(start_ms: float, duration_ms: float, total_ms: float, width: int = BAR_WIDTH) -> str:
    """A bar showing when a node ran within its run: at least one cell, never beyond `width`."""
    if not width:
        return ""
    if total_ms <= 0:
        return "█"
    first = min(int(start_ms / total_ms * width), width - 1)
    last = min(max(round((start_ms + duration_ms) / total_ms * width), first + 1), width)
    return " " * first + "█" * (last - first)


def summarize(entry: Entry, width: int = SUMMARY_WIDTH) -> str:
    """The error, or the start of the node's output as JSON."""
    if "error" in entry:
        text = describe_error(entry["error"])
    elif "output" not in entry:
        text = ""
    else:
        text = json.dumps(entry["output"].get("data", ""), ensure_ascii=False)
    return text if len(text) <= width else text[: width - 1] + "…"


def describe_error(error: dict[str, Any]) -> str:
    """The error's code and message; for a stored error that was too large, its preview."""
    return str(error["preview"]) if "preview" in error else f"{error['code']}: {error['message']}"


def render_trace(answer: dict[str, Any]) -> None:
    """Print the trace table to stderr."""
    rows = [
        (
            name,
            str(entry["component"]),
            style_status(entry["status"]),
            f"{entry['start_ms']:.1f} ms",
            f"{entry['duration_ms']:.1f} ms",
            describe_fuel(entry),
            describe_repeats(entry),
            summarize(entry),
        )
        for name, entry in flatten_run(answer)
    ]
    titles = ("node", "component", "status", "start", "took", "fuel", "runs", "result")
    print_table(*drop_empty_columns(titles, rows, "fuel", "runs"), flexible=("result",), stream="stderr")
    console = build_console(sys.stderr)
    _tell_undone(answer, console)
    _tell_response(answer, console)
    of = f", a replay of {answer['replay_of']}" if "replay_of" in answer else ""
    console.print(Text(f"run {answer['run_id']} took {answer['duration_ms']:.1f} ms{of}", "dim"), soft_wrap=True)


def render_timeline(record: dict[str, Any]) -> None:
    """Print a stored run to stdout. A running one has no trace yet."""
    console = build_console(sys.stdout)
    console.print(
        Text.assemble(f"run {record['run_id']}  {record['workflow']}  ", style_status(record["status"])), soft_wrap=True
    )
    version = f"version {record['version']}" if record.get("version") else "not stored"
    took = f"  {record['duration_ms']:.1f} ms  {version}  by {record['trigger']}" if "duration_ms" in record else ""
    console.print(Text(f"{render_moment(record['started_at'])} UTC{took}", "dim"), soft_wrap=True)
    for name, told in (("replay_of", "It replays"), ("retried_by", "It was retried by")):
        if name in record:
            console.print(Text(f"{told} {record[name]}", "dim"), soft_wrap=True)
    if "waits_for" in record:
        console.print(Text(f"It waits for {record['waits_for']}", STYLES["queued"]), soft_wrap=True)
    if "input" in record:
        console.print(Text(f"input {json.dumps(record['input'], ensure_ascii=False)}"), soft_wrap=True)
    if record["status"] == "lost":
        say(f"It was accepted, but its end is unknown. To show its input: acr logs {record['run_id']} --json", err=True)
    for question in record.get("decisions", ()):
        asked = f"since {render_moment(question['asked_at'])} UTC: acr decide {record['run_id']}"
        node = shlex.quote(question["node"])
        said = f"A crash cut off {question['node']}. It needs a decision {asked} {node} retry|skip"
        console.print(Text(said, STYLES["needs_decision"]), soft_wrap=True)
    if "error" in record:
        console.print(Text(describe_error(record["error"]), "red"), soft_wrap=True)
    if record.get("trace"):
        console.print()
        titles = ("node", "status", "start", "took", "fuel", "runs", "timeline", "error")
        bare = measure_table(*drop_empty_columns(titles, list(_build_timeline(record, 0)), "fuel", "runs", "error"))
        width = max(MIN_BAR_WIDTH, min(BAR_WIDTH, console.width - bare + len("timeline")))
        shown = drop_empty_columns(titles, list(_build_timeline(record, width)), "fuel", "runs", "error")
        print_table(*shown, flexible=("error",))
    _tell_waiting(record, console)
    _tell_undone(record, console)
    _tell_response(record, console)


def _tell_waiting(record: dict[str, Any], console: Console) -> None:
    """Say what the nodes of a run under way wait for."""
    for entry in record.get("trace", ()):
        if entry["status"] == "waiting":
            given = entry.get("input", {})
            keys = ("event", "title", "for", "until", "ms")
            what = next((f"{key} {given[key]}" for key in keys if key in given), entry["component"])
            asked = entry["component"].partition("@")[0] == "approve"
            how = f" (to decide: acr approve {record['run_id']})" if asked else ""
            console.print(Text(f"{entry['node']} waits: {what}{how}", "cyan"), soft_wrap=True)


def _tell_response(record: dict[str, Any], console: Console) -> None:
    """What the webhook answers if the workflow has a `response`: its status, and its body if that is known."""
    response = record.get("response")
    if response is None:
        return
    kind = next((kind for kind in KINDS if kind in response), "")
    shown = json.dumps(response[kind], ensure_ascii=False) if kind else ""
    body = f"  {kind} {shown if len(shown) <= SUMMARY_WIDTH else shown[: SUMMARY_WIDTH - 1] + '…'}" if kind else ""
    console.print(Text(f"response {response['status']}{body}"), soft_wrap=True)
    if "error" in response:
        console.print(Text(f"on_failure: {describe_error(response['error'])}", "red"), soft_wrap=True)


def _tell_undone(record: dict[str, Any], console: Console) -> None:
    """Say what became of what has failed: the run or, of one that succeeded, workflows that it called."""
    what = "the failed run" if "error" in record else "the failed workflows that it called"
    if record.get("undone") == "complete":
        console.print(Text(f"What {what} had done was undone."), soft_wrap=True)
    elif "undone" in record:
        console.print(Text(f"What {what} had done was undone in part: see its undos.", "red"), soft_wrap=True)


def _since_ms(time: str) -> float:
    """The milliseconds since a time in ISO 8601."""
    return (datetime.now(UTC) - datetime.fromisoformat(time)).total_seconds() * 1000


def _build_timeline(record: dict[str, Any], width: int) -> Iterator[tuple[str | Text, ...]]:
    """Yield the table's rows, with bars in `width` cells."""
    rows = list(flatten_run(record))
    run_ms = record["duration_ms"] if "duration_ms" in record else _since_ms(record["started_at"])
    total_ms = max([run_ms, *(entry["start_ms"] + entry["duration_ms"] for _, entry in rows)])
    for name, entry in rows:
        status, start_ms, took_ms = entry["status"], entry["start_ms"], entry["duration_ms"]
        if status == "waiting":
            took_ms = total_ms - start_ms
        bar = "" if status == "skipped" else build_bar(start_ms, took_ms, total_ms, width)
        yield (
            name,
            style_status(status),
            f"{start_ms:.1f} ms",
            f"{took_ms:.1f} ms",
            describe_fuel(entry),
            describe_repeats(entry),
            Text(bar.ljust(width), STYLES.get(status, "dim")),
            summarize(entry) if "error" in entry else "",
        )
