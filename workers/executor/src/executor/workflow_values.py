"""Keys and values of workflows in the KV namespace WEBHOOKS. Shapes: docs/storage-schema.md.

A value that is not a JSON object, such as a truncated one, counts as missing: a push writes it again.
"""

from typing import Any

from arcrun.json_text import parse_json
from arcrun.ports import KeyEntry, KeyValue, list_all

HOOK, VERSION = "hook:", "version:"
NAME = "name:"  # heads of workflows in earlier versions of arcrun


def version_key(name: str, version: int) -> str:
    return f"{VERSION}{name}:{version:06}"


async def read_object(kv: KeyValue, key: str) -> dict[str, Any] | None:
    text = await kv.get(key)
    try:
        value = None if text is None else parse_json(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


async def read_hook(kv: KeyValue, token: str) -> dict[str, Any] | None:
    """The value of a token's key, with at least a name and a plan; None if it is missing or invalid."""
    hook = await read_object(kv, HOOK + token)
    match hook:
        case {"name": str(), "plan": dict()}:
            return hook
    return None


async def read_version(kv: KeyValue, name: str, version: int) -> dict[str, Any] | None:
    record = await read_object(kv, version_key(name, version))
    match record:
        case {"source": str() | dict(), "plan": dict(), "pushed_at": str()}:
            return record
    return None


async def list_version_entries(kv: KeyValue, name: str) -> list[tuple[int, KeyEntry]]:
    """The stored versions of a workflow, oldest first, including those of earlier workflows of the same name."""
    prefix = f"{VERSION}{name}:"
    found = [(entry.key.removeprefix(prefix), entry) for entry in await list_all(kv, prefix)]
    return [(int(digits), entry) for digits, entry in found if digits.isascii() and digits.isdecimal()]


async def list_version_numbers(kv: KeyValue, name: str) -> list[int]:
    return [number for number, _ in await list_version_entries(kv, name)]
