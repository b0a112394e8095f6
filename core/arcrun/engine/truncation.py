"""Bounds the values of a stored record: larger ones are replaced by a marker."""

import json
from dataclasses import dataclass, replace
from typing import Any

from arcrun.credentials.redaction import MARK, Redactor
from arcrun.interruptible import Steps
from arcrun.json_size import Excerpt, length_in_utf8
from arcrun.limits import MAX_SHOWN_VALUE_BYTES

PREVIEW_CHARACTERS = 1_000
# Kept after the preview until the secrets are known, so that a secret that begins in the preview is complete.
KEPT_CHARACTERS = PREVIEW_CHARACTERS + 16 * 1024


@dataclass(frozen=True)
class Cut:
    """The rest of a value: its size as JSON, and the beginning of that JSON, "" if there was no room for it."""

    bytes: int
    beginning: str

    def scrubbed(self, redactor: Redactor) -> "Steps[Cut]":
        if redactor.longest > KEPT_CHARACTERS - PREVIEW_CHARACTERS:  # cut off, a secret would not be recognised
            return replace(self, beginning=MARK)
        return replace(self, beginning=(yield from redactor.scrub_text_in_steps(self.beginning)))

    def to_json(self) -> dict[str, Any]:
        marker: dict[str, Any] = {"_truncated": True, "bytes": self.bytes}
        return {**marker, "preview": self.beginning[:PREVIEW_CHARACTERS]} if self.beginning else marker


def shorten(value: Any, weight: int | None = None, excerpt: Excerpt | None = None) -> Any:
    """`value`, or a Cut of it. `weight` (arcrun/json_size.py) avoids measuring most values; `excerpt`, of the JSON that
    the value was read from, avoids serialising large ones.
    """
    if value is None or isinstance(value, Cut) or (weight is not None and 2 * weight <= MAX_SHOWN_VALUE_BYTES):
        return value
    if excerpt is not None:
        return Cut(excerpt.bytes, excerpt.beginning[:KEPT_CHARACTERS])
    text = json.dumps(value, ensure_ascii=False)
    size_bytes = length_in_utf8(text)
    return value if size_bytes <= MAX_SHOWN_VALUE_BYTES else Cut(size_bytes, text[:KEPT_CHARACTERS])


def leave_out(value: Any) -> Cut | None:
    """A Cut without its beginning; None for None."""
    if value is None or isinstance(value, Cut):
        return value and replace(value, beginning="")
    return Cut(length_in_utf8(json.dumps(value, ensure_ascii=False)), "")


def render_shortened(value: Any) -> Any:
    return value.to_json() if isinstance(value, Cut) else value


def truncate(value: Any) -> Any:
    """`value`, or {"_truncated": true, "bytes": size as JSON, "preview": its first characters}."""
    return render_shortened(shorten(value))
