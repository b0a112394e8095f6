"""The items that a poll has found, and their keys."""

import hashlib
from dataclasses import dataclass
from typing import Any

from arcrun.errors import ArcrunError, RunError
from arcrun.interruptible import Steps
from arcrun.json_text import write_json
from arcrun.limits import MAX_SHOWN_KEY_CHARACTERS, MAX_WATCHED_ITEMS
from arcrun.workflows.triggers.watch import DATA, ITEM, Watch

_KEY_DIGITS = 32
_ITEM_STEPS = 20  # for the key of an item (arcrun/interruptible.py)
_SHOWN_FIELDS = 10


@dataclass(frozen=True)
class WatchedItem:
    """`key` is as its runs see it, `digest` what is kept of it."""

    key: str
    digest: str
    value: Any


def is_digest(value: Any) -> bool:
    """Whether it may be the digest of a key."""
    return isinstance(value, str) and len(value) == _KEY_DIGITS and not value.strip("0123456789abcdef")


def list_items_in_steps(watch: Watch, data: Any) -> Steps[list[WatchedItem]]:
    """The items in what a component has answered, in their order; of several with the same key the first. Raises
    RunError WATCH_ITEMS_INVALID, WATCH_TOO_MANY_ITEMS, WATCH_KEY_MISSING.
    """
    listed = _find_list(watch, data)
    items: dict[str, WatchedItem] = {}
    for number, value in enumerate(listed):
        text = _find_key(watch, value, number)
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        shown = text if len(text) <= MAX_SHOWN_KEY_CHARACTERS else f"sha256:{digest}"
        items.setdefault(digest[:_KEY_DIGITS], WatchedItem(shown, digest[:_KEY_DIGITS], value))
        yield _ITEM_STEPS
    return [*items.values()]


def _find_list(watch: Watch, data: Any) -> list[Any]:
    try:
        found = watch.items_template.resolve({DATA: data})
    except ArcrunError as error:
        raise RunError(
            f"`items` of `watch` cannot be read: {error.message}",
            code="WATCH_ITEMS_INVALID",
            next_actions=error.next_actions,
        ) from None
    if not isinstance(found, list):
        what = f"an object with {_name_fields(found)}" if isinstance(found, dict) else _describe(found)
        raise RunError(
            f"`items` of `watch` must be a list, and is {what}.",
            code="WATCH_ITEMS_INVALID",
            next_actions=['Name the list in the component\'s answer, such as items: "{{data.body.items}}".'],
        )
    if len(found) > MAX_WATCHED_ITEMS:
        raise RunError(
            f"The poll lists {len(found)} items; the limit is {MAX_WATCHED_ITEMS}.",
            code="WATCH_TOO_MANY_ITEMS",
            next_actions=["Ask for fewer, such as the newest ones: most services have a parameter for it."],
            details={"limit": MAX_WATCHED_ITEMS},
        )
    return found


def _name_fields(found: dict[str, Any]) -> str:
    names = [*found]
    listed = ", ".join(f"`{name}`" for name in names[:_SHOWN_FIELDS]) or "no fields"
    return f"{listed} and others" if len(names) > _SHOWN_FIELDS else listed


def _describe(value: Any) -> str:
    if value is None:
        return "null"
    return "a text" if isinstance(value, str) else "true or false" if isinstance(value, bool) else "a number"


def _find_key(watch: Watch, value: Any, number: int) -> str:
    try:
        key = watch.key_template.resolve({ITEM: value})
    except ArcrunError as error:
        raise _build_key_error(number, error.message, error.next_actions[0] if error.next_actions else "") from None
    if isinstance(key, str) and key:
        return key
    if isinstance(key, int | float) and not isinstance(key, bool):
        return write_json(key)
    what = "empty" if key == "" else "null" if key is None else "neither a text nor a number"
    raise _build_key_error(number, f"it is {what}.", "Name a field that each item has, and no other item shares.")


def _build_key_error(number: int, why: str, hint: str) -> RunError:
    return RunError(
        f"The key of item {number} of the poll cannot be used: {why}",
        code="WATCH_KEY_MISSING",
        next_actions=[hint] if hint else [],
        details={"item": number},
    )
