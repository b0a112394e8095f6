"""number_ops gives what Python's decimal and fractions give, digit by digit."""

import json
import math
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from components import wasm_harness as harness

BOUND = 2**53
PRECISION = Context(prec=34, rounding=ROUND_HALF_UP, Emin=-9999, Emax=9999)
EXACT = Context(prec=2000)
profile = settings(max_examples=30, deadline=None)

lexemes = st.one_of(
    st.integers(-BOUND, BOUND).map(str),
    st.integers(-50, 50).map(str),
    st.floats(-1e15, 1e15).map(repr),
    st.floats(-10, 10).map(repr),
    st.decimals(-1000, 1000, places=3).map(str),
    st.builds("{}.{}e{}".format, st.integers(-99, 99), st.integers(0, 10**20), st.integers(-30, 13)),
    st.sampled_from(["-0", "0.0e5", "1e-400", "5e-324", "0.5", "2.5", "1.005", "1E3", "9007199254740992.0", "1e-7"]),
)


def operate_text(operation: str, lexeme: str, value: str | None = None, **fields: Any) -> harness.Result:
    value_field = "" if value is None else f', "value": {value}'
    more = "".join(f', "{name}": {json.dumps(field)}' for name, field in fields.items())
    return harness.run_text("number_ops", f'{{"operation": "{operation}", "input": {lexeme}{value_field}{more}}}')


def operate(operation: str, lexeme: str, value: str | None = None, **fields: Any) -> Any:
    result = operate_text(operation, lexeme, value, **fields)
    assert result.output["success"], result.output
    return json.loads(result.stdout, parse_float=Decimal, parse_int=Decimal)["data"]["result"]


def refuse(operation: str, lexeme: str, value: str | None = None, **fields: Any) -> Any:
    return operate_text(operation, lexeme, value, **fields).error


def check(expected: Fraction, operation: str, lexeme: str, value: str | None = None) -> None:
    """The exact result, cut to 34 digits; or the error, if it is too large."""
    if abs(expected) > BOUND:
        assert refuse(operation, lexeme, value)["code"] == "OUT_OF_RANGE"
        return
    rounded = PRECISION.divide(EXACT.create_decimal(expected.numerator), EXACT.create_decimal(expected.denominator))
    assert operate(operation, lexeme, value) == (0 if abs(rounded) < Decimal("1e-400") else rounded)


@profile
@given(lexemes, lexemes)
def test_arithmetic(lexeme: str, value: str) -> None:
    a, b = Fraction(lexeme), Fraction(value)
    check(a + b, "add", lexeme, value)
    check(a - b, "subtract", lexeme, value)
    check(a * b, "multiply", lexeme, value)
    check(min(a, b), "min", lexeme, value)
    check(max(a, b), "max", lexeme, value)
    if b:
        check(a / b, "divide", lexeme, value)
        check(a % b, "mod", lexeme, value)
    else:
        assert refuse("divide", lexeme, value)["code"] == "DIVISION_BY_ZERO"
        assert refuse("mod", lexeme, value)["code"] == "DIVISION_BY_ZERO"


@profile
@given(st.integers(-BOUND, BOUND), st.integers(-BOUND, BOUND))
def test_whole_numbers_are_exact(a: int, b: int) -> None:
    for operation, expected in (("add", a + b), ("subtract", a - b)):
        if abs(expected) <= BOUND:
            assert harness.run("number_ops", {"operation": operation, "input": a, "value": b}).data == {
                "result": expected
            }
    if b:
        data = harness.run("number_ops", {"operation": "mod", "input": a, "value": b}).data
        assert data == {"result": a % b}
        assert isinstance(data["result"], int)


@profile
@given(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9).filter(bool))
def test_floats_get_the_nearest_float(a: float, b: float) -> None:
    """As if calculated with the decimals that are seen, then rounded once."""
    data = harness.run("number_ops", {"operation": "divide", "input": a, "value": b})
    exact = Fraction(repr(a)) / Fraction(repr(b))
    if abs(exact) <= BOUND:
        assert data.data["result"] == float(exact)


@profile
@given(lexemes, st.integers(-15, 20))
def test_rounding(lexeme: str, decimals: int) -> None:
    number, unit = Decimal(lexeme), Decimal(1).scaleb(-decimals)
    rounded = number.quantize(unit, ROUND_HALF_UP, EXACT)
    if abs(rounded) <= BOUND:
        assert operate("round", lexeme, decimals=decimals) == PRECISION.plus(rounded)
    assert operate("floor", lexeme) == number.quantize(Decimal(1), ROUND_FLOOR, EXACT)
    assert operate("ceil", lexeme) == number.quantize(Decimal(1), ROUND_CEILING, EXACT)
    assert operate("abs", lexeme) == PRECISION.plus(abs(EXACT.create_decimal(number)).normalize(EXACT))


@profile
@given(lexemes, st.none() | st.integers(0, 20))
def test_format(lexeme: str, decimals: int | None) -> None:
    number = EXACT.create_decimal(lexeme).normalize(EXACT) + Decimal(0)
    if decimals is not None:
        number = number.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP, EXACT)
    expected = format(abs(number) if number.is_zero() else number, ",f")
    assert operate("format", lexeme, decimals=decimals) == expected
    plain = operate("format", lexeme, decimals=decimals, grouping="", decimal_point="·")
    assert plain == expected.replace(",", "").replace(".", "·")


@profile
@given(lexemes, st.integers(-40, 40))
def test_whole_powers(lexeme: str, exponent: int) -> None:
    base = Fraction(lexeme)
    if base == 0 and exponent < 0:
        assert refuse("pow", lexeme, str(exponent))["code"] == "DIVISION_BY_ZERO"
    else:
        check(base**exponent, "pow", lexeme, str(exponent))


@profile
@given(st.floats(0.001, 1e6), st.floats(-5, 5))
def test_powers_of_floats(base: float, exponent: float) -> None:
    assume(base**exponent < 1e15)
    assert math.isclose(float(operate("pow", repr(base), repr(exponent))), base**exponent, rel_tol=1e-12)


@profile
@given(lexemes)
def test_square_roots(lexeme: str) -> None:
    number = Decimal(lexeme)
    if number < 0:
        assert refuse("sqrt", lexeme)["code"] == "NO_REAL_RESULT"
        return
    root = Context(prec=80, Emin=-9999, Emax=9999).sqrt(number)
    assert operate("sqrt", lexeme) == operate("pow", lexeme, "0.5") == PRECISION.plus(root)


@pytest.mark.parametrize("root", [1, 3, 94_906_265, 1234567])
def test_roots_of_squares_are_whole(root: int) -> None:
    assert operate("sqrt", str(root**2)) == root
    assert operate("pow", str(root**2), "0.5") == root


@pytest.mark.parametrize(
    ("base", "exponent", "result"),
    [
        ("0", "0", "1"),
        ("0", "2.5", "0"),
        ("2", "53", "9007199254740992"),
        ("-2", "53", "-9007199254740992"),
        ("10", "15", "1000000000000000"),
        ("10", "-300", "1e-300"),
        ("43290211969", "1.5", "9007091372906047"),
        ("16", "-0.25", "0.5"),
        ("65536", "0.0625", "2"),
        ("-1", "9007199254740991", "-1"),
        ("10", "-9007199254740992", "0"),
        ("0.5", "9007199254740991", "0"),
    ],
)
def test_powers(base: str, exponent: str, result: str) -> None:
    assert operate("pow", base, exponent) == Decimal(result)


@profile
@given(lexemes, st.none() | lexemes, st.none() | lexemes)
def test_clamp(lexeme: str, low: str | None, high: str | None) -> None:
    bounds = {name: bound for name, bound in (("min", low), ("max", high)) if bound is not None}
    fields = "".join(f', "{name}": {bound}' for name, bound in bounds.items())
    result = harness.run_text("number_ops", f'{{"operation": "clamp", "input": {lexeme}{fields}}}')
    if not bounds or (low is not None and high is not None and Decimal(low) > Decimal(high)):
        assert result.error["code"] == "INVALID_INPUT"
        return
    expected = Decimal(lexeme)
    expected = expected if low is None else max(expected, Decimal(low))
    expected = expected if high is None else min(expected, Decimal(high))
    assert json.loads(result.stdout, parse_float=Decimal)["data"]["result"] == PRECISION.plus(expected)


@pytest.mark.parametrize(
    ("operation", "lexeme", "fields", "text"),
    [
        ("round", "1.50", {"decimals": 1}, "1.5"),
        ("round", "-0.4", {}, "0"),
        ("round", "49", {"decimals": -2}, "0"),
        ("round", "50", {"decimals": -2}, "100"),
        ("round", "0.00000012345", {"decimals": 20}, "1.2345e-7"),
        ("abs", "1.0", {}, "1"),
        ("abs", "-0.000001", {}, "0.000001"),
        ("abs", "9007199254740992e0", {}, "9007199254740992"),
        ("abs", "0.123456789012345678901234567890123456", {}, "0.1234567890123456789012345678901235"),
        ("format", "-0.001", {"decimals": 2}, '"0.00"'),
        ("format", "999.995", {"decimals": 2}, '"1,000.00"'),
        ("format", "1e-7", {}, '"0.0000001"'),
        ("format", "100", {}, '"100"'),
        ("format", "1000", {"grouping": " "}, '"1 000"'),
    ],
)
def test_form_of_results(operation: str, lexeme: str, fields: dict[str, Any], text: str) -> None:
    assert operate_text(operation, lexeme, **fields).stdout.decode() == f'{{"success":true,"data":{{"result":{text}}}}}'


@pytest.mark.parametrize(
    ("operation", "lexeme", "value", "subject"),
    [
        ("abs", "9007199254740993", None, "`input`"),
        ("abs", "-9007199254740992.5", None, "`input`"),
        ("floor", "1e300", None, "`input`"),
        ("min", "1", "1e16", "`value`"),
        ("add", "9007199254740992", "1", "The result"),
        ("multiply", "1e10", "-1e10", "The result"),
        ("divide", "1", "1e-20", "The result"),
        ("pow", "2", "54", "The result"),
        ("pow", "10", "9007199254740992", "The result"),
        ("pow", "0.1", "-9007199254740992", "The result"),
        ("pow", "1e15", "1.3", "The result"),
        ("round", "9007199254740992", None, "The result"),
    ],
)
def test_numbers_out_of_range(operation: str, lexeme: str, value: str | None, subject: str) -> None:
    fields = {"decimals": -10} if operation == "round" else {}
    error = refuse(operation, lexeme, value, **fields)
    message = f"{subject} is beyond 9007199254740992 (2^53), up to which whole numbers are exact."
    assert error == {"code": "OUT_OF_RANGE", "message": message}


@pytest.mark.parametrize("lexeme", ["1e-401", "0." + "0" * 400 + "1", "1e-99999999999999999999"])
def test_too_many_places(lexeme: str) -> None:
    message = "`input` has more than 400 digits after the decimal point."
    assert refuse("abs", lexeme) == {"code": "OUT_OF_RANGE", "message": message}


NO_TENFOLD = "`decimals` must be a whole number from 0 to 20, not -1."


@pytest.mark.parametrize(
    ("operation", "fields", "message"),
    [
        ("add", {"input": 1}, "`value` must be a number, but it is missing."),
        ("add", {"input": "1", "value": 1}, '`input` must be a number, not "1".'),
        ("add", {"input": 1, "value": True}, "`value` must be a number, not true."),
        ("sqrt", {}, "`input` must be a number, but it is missing."),
        ("round", {"input": 1, "decimals": 21}, "`decimals` must be a whole number from -15 to 20, not 21."),
        ("round", {"input": 1, "decimals": 0.5}, "`decimals` must be a whole number from -15 to 20, not 0.5."),
        ("format", {"input": 1, "decimals": -1}, NO_TENFOLD),
        ("format", {"input": 1, "grouping": 3}, "`grouping` must be a text, not 3."),
        ("clamp", {"input": 1}, "`min` or `max` must be given."),
        ("clamp", {"input": 1, "min": 2, "max": 1}, "`max` must be at least `min`, not 1."),
        ("clamp", {"input": 1, "min": "0"}, '`min` must be a number, not "0".'),
    ],
)
def test_wrong_fields(operation: str, fields: dict[str, Any], message: str) -> None:
    error = harness.run("number_ops", {"operation": operation, **fields}).error
    assert error == {"code": "INVALID_INPUT", "message": message}


def test_an_unknown_operation_is_refused_with_the_known_ones() -> None:
    known = ", ".join(harness.load_contract("number_ops").input_schema["properties"]["operation"]["enum"])
    error = harness.run("number_ops", {"operation": "cube", "input": 1}).error
    assert error == {"code": "INVALID_INPUT", "message": f'`operation` must be one of {known}, not "cube".'}
