"""Proves that the filter `date` of templates reads and writes as the component date_ops does, named zones aside."""

from typing import Any

import pytest

from arcrun.templates.filters_date import format_date
from arcrun.templates.filters_values import FilterError
from components import wasm_harness as harness

DIRECTIVES = "YyCmdeBbjHIpPMSfLAauwGVUWzZsFTDRnthe"
EVERY = " ".join(f"%{letter}" for letter in DIRECTIVES) + " %:z %% %-Y %-m %-d %-H %-I %-M %-S %-j %-V %-u %-f %-L é"


def run_component(value: Any, form: str, zone: str | None) -> Any:
    given = {"operation": "format", "input": value, "format": form}
    return harness.run("date_ops", given | ({"timezone": zone} if zone else {}))


@pytest.mark.parametrize("zone", [None, "+01:00", "-0530"])
@pytest.mark.parametrize("form", ["iso", "unix", "unix_ms", EVERY])
@pytest.mark.parametrize(
    "value",
    [
        *(
            "2026-03-09T14:05:07.123456Z",
            "2026-03-09T00:05:07+02:00",
            "2026-12-31 23:59:59.9-11:00",
            "2026-03-09T12:00",
        ),
        *(
            "2026-03-09",
            "20260309",
            "2026-03",
            "2026-W01-1",
            "2026W537",
            "2026-W10",
            "2026-366",
            "2024-366",
            "2026068T0102",
        ),
        *(
            "2026-01-01T12:00:00,5Z",
            "2026-01-01t01z",
            "2000-02-29T00:00:00+00:00",
            "2026-02-29",
            "0001-01-02",
            "9999-12-30",
        ),
        *("2026-1-1", "2026", "2026-01-01T", "2026-01-01T00:60Z", "2026-01-01T00:00:60Z", "", "x"),
        *("2026-01-01T24:00Z", "2026-12-31T24:00:00", "2026-01-01T24:01Z", "2026-01-01T24:00:00.5Z", "2026-01-01T25Z"),
        *("2016-12-31T23:59:60Z", "2017-01-01T00:59:60+01:00", "2016-12-31T23:59:60+01:00", "2016-12-31T11:44:60"),
        *("2026-01-01T12.5Z", "2026-01-01T12:30,25 +01:00", "2026-01-01T12:00:61Z"),
        *(0, 1767225600, 1767225600.25, -86400.5, 1773065107.123456, 253402214400),
    ],
)
def test_the_filter_and_the_component_agree(value: Any, form: str, zone: str | None) -> None:
    component = run_component(value, form, zone)
    try:
        expected = format_date(value, form, zone)
    except FilterError:
        assert component.error is not None
    else:
        assert component.data["result"] == expected


@pytest.mark.parametrize(
    "form",
    ["%Q", "%-A", "%:d", "%", "%-p", "%-n", "%-F", "%:%", "%-z", "%-e", "%-s", "%-a", "%-%", "%::z", "%5Y", "%%Q"],
)
def test_they_know_the_same_directives(form: str) -> None:
    component = run_component(0, form, None)
    try:
        expected = format_date(0, form)
    except FilterError:
        assert component.error is not None
    else:
        assert component.data["result"] == expected
