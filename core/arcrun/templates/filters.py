"""The filters of templates, a closed set: `{{reference | filter | filter(arguments)}}`. docs/templates.md has them all.

A filter is a function of a value and its arguments that changes neither. It fails clearly on what it does not take,
null included; `default` alone takes null, and what is missing.
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
    """`kinds` are the JSON types that it takes; none are all."""

    name: str
    kinds: tuple[str, ...]
    is_required: bool = True


@dataclass(frozen=True)
class Filter:
    """`takes` are the JSON types of the value, none are all. `gives` is the type of every result, None if it varies;
    or a function of the arguments that says it. `check` raises FilterError for arguments that `apply` cannot use.
    `steps` is what a value costs.
    """

    apply: Callable[..., Any]
    takes: tuple[str, ...]
    gives: str | Callable[..., str | None] | None
    parameters: tuple[Parameter, ...] = ()
    check: Callable[..., None] | None = None
    steps: Callable[[Any], int] = count_shallow

    def kind(self, arguments: Sequence[Any] | None) -> str | None:
        """The type of every result; `arguments` are None where they are not known yet."""
        if callable(self.gives):
            return None if arguments is None else self.gives(*arguments)
        return self.gives

    def check_count(self, count: int) -> None:
        """Raises FilterError."""
        least = sum(parameter.is_required for parameter in self.parameters)
        if not least <= count <= len(self.parameters):
            names = [parameter.name if parameter.is_required else f"{parameter.name}?" for parameter in self.parameters]
            wanted = f"the arguments ({', '.join(names)})" if names else "no arguments"
            raise FilterError(f"takes {wanted}, not {count}")

    def check_arguments(self, arguments: Sequence[Any]) -> None:
        """Raises FilterError."""
        for parameter, argument in zip(self.parameters, arguments, strict=False):
            self.check_argument(parameter, argument)
        if self.check is not None:
            self.check(*arguments)

    def check_argument(self, parameter: Parameter, argument: Any) -> None:
        """Raises FilterError."""
        if not is_of_kind(argument, parameter.kinds):
            wanted, got = name_kinds(parameter.kinds), name_kinds([kind_of(argument)])
            raise FilterError(f"takes {wanted} as its argument `{parameter.name}`, not {got}")

    def run(self, value: Any, arguments: Sequence[Any], take: Callable[[int], None]) -> Any:
        """`take` gets the steps before they are done, and may refuse. Raises FilterError."""
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

# What stands in a result is found by redaction as if the filter were not there.
TRANSPARENT_FILTERS = frozenset((DEFAULT, "trim", "json", "parse_json", "string", "base64", "url_encode"))
# Of those, the ones that write it in another way. Redaction finds a secret that is encoded once.
ENCODING_FILTERS = frozenset(("json", "base64", "url_encode"))
# These put an argument into their result as it is.
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
