"""Prints how much of the plan's quotas is used, and warns about those nearly used up."""

from collections.abc import Mapping
from typing import Any

from acr.output.render import print_table
from acr.output.terminal import say

WARNING_SHARE = 0.8
_MIB = 1024 * 1024
_NAMES = {
    "rows_written": "rows written to Durable Objects today",
    "object_requests": "requests to Durable Objects today",
    "kv_writes": "writes of verdicts to KV today",
    "stored_bytes": "records of runs, MiB",
    "version_bytes": "versions of workflows, MiB",
    "schedules": "schedules",
    "store_bytes": "stores, MiB",
}


def find_nearly_used_up(usage: list[Mapping[str, Any]]) -> list[str]:
    """A sentence for each quota of which at least four fifths are used."""
    return [
        f"{_name_of(each)}: {_used_of(each)} of {_count(each, each['most'])}."
        for each in usage
        if each["most"] and each["used"] >= WARNING_SHARE * each["most"]
    ]


def render_usage(data: Mapping[str, Any]) -> None:
    """Print a table to stdout and warnings to stderr."""
    rows = [
        (_name_of(each), _used_of(each), _count(each, each["most"]) if each["most"] else "by the month")
        for each in data["usage"]
    ]
    if rows:
        print_table((f"on the {data['plan']} plan", "used", "of"), rows)
    if not any(each["name"] == "stored_bytes" for each in data["usage"]):
        say("Runs are stored in your own KV namespace; Cloudflare's dashboard shows its usage.")
    for sentence in find_nearly_used_up(data["usage"]):
        say(f"Warning: {sentence}", err=True)
    if unwritten := data.get("unwritten"):
        say(f"Warning: {unwritten['count']} records could not be written: {unwritten['reason']}", err=True)


def _name_of(each: Mapping[str, Any]) -> str:
    return _NAMES.get(each["name"], str(each["name"]))


def _used_of(each: Mapping[str, Any]) -> str:
    return ("~" if each["is_estimate"] else "") + _count(each, each["used"])


def _count(each: Mapping[str, Any], number: int) -> str:
    return f"{number / _MIB:,.1f}" if each["name"].endswith("_bytes") else f"{number:,}"
