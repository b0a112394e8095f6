"""All keys of a KV namespace that begin with a prefix: the platform gives them in pages."""

from arcrun.ports import KeyEntry, KeyValue


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
