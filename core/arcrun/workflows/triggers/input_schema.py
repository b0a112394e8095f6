"""`input_schema` of a workflow's file: the JSON Schema (2020-12) of what may start it.

validate_json judges values by it and says whether it is one; here is what can be said of it without a run.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from arcrun.contracts.schema import types_of
from arcrun.limits import MAX_INPUT_SCHEMA_CHARACTERS
from arcrun.templates.hints import suggest_nearest
from arcrun.workflows.diagnostics import Findings, Path

INVALID_INPUT_SCHEMA = "INVALID_INPUT_SCHEMA"
# What validate_json knows: what leads to one schema, to a list of them, to schemas by name, and what leads to none.
_TO_ONE = "additionalProperties contains else if items not propertyNames then".split()
_TO_LIST = "allOf anyOf oneOf prefixItems".split()
_TO_NAMED = "$defs definitions dependentSchemas patternProperties properties".split()
_TO_NONE = (
    "$anchor $id $ref const dependentRequired enum exclusiveMaximum exclusiveMinimum maxContains maxItems maxLength "
    "maxProperties maximum minContains minItems minLength minProperties minimum multipleOf pattern required type "
    "uniqueItems"
).split()
_NOTES = (
    "$comment $schema contentEncoding contentMediaType contentSchema default deprecated description example examples "
    "format readOnly title writeOnly"
).split()
_KEYWORDS = (*_TO_ONE, *_TO_LIST, *_TO_NAMED, *_TO_NONE, *_NOTES)
_TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")
_ELSEWHERE = ("$ref", "allOf", "anyOf", "oneOf", "if", "patternProperties", "dependentSchemas")  # may name fields too

Schema = Mapping[str, Any]


def parse_input_schema(findings: Findings, value: Any, at: Path) -> Schema | None:
    if not isinstance(value, Mapping):
        hint = "For example: {type: object, required: [id], properties: {id: {type: integer}}}"
        findings.add(INVALID_INPUT_SCHEMA, "`input_schema` must be a JSON Schema", hint, at=at)
        return None
    if len(json.dumps(value)) > MAX_INPUT_SCHEMA_CHARACTERS:
        message = f"`input_schema` is longer than {MAX_INPUT_SCHEMA_CHARACTERS} characters as JSON"
        findings.add(INVALID_INPUT_SCHEMA, message, at=at)
        return None
    for path, schema in _find_schemas(value, at):
        _check_keywords(findings, schema, path)
    return value


def _find_schemas(value: Any, at: Path) -> Iterator[tuple[Path, Schema]]:
    """The schema and those inside it, each with its path."""
    if not isinstance(value, Mapping):
        return
    yield at, value
    for key, inner in value.items():
        if key in _TO_ONE:
            yield from _find_schemas(inner, (*at, key))
        elif key in _TO_NAMED and isinstance(inner, Mapping):
            for name, named in inner.items():
                yield from _find_schemas(named, (*at, key, name))
        elif key in _TO_LIST and isinstance(inner, list):
            for i, listed in enumerate(inner):
                yield from _find_schemas(listed, (*at, key, i))


def _check_keywords(findings: Findings, schema: Schema, at: Path) -> None:
    for key, value in schema.items():
        if key not in _KEYWORDS and not str(key).startswith("x-"):
            allowed = f"Allowed: {', '.join(sorted(_KEYWORDS))}."
            hint = suggest_nearest(str(key), _KEYWORDS, allowed)
            findings.add(INVALID_INPUT_SCHEMA, f"unknown keyword `{key}` in `input_schema`", hint, at=(*at, key))
        elif key == "type" and not {*_as_list(value)} <= {*_TYPES}:
            findings.add(INVALID_INPUT_SCHEMA, f"{value!r} is no type", f"Types: {', '.join(_TYPES)}.", at=(*at, key))


def _as_list(value: Any) -> list[Any]:
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]


def find_schema(schema: Schema, steps: Sequence[str]) -> Schema | None:
    """The schema of what a path into a value leads to; None if it is not known."""
    found: Any = schema
    for step in steps:
        if not isinstance(found, Mapping) or any(map(found.__contains__, _ELSEWHERE)):
            return None
        found = found.get("items") if step.isdecimal() else found.get("properties", {}).get(step)
    return found if isinstance(found, Mapping) and "$ref" not in found else None


def find_unknown_field(schema: Schema, steps: Sequence[str]) -> tuple[str, Sequence[str]] | None:
    """The first step of a path into the input that the schema does not name, and the names that it has there. None if
    there is none, or if there may be other fields.
    """
    for i, step in enumerate(steps):
        around = find_schema(schema, steps[:i])
        if around is None or any(map(around.__contains__, _ELSEWHERE)):
            return None
        named = around.get("properties")
        if isinstance(named, Mapping) and named and step not in named and not around.get("additionalProperties"):
            return step, [*map(str, named)]
    return None


def describe_fields(schema: Schema) -> list[str]:
    """What people are told of the fields of the input, a text for each: "amount: number, optional"."""
    named = schema.get("properties")
    required = schema.get("required", ())
    told = []
    for name, field in named.items() if isinstance(named, Mapping) else ():
        kinds = " or ".join(sorted(types_of(field))) or "anything"
        told.append(f"{name}: {kinds}{'' if name in required else ', optional'}")
    return told
