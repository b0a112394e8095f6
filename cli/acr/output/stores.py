"""Stores and their entries, as tables."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from acr.output.render import drop_empty_columns, print_table, render_moment
from acr.output.terminal import say

KIB = 1024


def render_stores(stores: Sequence[Mapping[str, Any]]) -> None:
    if not stores:
        say("No workflow keeps anything. How to: acr docs stores", err=True)
        return
    rows = [
        [str(each["name"]), str(each["kind"]), f"{each['entries']:,}", _render_size(each["bytes"])] for each in stores
    ]
    print_table(["store", "kind", "entries", "size"], rows, flexible=["store"])


def render_entries(entries: Sequence[Mapping[str, Any]]) -> None:
    if not entries:
        say("No entries.", err=True)
        return
    rows = [[_render_size(each["bytes"]), _render_end(each["expires_ms"]), str(each["key"])] for each in entries]
    titles, kept = drop_empty_columns(["size", "until", "key"], rows, "until")
    print_table(titles, kept, flexible=["key"])  # last: a long key makes no other line long


def _render_size(size: float) -> str:
    return f"{size:,.0f} B" if size < KIB else f"{size / KIB:,.1f} KiB"


def _render_end(expires_ms: float | None) -> str:
    if expires_ms is None:
        return ""
    return render_moment(datetime.fromtimestamp(expires_ms / 1000, UTC).isoformat())
