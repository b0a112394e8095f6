"""Values against a contract's JSON Schema, by fastjsonschema, and what is wrong with them in words."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import fastjsonschema

MAX_SHOWN_CHARACTERS = 60
Validator = Callable[[Any], Any]


@dataclass(frozen=True)
class Mismatch:
    """`path` leads to the field; `expected` and `got` are words for people; `rule` is the keyword that is not met."""

    path: tuple[str, ...]
    expected: str
    got: str
    is_missing: bool = False
    rule: str = field(default="", compare=False)

    @property
    def field(self) -> str:
        """Such as `buttons[0].text`."""
        return _join(self.path)


class SchemaError(ValueError):
    """The schema itself cannot be used."""


def compile_schema(schema: Mapping[str, Any], *, find_all: bool = False) -> Validator:
    """Raises SchemaError. References to other documents are refused. `find_all` goes on after the first mismatch."""
    try:
        validator: Validator = fastjsonschema.compile(
            {**schema, "$schema": "http://json-schema.org/draft-07/schema#"},
            handlers=dict.fromkeys(("http", "https", "file", "ftp"), _refuse_reference),
            use_default=False,
            use_formats=False,
            fast_fail=not find_all,
        )
    except Exception as error:  # fastjsonschema raises what it meets: KeyError, TypeError, re.error ...
        raise SchemaError(f"the schema cannot be used: {error}") from None
    return validator


def find_mismatches(validate: Validator, value: Any) -> list[Mismatch]:
    """What in `value` the schema does not allow; the first of it, unless the schema was compiled to find all."""
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
        return Mismatch((*path, missing), "given, for it is required", "missing", is_missing=True, rule=rule)
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
    return f"what its schema's `{rule}` says"


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
    "pattern": "a text that matches {}",
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
    """What the keyword `type` of a schema says; empty if it says nothing."""
    types = schema.get("type", ()) if isinstance(schema, Mapping) else ()
    return frozenset([types] if isinstance(types, str) else types)


def describe_kind(value: Any) -> str:
    """The JSON type."""
    return next((name for kind, name in _KINDS if isinstance(value, kind)), "null")


def describe_value(value: Any) -> str:
    """The JSON type, and the value where it is short: a part of a secret would not be known as one and scrubbed."""
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
    raise ValueError(f"a schema refers to no other document, such as {uri}")
