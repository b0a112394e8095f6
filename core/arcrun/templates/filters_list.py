"""The filters of lists and objects. Each raises FilterError."""

import json
from collections.abc import Hashable, Sequence
from functools import lru_cache
from typing import Any

from arcrun.errors import TemplateError
from arcrun.templates.filters_values import (
    FilterError,
    check_count,
    check_size,
    is_of_kind,
    kind_of,
    name_kinds,
    render_text,
)
from arcrun.templates.hints import correct_path
from arcrun.templates.syntax import Step, can_be_read, follow, parse_inner_path

_MISSING = object()


def length(value: str | list[Any] | dict[str, Any]) -> int:
    """The number of characters (Unicode code points), elements or fields."""
    return len(value)


def first(values: list[Any]) -> Any:
    return values[0] if values else None


def last(values: list[Any]) -> Any:
    return values[-1] if values else None


def take_slice(value: str | list[Any], start: int, end: int | None = None) -> str | list[Any]:
    """The part from `start` to `end`, exclusive; negative indexes count from the end."""
    return value[start:end]


def join(values: list[Any], separator: str = "") -> str:
    texts = []
    for i, value in enumerate(values):
        if not is_of_kind(value, ("string", "number", "boolean")):
            got = name_kinds([kind_of(value)])
            raise FilterError(f"takes a list of strings, numbers and booleans, but its element {i} is {got}")
        texts.append(render_text(value))
    check_size(sum(map(len, texts)) + len(separator) * max(len(texts) - 1, 0))
    return separator.join(texts)


def sort(values: list[Any], path: str | None = None) -> list[Any]:
    """The list in ascending order, stable, of numbers or strings; by the value at `path` of each element if given."""
    check_count(len(values))
    keys = values if path is None else [_pick(value, path, _MISSING) for value in values]
    _check_comparable(keys, "" if path is None else "the path in ")
    order = sorted(range(len(values)), key=keys.__getitem__)
    return [values[i] for i in order]


def smallest(values: list[Any]) -> Any:
    _check_comparable(values)
    return min(values, default=None)


def largest(values: list[Any]) -> Any:
    _check_comparable(values)
    return max(values, default=None)


def map_path(values: list[Any], path: str) -> list[Any]:
    """The value at `path` of each element; null if it is missing."""
    check_count(len(values))
    return [_pick(value, path, None) for value in values]


def unique(values: list[Any]) -> list[Any]:
    """Each value once, at its first position. 1 and 1.0 are one value, 1 and "1" are two."""
    seen: dict[Hashable, Any] = {}
    for value in values:
        seen.setdefault(_identity(value), value)
    return list(seen.values())


def reverse(value: str | list[Any]) -> str | list[Any]:
    return value[::-1]


def flatten(values: list[Any]) -> list[Any]:
    """The elements of the inner lists, one level deep; other elements stay."""
    check_count(sum(len(value) if isinstance(value, list) else 1 for value in values))
    flat: list[Any] = []
    for value in values:
        flat += value if isinstance(value, list) else [value]
    return flat


def list_keys(fields: dict[str, Any]) -> list[str]:
    return list(fields)


def list_values(fields: dict[str, Any]) -> list[Any]:
    return list(fields.values())


def check_path(path: str | None = None) -> None:
    """Raises FilterError if `path` cannot be parsed."""
    if path is not None:
        _steps_of(path)


@lru_cache(maxsize=256)
def _steps_of(path: str) -> tuple[Step, ...]:
    try:
        return parse_inner_path(path)
    except TemplateError:
        meant = correct_path(path, can_be_read)
        hint = "" if meant is None else f"Write {json.dumps(meant, ensure_ascii=False)} as the path."
        raise FilterError('needs a path such as "name", "a.b[0]" or "[0]"', hint) from None


def _pick(value: Any, path: str, otherwise: Any) -> Any:
    return follow(value, _steps_of(path), otherwise)


def _check_comparable(keys: Sequence[Any], where: str = "") -> None:
    wanted = next((kind for kind in ("string", "number") if keys and is_of_kind(keys[0], (kind,))), None)
    for i, key in enumerate(keys):
        if key is _MISSING:
            raise FilterError(f"finds nothing at {where}its element {i}")
        if wanted is None or not is_of_kind(key, (wanted,)):
            got = name_kinds([kind_of(key)])
            raise FilterError(f"takes a list of numbers or of strings, but {where}its element {i} is {got}")


def _identity(value: Any) -> Hashable:
    if isinstance(value, dict):
        return "object", frozenset((key, _identity(item)) for key, item in value.items())
    if isinstance(value, list):
        return "array", tuple(map(_identity, value))
    if isinstance(value, bool | str) or value is None:
        return isinstance(value, bool), value
    # By digits: many numbers can be chosen that share one hash, and then each would be compared with all others.
    whole = int(value) if isinstance(value, float) and value.is_integer() else value
    return "number", repr(whole)
