"""Access keys and sessions, as tables."""

from collections.abc import Mapping, Sequence
from typing import Any

from acr.output.render import drop_empty_columns, print_table, render_moment
from acr.output.terminal import say


def render_keys(keys: Sequence[Mapping[str, Any]]) -> None:
    if not keys:
        say("There is no key but the account's own. Make one: acr keys create NAME --can read", err=True)
        return
    titles = ["name", "can", "workflow", "last used (UTC)", "expires", "id"]
    rows = [
        [
            str(each["name"]),
            str(each["can"]),
            str(each["workflow"] or ""),
            render_moment(each["last_used_at"]) if each["last_used_at"] else "never",
            render_moment(each["expires_at"]) if each["expires_at"] else "",
            str(each["id"]),
        ]
        for each in keys
    ]
    print_table(*drop_empty_columns(titles, rows, "workflow", "expires"), flexible=["name"])


def render_sessions(sessions: Sequence[Mapping[str, Any]]) -> None:
    if not sessions:
        say("No browser is signed in. To sign one in: acr open", err=True)
        return
    titles = ["id", "can", "workflow", "key", "since (UTC)", "last used", "expires"]
    rows = [
        [
            str(each["id"]),
            str(each["can"]),
            str(each["workflow"] or ""),
            str(each["key_id"]),
            render_moment(each["created_at"]),
            render_moment(each["last_used_at"]) if each["last_used_at"] else "never",
            render_moment(each["expires_at"]),
        ]
        for each in sessions
    ]
    print_table(*drop_empty_columns(titles, rows, "workflow"), flexible=["workflow"])
