"""number_ops gives what Python's decimal and fractions give: as text digit by digit, as number the nearest double."""

import json
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components import wasm_harness as harness

BOUND = 2**53
# What a text may be: 34 digits before the decimal point.
TEXT_BOUND = 10**34
PRECISION = Context(prec=34, rounding=ROUND_HALF_UP, Emin=-99999, Emax=99999)
EXACT = Context(prec=2000, Emin=-99999, Emax=99999)
profile = settings(max_examples=30, deadline=None)

numbers = st.one_of(
    st.integers(-BOUND, BOUND).map(str),
    st.integers(-50, 50).map(str),
    st.floats(-1e15, 1e15).map(repr),
    st.floats(-10, 10).map(repr),
    st.decimals(-1000, 1000, places=3).map(str),
    st.builds("{}.{}e{}".format, st.integers(-99, 99), st.integers(0, 10**20), st.integers(-30, 13)),
    st.sampled_from(["-0", "0.0e5", "1e-400", "5e-324", "0.5", "2.5", "1.005", "1E3", "9007199254740992.0", "1e-7"]),
)

# Texts keep what a double would lose. As they stand in JSON, with their quotes.
texts = st.one_of(
    st.integers(1 - TEXT_BOUND, TEXT_BOUND - 1).map(str),
    st.integers(1 - TEXT_BOUND, TEXT_BOUND - 1).map(lambda size: str(Decimal(size).scaleb(-17, EXACT))),
    st.integers(1 - TEXT_BOUND, TEXT_BOUND - 1).map(lambda size: str(Decimal(size).scaleb(-34, EXACT))),
    st.sampled_from(["9007199254740993", "-0", "1e33", "12.50", "0.1", "-1E-399", "9" * 34]),
).map(lambda text: f'"{text}"')
lexemes = st.one_of(numbers, texts)


def read(lexeme: str) -> Fraction:
    """A number or text as it stands in JSON."""
    return Fraction(lexeme.strip('"'))


def operate_text(operation: str, lexeme: str, value: str | None = None, **fields: Any) -> harness.Result:
    value_field = "" if value is None else f', "value": {value}'
    more = "".join(f', "{name}": {json.dumps(field)}' for name, field in fields.items())
    return harness.run_text("number_ops", f'{{"operation": "{operation}", "input": {lexeme}{value_field}{more}}}')


def operate(operation: str, lexeme: str, value: str | None = None, **fields: Any) -> Any:
    """The result as text, with all its digits; of format the text that it is."""
    result = operate_text(operation, lexeme, value, **{"as": "text"}, **fields).data["result"]
    assert isinstance(result, str)
    return result if operation == "format" else Decimal(result)


def refuse(operation: str, lexeme: str, value: str | None = None, **fields: Any) -> Any:
    return operate_text(operation, lexeme, value, **fields).error


def check(expected: Fraction, operation: str, lexeme: str, value: str | None = None) -> None:
    """As text the exact result, cut to 34 digits; as number the nearest double; or the error, if it is too large."""
    quotient = PRECISION.divide(EXACT.create_decimal(expected.numerator), EXACT.create_decimal(expected.denominator))
    rounded = Decimal(0) if quotient.copy_abs() < Decimal("1e-400") else quotient
    if rounded.copy_abs() >= TEXT_BOUND:
        assert refuse(operation, lexeme, value, **{"as": "text"})["code"] == "OUT_OF_RANGE"
    else:
        assert operate(operation, lexeme, value) == rounded
    if rounded.copy_abs() > BOUND:
        assert refuse(operation, lexeme, value)["code"] == "OUT_OF_RANGE"
    else:
        assert operate_text(operation, lexeme, value).data == {"result": float(rounded)}


@profile
@given(lexemes, lexemes)
def test_arithmetic(lexeme: str, value: str) -> None:
    a, b = read(lexeme), read(value)
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
    number, unit = Decimal(lexeme.strip('"')), Decimal(1).scaleb(-decimals)
    rounded = number.quantize(unit, ROUND_HALF_UP, EXACT)
    if rounded.copy_abs() < TEXT_BOUND:
        assert operate("round", lexeme, decimals=decimals) == PRECISION.plus(rounded)
    for operation, rounding in (("floor", ROUND_FLOOR), ("ceil", ROUND_CEILING)):
        whole = number.quantize(Decimal(1), rounding, EXACT)
        if whole.copy_abs() < TEXT_BOUND:
            assert operate(operation, lexeme) == whole
    assert operate("abs", lexeme) == PRECISION.plus(number.copy_abs())


@profile
@given(lexemes, st.none() | st.integers(0, 20))
def test_format(lexeme: str, decimals: int | None) -> None:
    number = EXACT.add(EXACT.create_decimal(lexeme.strip('"')).normalize(EXACT), Decimal(0))
    if decimals is not None:
        number = number.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP, EXACT)
    expected = format(number.copy_abs() if number.is_zero() else number, ",f")
    assert operate("format", lexeme, decimals=decimals) == expected
    plain = operate("format", lexeme, decimals=decimals, grouping="", decimal_point="·")
    assert plain == expected.replace(",", "").replace(".", "·")


@profile
@given(lexemes, st.integers(-40, 40))
def test_whole_powers(lexeme: str, exponent: int) -> None:
    base = read(lexeme)
    if base == 0 and exponent < 0:
        assert refuse("pow", lexeme, str(exponent))["code"] == "DIVISION_BY_ZERO"
    else:
        check(base**exponent, "pow", lexeme, str(exponent))


DEEP = Context(prec=100, Emin=-99999, Emax=99999)
positive = lexemes.filter(lambda lexeme: read(lexeme) > 0)
near_one = st.integers(-(10**9), 10**9).flatmap(
    lambda size: st.integers(10, 34).map(lambda places: str(1 + Decimal(size).scaleb(-places, EXACT)))
)


@profile
@given(positive | near_one.map(lambda text: f'"{text}"'), lexemes)
def test_powers_of_fractions(lexeme: str, exponent: str) -> None:
    """All 34 digits, as Python's decimal finds them with 100."""
    base, power = Decimal(lexeme.strip('"')), Decimal(exponent.strip('"'))
    logarithm = DEEP.multiply(DEEP.ln(base), power)
    if abs(logarithm) > 10_000:
        expected = Decimal("Infinity") if logarithm > 0 else Decimal(0)
    else:
        expected = PRECISION.plus(DEEP.exp(logarithm))
    if expected >= TEXT_BOUND:
        assert refuse("pow", lexeme, exponent, **{"as": "text"})["code"] == "OUT_OF_RANGE"
    else:
        assert operate("pow", lexeme, exponent) == (0 if expected < Decimal("1e-400") else expected)


@profile
@given(lexemes)
def test_square_roots(lexeme: str) -> None:
    number = Decimal(lexeme.strip('"'))
    if number < 0:
        assert refuse("sqrt", lexeme)["code"] == "NO_REAL_RESULT"
        return
    root = Context(prec=1000, Emin=-9999, Emax=9999).sqrt(number)
    assert operate("sqrt", lexeme) == operate("pow", lexeme, "0.5") == PRECISION.plus(root)


@pytest.mark.parametrize("root", [1, 3, 94_906_265, 1234567, 99_999_999_999_999_999])
def test_roots_of_squares_are_whole(root: int) -> None:
    assert operate("sqrt", f'"{root**2}"') == root
    assert operate("pow", f'"{root**2}"', "0.5") == root


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
        ("-1", '"99999999999999999999"', "-1"),
        ("-1", '"99999999999999999998"', "1"),
        ("-1", "1e15", "1"),
        ("-0.5", '"1e30"', "0"),
        ("1", '"1e33"', "1"),
        ("0", '"1e33"', "0"),
        ("2", '"112"', "5192296858534827628530496329220096"),
        ('"1.0000000000000000000000000000000001"', '"1e33"', "1.105170918075647624811707826490247"),
        ("2", "0.1", "1.071773462536293164213006325023342"),
        ("10", '"-399.9"', "1.258925411794167210423954106395801e-400"),
    ],
)
def test_powers(base: str, exponent: str, result: str) -> None:
    assert operate("pow", base, exponent) == Decimal(result)


@profile
@given(lexemes, st.none() | lexemes, st.none() | lexemes)
def test_clamp(lexeme: str, low: str | None, high: str | None) -> None:
    bounds = {name: bound for name, bound in (("min", low), ("max", high)) if bound is not None}
    fields = "".join(f', "{name}": {bound}' for name, bound in bounds.items())
    result = harness.run_text("number_ops", f'{{"operation": "clamp", "as": "text", "input": {lexeme}{fields}}}')
    if not bounds or (low is not None and high is not None and read(low) > read(high)):
        assert result.error["code"] == "INVALID_INPUT"
        return
    expected = read(lexeme)
    expected = expected if low is None else max(expected, read(low))
    expected = expected if high is None else min(expected, read(high))
    quotient = EXACT.divide(Decimal(expected.numerator), Decimal(expected.denominator))
    assert Decimal(result.data["result"]) == PRECISION.plus(quotient)


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
        ("abs", "0.123456789012345678901234567890123456", {}, "0.12345678901234568"),
        ("abs", "1e-400", {}, "0"),
        ("abs", "0.123456789012345678901234567890123456", {"as": "text"}, '"0.1234567890123456789012345678901235"'),
        ("abs", '"0.1234567890123456789012345678901234"', {"as": "text"}, '"0.1234567890123456789012345678901234"'),
        ("abs", '" 12.50 "', {"as": "text"}, '"12.5"'),
        ("abs", '"12.50"', {}, "12.5"),
        ("abs", '"1e33"', {"as": "text"}, f'"1{"0" * 33}"'),
        ("abs", '"-9007199254740993"', {"as": "text"}, '"9007199254740993"'),
        ("floor", '"-9007199254740993.5"', {"as": "text"}, '"-9007199254740994"'),
        ("abs", "0.00000015", {"as": "text"}, '"1.5e-7"'),
        ("round", "2", {"as": "number"}, "2"),
        ("sqrt", "2", {"as": "text"}, '"1.414213562373095048801688724209698"'),
        ("sqrt", "2", {}, "1.4142135623730951"),
        ("sqrt", f'"{"9" * 34}"', {"as": "text"}, f'"{"9" * 17}.{"9" * 17}"'),
        ("sqrt", f'"1.{"0" * 60}1"', {"as": "text"}, '"1"'),
        ("format", '"1234567890123456789012345678901234.5"', {}, '"1,234,567,890,123,456,789,012,345,678,901,234.5"'),
        ("format", "-0.001", {"decimals": 2}, '"0.00"'),
        ("format", "999.995", {"decimals": 2}, '"1,000.00"'),
        ("format", "1e-7", {}, '"0.0000001"'),
        ("format", "100", {}, '"100"'),
        ("format", "1000", {"grouping": " "}, '"1 000"'),
    ],
)
def test_form_of_results(operation: str, lexeme: str, fields: dict[str, Any], text: str) -> None:
    assert operate_text(operation, lexeme, **fields).stdout.decode() == f'{{"success":true,"data":{{"result":{text}}}}}'


EXACT_UP_TO = "9007199254740992 (2^53), up to which whole numbers are exact"


@pytest.mark.parametrize(
    ("operation", "lexeme", "value"),
    [
        ("add", "9007199254740992", "1"),
        ("add", '"9007199254740993"', "0"),
        ("multiply", "1e10", "-1e10"),
        ("divide", "1", "1e-20"),
        ("pow", "2", "54"),
        ("pow", "1e15", "1.3"),
        ("round", "9007199254740992", None),
    ],
)
def test_results_that_only_a_text_holds(operation: str, lexeme: str, value: str | None) -> None:
    fields = {"decimals": -10} if operation == "round" else {}
    error = refuse(operation, lexeme, value, **fields)
    message = f"The result is beyond {EXACT_UP_TO}. `as: text` gives it."
    assert error == {"code": "OUT_OF_RANGE", "message": message}
    assert abs(operate(operation, lexeme, value, **fields)) > BOUND


@pytest.mark.parametrize(
    ("operation", "lexeme", "value", "message"),
    [
        ("abs", "9007199254740993", None, f"`input` is beyond {EXACT_UP_TO}. Give it as a text."),
        ("abs", "-9007199254740992.5", None, f"`input` is beyond {EXACT_UP_TO}. Give it as a text."),
        ("floor", "1e300", None, "`input` has more than 34 digits before the decimal point."),
        ("abs", "1e34", None, "`input` has more than 34 digits before the decimal point."),
        ("max", "1", "-1e300", "`value` has more than 34 digits before the decimal point."),
        ("abs", "1e33", None, f"`input` is beyond {EXACT_UP_TO}. Give it as a text."),
        ("min", "1", "1e16", f"`value` is beyond {EXACT_UP_TO}. Give it as a text."),
        ("abs", '"1e34"', None, "`input` has more than 34 digits before the decimal point."),
        ("add", "1", '"-1e99999999999999999999"', "`value` has more than 34 digits before the decimal point."),
        ("abs", '"1e-401"', None, "`input` has more than 400 digits after the decimal point."),
        ("add", f'"{"9" * 34}"', "1", "The result has more than 34 digits before the decimal point."),
        ("multiply", '"1e20"', '"1e14"', "The result has more than 34 digits before the decimal point."),
        ("pow", "10", "9007199254740992", "The result has more than 34 digits before the decimal point."),
        ("pow", "0.1", "-9007199254740992", "The result has more than 34 digits before the decimal point."),
        ("pow", "7", '"1e30"', "The result has more than 34 digits before the decimal point."),
    ],
)
def test_numbers_out_of_range(operation: str, lexeme: str, value: str | None, message: str) -> None:
    assert refuse(operation, lexeme, value, **{"as": "text"}) == {"code": "OUT_OF_RANGE", "message": message}


@pytest.mark.parametrize(
    ("operation", "lexeme", "value"),
    [
        pytest.param("pow", "10", "400", id="a power"),
        pytest.param("pow", "1e15", "2.5", id="a broken power"),
        pytest.param("multiply", '"1e20"', '"-1e14"', id="a product"),
        pytest.param("divide", '"1e33"', "0.1", id="a quotient"),
        pytest.param("add", f'"{"9" * 34}"', "1", id="a sum"),
    ],
)
def test_a_text_is_not_offered_for_a_result_that_it_cannot_hold(operation: str, lexeme: str, value: str) -> None:
    expected = {"code": "OUT_OF_RANGE", "message": "The result has more than 34 digits before the decimal point."}
    assert refuse(operation, lexeme, value) == expected
    assert refuse(operation, lexeme, value, **{"as": "text"}) == expected


@pytest.mark.parametrize("lexeme", ["9007199254740993", "-9007199254740992.5", "1e33", "9.9e33"])
def test_a_text_is_offered_for_an_input_that_it_can_hold(lexeme: str) -> None:
    assert refuse("abs", lexeme)["message"].endswith("Give it as a text.")
    assert operate("abs", f'"{lexeme}"') == abs(Decimal(lexeme))


def test_results_go_in_again_without_loss() -> None:
    """A text as the next step's input: what a chain of steps has."""
    third = operate_text("divide", "1", "3", **{"as": "text"}).data["result"]
    assert third == "0." + "3" * 34
    tripled = harness.run("number_ops", {"operation": "multiply", "input": third, "value": "3", "as": "text"})
    assert tripled.data == {"result": "0." + "9" * 34}


@pytest.mark.parametrize("lexeme", ["1e-401", "0." + "0" * 400 + "1", "1e-99999999999999999999"])
def test_too_many_places(lexeme: str) -> None:
    message = "`input` has more than 400 digits after the decimal point."
    assert refuse("abs", lexeme) == {"code": "OUT_OF_RANGE", "message": message}


NO_TENFOLD = "`decimals` must be a whole number from 0 to 20, not -1."


@pytest.mark.parametrize(
    ("operation", "fields", "message"),
    [
        ("add", {"input": 1}, "`value` must be a number, or a text that is one, but it is missing."),
        ("add", {"input": "1,5", "value": 1}, '`input` must be a number, or a text that is one, not "1,5".'),
        ("add", {"input": "", "value": 1}, '`input` must be a number, or a text that is one, not "".'),
        ("add", {"input": "0x10", "value": 1}, '`input` must be a number, or a text that is one, not "0x10".'),
        ("add", {"input": "NaN", "value": 1}, '`input` must be a number, or a text that is one, not "NaN".'),
        ("add", {"input": "[1]", "value": 1}, '`input` must be a number, or a text that is one, not "[1]".'),
        ("add", {"input": "true", "value": 1}, '`input` must be a number, or a text that is one, not "true".'),
        ("add", {"input": 1, "value": True}, "`value` must be a number, or a text that is one, not true."),
        ("sqrt", {}, "`input` must be a number, or a text that is one, but it is missing."),
        ("sqrt", {"input": 2, "as": "float"}, '`as` must be one of number, text, not "float".'),
        ("round", {"input": 1, "decimals": 21}, "`decimals` must be a whole number from -15 to 20, not 21."),
        ("round", {"input": 1, "decimals": 0.5}, "`decimals` must be a whole number from -15 to 20, not 0.5."),
        ("format", {"input": 1, "decimals": -1}, NO_TENFOLD),
        ("format", {"input": 1, "grouping": 3}, "`grouping` must be a text, not 3."),
        ("clamp", {"input": 1}, "`min` or `max` must be given."),
        ("clamp", {"input": 1, "min": 2, "max": 1}, "`max` must be at least `min`, not 1."),
        ("clamp", {"input": 1, "min": "none"}, '`min` must be a number, or a text that is one, not "none".'),
    ],
)
def test_wrong_fields(operation: str, fields: dict[str, Any], message: str) -> None:
    error = harness.run("number_ops", {"operation": operation, **fields}).error
    assert error == {"code": "INVALID_INPUT", "message": message}


def test_an_unknown_operation_is_refused_with_the_known_ones() -> None:
    known = ", ".join(harness.load_contract("number_ops").input_schema["properties"]["operation"]["enum"])
    error = harness.run("number_ops", {"operation": "cube", "input": 1}).error
    assert error == {"code": "INVALID_INPUT", "message": f'`operation` must be one of {known}, not "cube".'}
