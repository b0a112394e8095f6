"""All keys of a KV namespace that begin with a prefix: the platform gives them in pages."""

from collections.abc import Mapping
from typing import Any

from arcrun.ports import KeyEntry, KeyValue


def read_entry(item: Mapping[str, Any]) -> KeyEntry:
    """A key as the platform lists it. Metadata that is no object counts as none: others may write into a namespace."""
    metadata = item.get("metadata")
    return KeyEntry(item["name"], metadata if isinstance(metadata, dict) else None)


async def list_all(kv: KeyValue, prefix: str) -> list[KeyEntry]:
    """In the order of their bytes."""
    entries: list[KeyEntry] = []
    cursor: str | None = None
    while True:
        page = await kv.list(prefix, cursor=cursor)
        entries += page.entries
        cursor = page.cursor
        if cursor is None:
            return entries
