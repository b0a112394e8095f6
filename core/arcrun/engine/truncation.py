"""Values of a stored record, bounded: what is larger is replaced by a marker that says so."""

import json
from typing import Any

MAX_VALUE_BYTES = 8 * 1024
PREVIEW_CHARACTERS = 1_000


def truncate(value: Any) -> Any:
    """`value`, or {"_truncated": true, "bytes": size as JSON, "preview": its first characters}."""
    text = json.dumps(value, ensure_ascii=False)
    size = len(text.encode("utf-8", "surrogatepass"))
    if size <= MAX_VALUE_BYTES:
        return value
    return {"_truncated": True, "bytes": size, "preview": text[:PREVIEW_CHARACTERS]}
