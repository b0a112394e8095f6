"""The filters of numbers. They calculate in decimals, so that 0.1 + 0.2 is 0.3. Each raises FilterError."""

from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from typing import Any

from arcrun.json_text import parse_json
from arcrun.templates.filters_values import FilterError, is_of_kind, kind_of, name_kinds

Number = int | float

MAX_ROUND_DIGITS = 15
_LIMIT = 10**308  # about the largest double
_WHOLE_LIMIT = 10**15  # below this a double represents every integer, with one more digit
_CONTEXT = Context(prec=340)  # the integers below _LIMIT, and the decimal places of a double
_QUOTIENT = Context(prec=40)


def add(number: Number, other: Number) -> Number:
    if isinstance(number, int) and isinstance(other, int):
        return _bounded(number + other)
    return _to_number(_CONTEXT.add(_exact(number), _exact(other)))


def subtract(number: Number, other: Number) -> Number:
    if isinstance(number, int) and isinstance(other, int):
        return _bounded(number - other)
    return _to_number(_CONTEXT.subtract(_exact(number), _exact(other)))


def multiply(number: Number, other: Number) -> Number:
    return _to_number(_CONTEXT.multiply(_exact(number), _exact(other)), _are_whole(number, other))


def divide(number: Number, other: Number) -> Number:
    check_divisor(other)
    if _are_whole(number, other) and number % other == 0:
        return _bounded(int(number // other))
    return _to_number(_QUOTIENT.divide(_exact(number), _exact(other)))


def round_number(number: Number, digits: int = 0) -> Number:
    """Round half away from zero: 2.5 is 3, -2.5 is -3, 2.675 to two digits is 2.68.

    Negative `digits` round before the decimal point.
    """
    check_digits(digits)
    with localcontext(_CONTEXT):
        rounded = _exact(number).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
    return _to_number(rounded, is_whole=digits <= 0)


def check_divisor(other: Number) -> None:
    if other == 0:
        raise FilterError("cannot divide by zero")


def check_digits(digits: int = 0) -> None:
    if not -MAX_ROUND_DIGITS <= digits <= MAX_ROUND_DIGITS:
        raise FilterError(f"takes {-MAX_ROUND_DIGITS} to {MAX_ROUND_DIGITS} digits")


def absolute(number: Number) -> Number:
    return abs(number)


def to_number(value: Number | str) -> Number:
    """The number; a string must be a number in JSON's notation, optionally surrounded by spaces."""
    if not isinstance(value, str):
        return value
    try:
        number = parse_json(value)
    except ValueError:
        number = None
    if not is_of_kind(number, ("number",)):
        raise FilterError("found a string that is not a number, such as 12, -0.5 or 1e3")
    result: Number = number
    return result


def to_integer(value: Number | str) -> int:
    """The integer part, rounded towards zero."""
    return _bounded(int(to_number(value)))


def total(values: list[Any]) -> Number:
    """The sum; 0 for an empty list."""
    result = Decimal(0)
    for i, value in enumerate(values):
        if not is_of_kind(value, ("number",)):
            raise FilterError(f"takes a list of numbers, but its element {i} is {name_kinds([kind_of(value)])}")
        result = _CONTEXT.add(result, _exact(value))
    return _to_number(result, all(isinstance(value, int) for value in values))


def _are_whole(*numbers: Number) -> bool:
    return all(isinstance(number, int) for number in numbers)


def _exact(number: Number) -> Decimal:
    return Decimal(_bounded(number)) if isinstance(number, int) else Decimal(repr(number))


def _to_number(result: Decimal, is_whole: bool = False) -> Number:
    """An integer if the value is integral and in the exact range; else the nearest double."""
    if is_whole or (abs(result) < _WHOLE_LIMIT and result == int(result)):
        return _bounded(int(result))
    if abs(result) >= _LIMIT:
        raise FilterError("has a result that is too large")
    return float(result)


def _bounded(number: int) -> int:
    if abs(number) >= _LIMIT:
        raise FilterError("found a number that is too large")
    return number
