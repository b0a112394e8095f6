"""The part of an untrusted schema that can be checked in time proportional to the value.

A pattern may take exponential time, uniqueItems quadratic, and a reference within alternatives doubles at each depth of
the value. The rest applies at most one schema to each value: its type, bounds, fields and elements. It allows
everything that the whole schema allows, and perhaps more; validate_json checks the rest and counts its steps.
"""

import json
from collections.abc import Mapping
from typing import Any

from arcrun.limits import MAX_CHECKED_SCHEMA_CHARACTERS, MAX_CHECKED_WORDS

_PLAIN = frozenset(
    "type const required minItems maxItems minLength maxLength minProperties maxProperties minimum maximum "
    "exclusiveMinimum exclusiveMaximum".split()
)
_NOTES = frozenset("title description default examples format deprecated readOnly writeOnly $comment $schema".split())


def bound_schema(schema: Mapping[str, Any]) -> tuple[Mapping[str, Any], bool]:
    """The bounded part of a schema, and whether it is the whole schema."""
    if len(json.dumps(schema)) > MAX_CHECKED_SCHEMA_CHARACTERS:
        return {"type": "object"} if schema.get("type") == "object" else {}, False
    bound = _bound(schema)
    return bound, bound == _without_notes(schema)


def _bound(schema: Any) -> Any:
    if not isinstance(schema, Mapping):
        return schema
    kept: dict[str, Any] = {}
    for key, value in schema.items():
        if key in _PLAIN or (key == "enum" and isinstance(value, list) and len(value) <= MAX_CHECKED_WORDS):
            kept[key] = value
        elif key == "properties" and isinstance(value, Mapping):
            kept[key] = {name: _bound(inner) for name, inner in value.items()}
        elif _leads_to_one(key, value, schema):
            kept[key] = _bound(value)
    return kept


def _leads_to_one(key: str, value: Any, schema: Mapping[str, Any]) -> bool:
    """Whether the keyword applies one schema to each element or field."""
    if key == "items":
        return isinstance(value, Mapping | bool)
    return key == "additionalProperties" and "patternProperties" not in schema


def _without_notes(schema: Any) -> Any:
    """The schema without annotations, which require nothing."""
    if not isinstance(schema, Mapping):
        return schema
    plain = {key: value for key, value in schema.items() if key not in _NOTES and not key.startswith("x-")}
    for key in ("items", "additionalProperties"):
        if key in plain:
            plain[key] = _without_notes(plain[key])
    if isinstance(plain.get("properties"), Mapping):
        plain["properties"] = {name: _without_notes(inner) for name, inner in plain["properties"].items()}
    return plain
