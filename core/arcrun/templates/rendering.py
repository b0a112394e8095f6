"""Bounds the work of rendering a node's config while it proceeds: the size of the result, and the filters' steps."""

from typing import Any

from arcrun.errors import InputError, TemplateError
from arcrun.json_size import VALUE_BYTES, size_of
from arcrun.limits import MAX_INPUT_BYTES, MAX_JSON_VALUES, MAX_TEMPLATE_STEPS


class Rendering:
    """The work of rendering one config. `weight` is that of the result so far (arcrun/json_size.py), `made` the part of
    it that the rendering created; `steps` is what its filters have taken.
    """

    __slots__ = ("bytes", "made", "steps", "values")

    def __init__(self) -> None:
        self.bytes = self.values = self.made = self.steps = 0

    @property
    def weight(self) -> int:
        return self.bytes + VALUE_BYTES * self.values

    def keep(self, value: Any) -> Any:
        """Count `value` as a part of the result and return it. Raises InputError INPUT_TOO_LARGE."""
        if isinstance(value, str):
            self.bytes += len(value)
            if self.bytes > MAX_INPUT_BYTES:
                self._require_bounds()
        elif isinstance(value, list | dict):
            size = size_of(value, MAX_INPUT_BYTES - self.bytes, MAX_JSON_VALUES - self.values)
            self.bytes += size.bytes
            self.values += size.values
            self._require_bounds()
        return value

    def keep_made(self, value: Any) -> Any:
        """Like `keep`, for a value that the rendering has created."""
        before = self.weight
        self.keep(value)
        self.made += self.weight - before
        return value

    def take(self, steps: int) -> None:
        """Count steps before they are done. Raises TemplateError TEMPLATE_TOO_COSTLY."""
        self.steps += steps
        if self.steps > MAX_TEMPLATE_STEPS:
            raise TemplateError(
                f"The filters of the templates take more than {MAX_TEMPLATE_STEPS} steps.",
                code="TEMPLATE_TOO_COSTLY",
                next_actions=["Use components, which allow more: array_ops, string_ops, filter."],
                details={"limit": MAX_TEMPLATE_STEPS},
            )

    def _require_bounds(self) -> None:
        if self.bytes > MAX_INPUT_BYTES or self.values > MAX_JSON_VALUES:
            raise InputError(
                f"The input would be larger than {MAX_INPUT_BYTES >> 20} MiB or {MAX_JSON_VALUES} values.",
                code="INPUT_TOO_LARGE",
                next_actions=[
                    "Take only the fields that the node needs, or pass a URL from which it fetches the rest."
                ],
                details={"limit_bytes": MAX_INPUT_BYTES, "limit_values": MAX_JSON_VALUES},
            )
