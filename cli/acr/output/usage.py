"""Prints how much of the plan's quotas is used, and warns about those nearly used up."""

from collections.abc import Mapping
from typing import Any

from acr.output.render import print_table
from acr.output.terminal import say
from arcrun.run_log.usage import describe_usage, find_nearly_used_up


def render_usage(data: Mapping[str, Any]) -> None:
    """Print a table to stdout and warnings to stderr."""
    described = [describe_usage(each) for each in data["usage"]]
    rows = [(name, used, most or "by the month") for name, used, most in described]
    if rows:
        print_table((f"on the {data['plan']} plan", "used", "of"), rows)
    if not any(each["name"] == "stored_bytes" for each in data["usage"]):
        say("Runs are stored in your own KV namespace; Cloudflare's dashboard shows its usage.")
    for sentence in find_nearly_used_up(data["usage"]):
        say(f"Warning: {sentence}", err=True)
    if unwritten := data.get("unwritten"):
        say(f"Warning: {unwritten['count']} records could not be written: {unwritten['reason']}", err=True)
