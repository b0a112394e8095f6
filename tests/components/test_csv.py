"""csv reads what Python's csv module writes, and the other way round; and the public samples of csv-spectrum (npm)."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components import wasm_harness as harness

SPECTRUM = Path(__file__).parents[2] / "node_modules" / "csv-spectrum"
VALUES = st.text(st.sampled_from('ab ,;\t"\r\n\ufeff=é😀1'), max_size=6)
TABLES = st.integers(1, 4).flatmap(lambda width: st.lists(st.lists(VALUES, min_size=width, max_size=width), max_size=5))


def parse(text: str, **fields: Any) -> Any:
    return harness.run("csv", {"operation": "parse", "input": text, **fields}).data


def write(rows: list[Any], **fields: Any) -> str:
    return str(harness.run("csv", {"operation": "write", "rows": rows, **fields}).data["result"])


def refuse(text: str, **fields: Any) -> str:
    error = harness.run("csv", {"operation": "parse", "input": text, **fields}).error
    assert error["code"] == "INVALID_CSV"
    return str(error["message"])


@pytest.mark.parametrize("path", sorted((SPECTRUM / "csvs").glob("*.csv")), ids=lambda path: path.stem)
def test_public_samples(path: Path) -> None:
    """Of one the JSON is not its rows: a single object, with another number."""
    expected = json.loads((SPECTRUM / "json" / f"{path.stem}.json").read_text("utf-8"))
    rows = parse(path.read_bytes().decode("utf-8"))["rows"]
    if isinstance(expected, dict):
        rows, expected = rows[0]["Location Coordinates"], expected["Location Coordinates"]
    assert rows == expected


@settings(max_examples=150, deadline=None)
@given(table=TABLES, delimiter=st.sampled_from(",;\t"), quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
def test_what_python_writes_is_read(table: list[list[str]], delimiter: str, quoting: Any) -> None:
    target = io.StringIO()
    csv.writer(target, delimiter=delimiter, quoting=quoting).writerows(table)
    text = target.getvalue()
    read = parse("\ufeff" + text, header=False, delimiter=delimiter)
    assert read == {"rows": table, "count": len(table), "columns": None}


@settings(max_examples=150, deadline=None)
@given(table=TABLES, delimiter=st.sampled_from(",;\t"), line_end=st.sampled_from(["crlf", "lf"]))
def test_what_is_written_python_reads_and_so_does_parse(table: list[list[str]], delimiter: str, line_end: str) -> None:
    text = write(table, delimiter=delimiter, line_end=line_end)
    assert [*csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)] == table
    assert parse(text, header=False, delimiter=delimiter)["rows"] == table


def test_values_are_texts_and_numbers_stay_as_they_are_written() -> None:
    assert parse("a\n007\n")["rows"] == [{"a": "007"}]
    assert parse('a,b\n5" nails,x"y\n')["rows"] == [{"a": '5" nails', "b": 'x"y'}]
    assert write([{"a": 1.50, "b": True, "c": None, "d": {"x": [1]}, "e": "é"}], header=False) == (
        '1.5,true,,"{""x"":[1]}",é\r\n'
    )


def test_a_mark_for_excel() -> None:
    text = write([{"ö": 1}], mark=True)
    assert text == "\ufeffö\r\n1\r\n"
    assert parse(text)["rows"] == [{"ö": "1"}]


def test_columns_are_all_that_rows_have_in_their_order() -> None:
    assert write([{"b": 1}, {"a": 2, "b": 3}, [4, 5]], line_end="lf") == "b,a\n1,\n3,2\n4,5\n"
    assert write([]) == ""
    assert write([], columns=["a"]) == "a\r\n"
    assert write([{"a": ""}]) == 'a\r\n""\r\n'


@pytest.mark.parametrize(
    ("text", "fields", "rows"),
    [
        pytest.param("sep=;\r\na;b\r\n1;2", {}, [{"a": "1", "b": "2"}], id="the line of Excel"),
        pytest.param("\ufeffSEP=\t\na\tb\n1\t2", {}, [{"a": "1", "b": "2"}], id="behind a byte order mark"),
        pytest.param("sep=;\na,b\n1,2", {"delimiter": ","}, [{"a": "1", "b": "2"}], id="told otherwise"),
        pytest.param("sep=a\nb", {"header": False}, [["b"]], id="any sign"),
        pytest.param("sep=\n1", {}, [{"sep=": "1"}], id="a column of that name"),
        pytest.param("a\tb\n1\t2", {"delimiter": "\\t"}, [{"a": "1", "b": "2"}], id="a tab as it is written"),
        pytest.param('\n"x,y,z";b\n1;2', {"delimiter": "auto"}, [{"x,y,z": "1", "b": "2"}], id="found"),
        pytest.param("a|b\n1|2,3,4", {"delimiter": "auto"}, [{"a": "1", "b": "2,3,4"}], id="in the first line"),
        pytest.param(
            "a\n1,2", {"delimiter": "auto", "ragged": "fill", "header": False}, [["a"], ["1", "2"]], id="none"
        ),
        pytest.param("a,,\n1,2,3", {}, [{"a": "1", "column_2": "2", "column_3": "3"}], id="columns without a name"),
        pytest.param(
            "a,b\n1,2,,\n3", {"ragged": "fill"}, [{"a": "1", "b": "2"}, {"a": "3", "b": None}], id="long rows"
        ),
        pytest.param(' a , b\n 1 , "x ""y"" " ', {"trim": True}, [{"a": "1", "b": 'x "y" '}], id="white space"),
        pytest.param("a \t b\n\t1", {"trim": True, "delimiter": "\t"}, [{"a": "", "b": "1"}], id="a tab is no space"),
    ],
)
def test_what_programs_write(text: str, fields: dict[str, Any], rows: list[Any]) -> None:
    assert parse(text, **fields)["rows"] == rows


def test_a_first_value_like_the_line_of_excel_stays() -> None:
    text = write([["sep=;"], ["x"]])
    assert text == '"sep=;"\r\nx\r\n'
    assert parse(text, header=False)["rows"] == [["sep=;"], ["x"]]


def test_rows_have_as_many_values_as_there_are_columns() -> None:
    assert write([[1, 2], [3]], columns=["x", "y"], line_end="lf") == "x,y\n1,2\n3,\n"
    for fields in ({"rows": [[1, 2], {"a": 1}]}, {"rows": [[1], [1, 2]]}, {"rows": [[1, 2]], "columns": ["x"]}):
        error = harness.run("csv", {"operation": "write", **fields}).error
        assert (error["code"], "has 2 values, where there are 1 columns" in error["message"]) == ("INVALID_ROWS", True)


def test_the_header_may_be_replaced() -> None:
    assert parse("a,a\n1,2\n", columns=["x", "y"]) == {
        "rows": [{"x": "1", "y": "2"}],
        "count": 1,
        "columns": ["x", "y"],
    }
    assert refuse("a,a\n1,2\n") == "The header has the column `a` twice; `columns` gives them other names."
    assert parse("a,b\n") == {"rows": [], "count": 0, "columns": ["a", "b"]}
    assert parse("") == {"rows": [], "count": 0, "columns": None}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a,b\n1,2,3\n", "a row of 3 values, where 2 are due (in the row of line 2)"),
        ('a\n"1\n2\n\n\n"\n"x', "a quote that is not closed (in the row of line 7)"),
        ('a\n"1" \n', "text behind a quote that closes (in the row of line 2)"),
    ],
)
def test_what_is_no_csv_is_refused_with_its_line(text: str, problem: str) -> None:
    assert refuse(text) == f"`input` cannot be read: it has {problem}."


def test_ragged_rows() -> None:
    assert parse("a,b\n1\n", ragged="fill")["rows"] == [{"a": "1", "b": None}]
    assert "3 values" in refuse("a,b\n1,2,3\n", ragged="fill")
    assert parse("1\n1,2\n", header=False, ragged="fill")["rows"] == [["1"], ["1", "2"]]
    assert "2 values" in refuse("1\n1,2\n", header=False)


def test_limits() -> None:
    assert parse("a\n1\n2\n3\n", limit=2)["count"] == 2
    assert parse('a\n1\n"2\n"\n3\n', limit=1, offset=2)["rows"] == [{"a": "3"}]
    assert parse("a\n1\n", offset=7) == {"rows": [], "count": 0, "columns": ["a"]}
    assert parse("1\n2\n", header=False, offset=1)["rows"] == [["2"]]
    many = "".join(f"{n},some text,{n}\r\n" for n in range(50_000))
    assert parse("a,b,c\r\n" + many)["count"] == 50_000
    error = harness.run("csv", {"operation": "write", "rows": [["x" * 700_000] * 7], "header": False}).error
    assert error["code"] == "RESULT_TOO_LARGE"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx"])
def test_formulas_are_defused(text: str) -> None:
    written = write([[text]], header=False, defuse_formulas=True)
    assert [*csv.reader(io.StringIO(written, newline=""))] == [["'" + text]]
    assert write([[-1.5, "x=1"]], header=False, defuse_formulas=True) == "-1.5,x=1\r\n"


def test_fields_that_cannot_be() -> None:
    for delimiter in ("", ",,", '"', "\n", "é"):
        error = harness.run("csv", {"operation": "parse", "input": "a", "delimiter": delimiter}).error
        assert "`delimiter` must be one ASCII character" in error["message"]
    assert (
        "`columns` has `a` twice"
        in harness.run("csv", {"operation": "write", "rows": [], "columns": ["a", "a"]}).error["message"]
    )
    error = harness.run("csv", {"operation": "write", "rows": [], "delimiter": "auto"}).error
    assert error["message"] == '`delimiter` must be one ASCII character for `write`, not "auto".'
    assert harness.run("csv", {"operation": "write", "rows": [1]}).error["message"] == (
        "`rows[0]` must be an object or a list, not 1."
    )
