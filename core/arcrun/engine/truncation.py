"""Values of a stored record, bounded: what is larger is replaced by a marker that says so."""

import json
from typing import Any

from arcrun.limits import MAX_SHOWN_VALUE_BYTES

PREVIEW_CHARACTERS = 1_000


def truncate(value: Any) -> Any:
    """`value`, or {"_truncated": true, "bytes": size as JSON, "preview": its first characters}."""
    text = json.dumps(value, ensure_ascii=False)
    size = len(text.encode("utf-8", "surrogatepass"))
    if size <= MAX_SHOWN_VALUE_BYTES:
        return value
    return {"_truncated": True, "bytes": size, "preview": text[:PREVIEW_CHARACTERS]}
