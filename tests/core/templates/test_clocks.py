"""Each clock of templates at a fixed time, in UTC, and at the beginning of years and weeks."""

from datetime import UTC, datetime
from typing import Any

import pytest

from arcrun.templates.clocks import CLOCKS, read_clock
from arcrun.templates.template import START, compile_value


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("_now", "2026-03-01T05:06:07.089Z"),
        ("_now_unix", 1772341567),
        ("_today", "2026-03-01"),
        ("_yesterday", "2026-02-28"),
        ("_year", 2026),
        ("_month", 3),
        ("_day", 1),
        ("_hour", 5),
        ("_minute", 6),
        ("_second", 7),
        ("_weekday", "Sunday"),
        ("_iso_week", "2026-W09"),
        ("_yyyymm", "202603"),
        ("_yyyymmdd", "20260301"),
    ],
)
def test_a_clock(name: str, expected: Any) -> None:
    assert read_clock(name, at("2026-03-01T05:06:07.089")) == expected


def test_these_are_all_clocks() -> None:
    assert " ".join(CLOCKS) == (
        "_now _now_unix _today _yesterday _year _month _day _hour _minute _second _weekday _iso_week _yyyymm _yyyymmdd"
    )


@pytest.mark.parametrize(
    ("day", "name", "expected"),
    [
        pytest.param("2027-01-01", "_iso_week", "2026-W53", id="the first days may be in the last week"),
        pytest.param("2027-01-04", "_iso_week", "2027-W01", id="the first Monday"),
        pytest.param("2025-12-29", "_iso_week", "2026-W01", id="the last days may be in the first week"),
        pytest.param("2024-12-31", "_iso_week", "2025-W01", id="the last day of a leap year"),
        pytest.param("2027-01-01", "_yesterday", "2026-12-31", id="yesterday of New Year"),
        pytest.param("2024-03-01", "_yesterday", "2024-02-29", id="yesterday in a leap year"),
        pytest.param("1970-01-01", "_now_unix", 0, id="the epoch"),
        pytest.param("2026-09-21", "_weekday", "Monday", id="Monday"),
    ],
)
def test_where_periods_begin(day: str, name: str, expected: Any) -> None:
    assert read_clock(name, at(day)) == expected


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        pytest.param("{{_hour}}", 0, id="alone it keeps its type"),
        pytest.param("report-{{_yyyymmdd}}.csv", "report-19700101.csv", id="within a text"),
        pytest.param({"at": ["{{ _today }}"]}, {"at": ["1970-01-01"]}, id="deep within"),
        pytest.param("{{_today?}}", "1970-01-01", id="optional, but always there"),
    ],
)
def test_a_clock_in_a_template_is_when_the_run_started(template: Any, expected: Any) -> None:
    assert compile_value(template).resolve({START: 0.0}) == expected
