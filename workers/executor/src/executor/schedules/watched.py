"""What starts the run of an item that a watch has found: its input is the item, opened when it begins."""

import base64
from collections.abc import Collection, Mapping
from typing import Any

from arcrun.engine.engine import Trigger
from arcrun.engine.request import PlainRequest
from arcrun.engine.trigger import TriggerKind
from arcrun.errors import DecryptionError, NotConfiguredError, RunError
from arcrun.json_text import parse_json, write_json
from arcrun.limits import MAX_WATCHED_ITEM_BYTES
from arcrun.times import render_time
from arcrun.workflows.triggers.watched_items import WatchedItem
from arcrun.workspace.watches import FoundItem
from executor.durable.lasting import Lasting


class WatchedRequest(PlainRequest):
    """The request of such a run, as templates see it."""

    def __init__(self, item: Any, key: str, seen_ms: float) -> None:
        super().__init__(item)
        seen_at = render_time(seen_ms, "seconds")
        self._trigger = {"kind": TriggerKind.WATCH.value, "key": key, "seen_at": seen_at}

    def describe(self, fields: Collection[str]) -> Mapping[str, Any]:
        return {**super().describe(fields), "trigger": self._trigger}


async def seal_item(lasting: Lasting, watch: str, item: WatchedItem) -> FoundItem:
    """An item as the Workspace keeps it until its run begins. Raises NotConfiguredError."""
    value = write_json(item.value).encode()
    if len(value) > MAX_WATCHED_ITEM_BYTES:
        return {"key": item.digest, "item": ""}
    content = b'{"key":' + write_json(item.key).encode() + b',"value":' + value + b"}"
    sealed = await lasting.runs.seal_part(_purpose_of(watch, item.digest), content)
    return {"key": item.digest, "item": base64.b64encode(sealed).decode()}


async def build_watched_trigger(lasting: Lasting, told: Mapping[str, Any]) -> Trigger:
    """`told` is {"watch", "key", "item", "seen_ms"}, the last three of a FoundItem and its time. Raises RunError
    WATCH_ITEM_TOO_LARGE, WATCH_ITEM_LOST; UpstreamError.
    """
    if not told["item"]:
        raise RunError(
            f"The item that `watch` has found has more than {MAX_WATCHED_ITEM_BYTES >> 10} KiB.",
            code="WATCH_ITEM_TOO_LARGE",
            next_actions=["Watch a list of less, such as ids, and read the rest when the run begins."],
            details={"limit": MAX_WATCHED_ITEM_BYTES},
        )
    try:
        content = await lasting.runs.open_part(_purpose_of(told["watch"], told["key"]), base64.b64decode(told["item"]))
    except (DecryptionError, NotConfiguredError):
        raise RunError(
            "The item that `watch` has found can no longer be opened: the platform's encryption key is another.",
            code="WATCH_ITEM_LOST",
            next_actions=["Give the platform its key again: acr creds rotate says how a key is changed."],
        ) from None
    found = parse_json(content.decode())
    request = WatchedRequest(found["value"], found["key"], told["seen_ms"])
    return Trigger(TriggerKind.WATCH, found["value"], request=request, gets_response=False)


def _purpose_of(watch: str, key: str) -> str:
    """What a sealed item is bound to."""
    return f"item {key} of watch {watch}"
