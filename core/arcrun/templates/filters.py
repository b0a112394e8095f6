"""The filters of templates: `{{reference | filter | filter(arguments)}}`. docs/templates.md lists all of them.

A filter is a function of a value and its arguments, and changes neither. It fails with a clear message for types that
it does not accept, null included. Only `default` accepts null and missing values.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from arcrun.templates import filters_date, filters_list, filters_number, filters_text
from arcrun.templates.filters_values import (
    FilterError,
    count_coded,
    count_elements,
    count_inner_elements,
    count_parsed,
    count_shallow,
    count_slow_elements,
    count_text,
    count_values,
    count_written,
    is_of_kind,
    kind_of,
    name_kinds,
)

DEFAULT = "default"


@dataclass(frozen=True)
class Parameter:
    """A parameter of a filter. `kinds` are the accepted JSON types; empty means all."""

    name: str
    kinds: tuple[str, ...]
    is_required: bool = True


@dataclass(frozen=True)
class Filter:
    """A filter. `takes` are the accepted JSON types of the value; empty means all. `gives` is the type of every result,
    None if it varies, or a function of the arguments that returns it. `check` raises FilterError for arguments that
    `apply` cannot use. `steps` returns the cost of a value.
    """

    apply: Callable[..., Any]
    takes: tuple[str, ...]
    gives: str | Callable[..., str | None] | None
    parameters: tuple[Parameter, ...] = ()
    check: Callable[..., None] | None = None
    steps: Callable[[Any], int] = count_shallow

    def kind(self, arguments: Sequence[Any] | None) -> str | None:
        """The type of every result, None if it varies. `arguments` is None if they are not known yet."""
        if callable(self.gives):
            return None if arguments is None else self.gives(*arguments)
        return self.gives

    def check_count(self, count: int) -> None:
        """Check the number of arguments. Raises FilterError."""
        least = sum(parameter.is_required for parameter in self.parameters)
        if not least <= count <= len(self.parameters):
            names = [parameter.name if parameter.is_required else f"{parameter.name}?" for parameter in self.parameters]
            wanted = f"the arguments ({', '.join(names)})" if names else "no arguments"
            raise FilterError(f"takes {wanted}, not {count}")

    def check_arguments(self, arguments: Sequence[Any]) -> None:
        """Check the arguments. Raises FilterError."""
        for parameter, argument in zip(self.parameters, arguments, strict=False):
            self.check_argument(parameter, argument)
        if self.check is not None:
            self.check(*arguments)

    def check_argument(self, parameter: Parameter, argument: Any) -> None:
        """Check the type of one argument. Raises FilterError."""
        if not is_of_kind(argument, parameter.kinds):
            wanted, got = name_kinds(parameter.kinds), name_kinds([kind_of(argument)])
            raise FilterError(f"takes {wanted} as its argument `{parameter.name}`, not {got}")

    def run(self, value: Any, arguments: Sequence[Any], take: Callable[[int], None]) -> Any:
        """Apply the filter. `take` gets the steps before they are done, and may raise. Raises FilterError."""
        if not is_of_kind(value, self.takes):
            raise FilterError(f"takes {name_kinds(self.takes)}, not {name_kinds([kind_of(value)])}")
        take(self.steps(value))
        return self.apply(value, *arguments)


def _take_default(value: Any, otherwise: Any) -> Any:
    return otherwise if value is None else value


def _kind_of_rounded(digits: int = 0) -> str:
    return "integer" if digits <= 0 else "number"


_STRING, _NUMBER, _ARRAY, _OBJECT = ("string",), ("number",), ("array",), ("object",)
_ANY: tuple[str, ...] = ()
_OPERAND = (Parameter("number", _NUMBER),)

# Redaction finds a secret in the results of these filters as well as in their values.
TRANSPARENT_FILTERS = frozenset((DEFAULT, "trim", "json", "parse_json", "string", "base64", "url_encode"))
# The ones of them that encode their value. Redaction finds a secret that is encoded once.
ENCODING_FILTERS = frozenset(("json", "base64", "url_encode"))
# These filters put an argument into their result unchanged.
EMBEDDING_FILTERS = frozenset((DEFAULT, "replace", "join"))

FILTERS: dict[str, Filter] = {
    DEFAULT: Filter(_take_default, _ANY, None, (Parameter("value", _ANY),)),
    "upper": Filter(filters_text.upper, _STRING, "string", steps=count_text),
    "lower": Filter(filters_text.lower, _STRING, "string", steps=count_text),
    "trim": Filter(filters_text.trim, _STRING, "string", steps=count_text),
    "replace": Filter(
        filters_text.replace,
        _STRING,
        "string",
        (Parameter("search", _STRING), Parameter("replacement", _STRING)),
        steps=count_text,
    ),
    "truncate": Filter(
        filters_text.truncate,
        _STRING,
        "string",
        (Parameter("length", ("integer",)), Parameter("ending", _STRING, is_required=False)),
    ),
    "split": Filter(filters_text.split, _STRING, "array", (Parameter("separator", _STRING),), steps=count_text),
    "join": Filter(
        filters_list.join, _ARRAY, "string", (Parameter("separator", _STRING, is_required=False),), steps=count_elements
    ),
    "length": Filter(filters_list.length, ("string", "array", "object"), "integer"),
    "first": Filter(filters_list.first, _ARRAY, None),
    "last": Filter(filters_list.last, _ARRAY, None),
    "slice": Filter(
        filters_list.take_slice,
        ("string", "array"),
        None,
        (Parameter("start", ("integer",)), Parameter("end", ("integer",), is_required=False)),
    ),
    "reverse": Filter(filters_list.reverse, ("string", "array"), None),
    "sort": Filter(
        filters_list.sort,
        _ARRAY,
        "array",
        (Parameter("path", _STRING, is_required=False),),
        filters_list.check_path,
        steps=count_slow_elements,
    ),
    "map": Filter(
        filters_list.map_path,
        _ARRAY,
        "array",
        (Parameter("path", _STRING),),
        filters_list.check_path,
        steps=count_elements,
    ),
    "unique": Filter(filters_list.unique, _ARRAY, "array", steps=count_values),
    "flatten": Filter(filters_list.flatten, _ARRAY, "array", steps=count_inner_elements),
    "sum": Filter(filters_number.total, _ARRAY, "number", steps=count_slow_elements),
    "min": Filter(filters_list.smallest, _ARRAY, None, steps=count_elements),
    "max": Filter(filters_list.largest, _ARRAY, None, steps=count_elements),
    "keys": Filter(filters_list.list_keys, _OBJECT, "array"),
    "values": Filter(filters_list.list_values, _OBJECT, "array"),
    "add": Filter(filters_number.add, _NUMBER, "number", _OPERAND),
    "subtract": Filter(filters_number.subtract, _NUMBER, "number", _OPERAND),
    "multiply": Filter(filters_number.multiply, _NUMBER, "number", _OPERAND),
    "divide": Filter(filters_number.divide, _NUMBER, "number", _OPERAND, filters_number.check_divisor),
    "round": Filter(
        filters_number.round_number,
        _NUMBER,
        _kind_of_rounded,
        (Parameter("digits", ("integer",), is_required=False),),
        filters_number.check_digits,
    ),
    "abs": Filter(filters_number.absolute, _NUMBER, "number"),
    "int": Filter(filters_number.to_integer, ("number", "string"), "integer", steps=count_text),
    "number": Filter(filters_number.to_number, ("number", "string"), "number", steps=count_text),
    "string": Filter(filters_text.to_string, _ANY, "string", steps=count_written),
    "json": Filter(filters_text.write_json, _ANY, "string", steps=count_written),
    "parse_json": Filter(filters_text.read_json, _STRING, None, steps=count_parsed),
    "base64": Filter(filters_text.encode_base64, _STRING, "string", steps=count_text),
    "base64_decode": Filter(filters_text.decode_base64, _STRING, "string", steps=count_text),
    "url_encode": Filter(filters_text.url_encode, _STRING, "string", steps=count_coded),
    "url_decode": Filter(filters_text.url_decode, _STRING, "string", steps=count_coded),
    "html_escape": Filter(filters_text.html_escape, _STRING, "string", steps=count_text),
    "date": Filter(
        filters_date.format_date,
        ("string", "number"),
        filters_date.kind_of_date,
        (Parameter("format", _STRING, is_required=False), Parameter("zone", _STRING, is_required=False)),
        filters_date.check_date,
        steps=count_text,
    ),
}
