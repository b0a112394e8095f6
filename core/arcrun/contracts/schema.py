"""Checks values against a contract's JSON Schema with fastjsonschema, and describes mismatches."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import fastjsonschema

MAX_SHOWN_CHARACTERS = 60
Validator = Callable[[Any], Any]


@dataclass(frozen=True)
class Mismatch:
    """`path` leads to the field; `expected` and `got` are phrases for messages; `rule` is the violated keyword."""

    path: tuple[str, ...]
    expected: str
    got: str
    is_missing: bool = False
    rule: str = field(default="", compare=False)

    @property
    def field(self) -> str:
        """The path as a string, such as `buttons[0].text`."""
        return _join(self.path)


class SchemaError(ValueError):
    """The schema itself is unusable."""


def compile_schema(schema: Mapping[str, Any], *, find_all: bool = False) -> Validator:
    """Compile a schema. References to other documents are refused. `find_all` continues after the first mismatch.

    Raises SchemaError.
    """
    try:
        validator: Validator = fastjsonschema.compile(
            {**schema, "$schema": "http://json-schema.org/draft-07/schema#"},
            handlers=dict.fromkeys(("http", "https", "file", "ftp"), _refuse_reference),
            use_default=False,
            use_formats=False,
            fast_fail=not find_all,
        )
    except Exception as error:  # fastjsonschema raises many types: KeyError, TypeError, re.error ...
        raise SchemaError(f"the schema cannot be used: {error}") from None
    return validator


def find_mismatches(validate: Validator, value: Any) -> list[Mismatch]:
    """The mismatches of `value`: the first one, or all if the schema was compiled with `find_all`."""
    try:
        validate(value)
    except fastjsonschema.JsonSchemaValuesException as several:
        return [_describe(error) for error in several.errors]
    except fastjsonschema.JsonSchemaValueException as error:
        return [_describe(error)]
    return []


def _describe(error: fastjsonschema.JsonSchemaValueException) -> Mismatch:
    rule, definition, value = error.rule, error.rule_definition, error.value
    path = tuple(str(step) for step in error.path[1:])
    if rule == "required" and isinstance(value, Mapping):
        missing = next((name for name in definition if name not in value), "")
        return Mismatch((*path, missing), "given", "missing", is_missing=True, rule=rule)
    if rule == "additionalProperties" and isinstance(value, Mapping):
        allowed = list((error.definition or {}).get("properties", {}))
        unknown = next((name for name in value if name not in allowed), "")
        return Mismatch(
            (*path, unknown), f"one of the fields {', '.join(allowed)}", "a field with another name", rule=rule
        )
    return Mismatch(path, _expectation(str(rule), definition), describe_value(value), rule=str(rule))


def _expectation(rule: str, definition: Any) -> str:
    if rule == "type":
        return " or ".join([definition] if isinstance(definition, str) else definition)
    if rule == "enum":
        return f"one of {', '.join(json.dumps(item, ensure_ascii=False) for item in definition)}"
    if rule in _BOUNDS:
        return _BOUNDS[rule].format(definition)
    return f"as its schema's `{rule}` requires"


_BOUNDS = {
    "const": "{}",
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "more than {}",
    "exclusiveMaximum": "less than {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} elements",
    "maxItems": "at most {} elements",
    "pattern": "a string that matches {}",
}
_KINDS = (
    (bool, "boolean"),
    (str, "string"),
    (int, "integer"),
    (float, "number"),
    (Mapping, "object"),
    (list, "array"),
)


def types_of(schema: Any) -> frozenset[str]:
    """The types that a schema's keyword `type` allows; empty if it has none."""
    types = schema.get("type", ()) if isinstance(schema, Mapping) else ()
    return frozenset([types] if isinstance(types, str) else types)


def describe_kind(value: Any) -> str:
    """The JSON type of a value."""
    return next((name for kind, name in _KINDS if isinstance(value, kind)), "null")


def describe_value(value: Any) -> str:
    """The JSON type, and the value if it is short. A truncated secret would not be recognised and scrubbed."""
    kind = describe_kind(value)
    if value is None or isinstance(value, Mapping | list):
        return kind
    shown = json.dumps(value, ensure_ascii=False)
    if len(shown) <= MAX_SHOWN_CHARACTERS:
        return f"{kind} {shown}"
    return f"{kind} of {len(value)} characters" if isinstance(value, str) else kind


def _join(path: tuple[str, ...]) -> str:
    joined = ""
    for step in path:
        joined += f"[{step}]" if step.isdecimal() else f".{step}"
    return joined.removeprefix(".")


def _refuse_reference(uri: str) -> Any:
    raise ValueError(f"a schema must not refer to another document such as {uri}")
