"""What is printed of schedules: their next times in the zone and in UTC, and what became of those before."""

from typing import Any

import pytest

from acr.output.schedules import describe_schedule, render_next_times, render_schedules, render_times, say_times

TIMES = [
    {"utc": "2026-11-30T08:00:00Z", "local": "2026-11-30T09:00:00+01:00"},
    {"utc": "2026-12-01T08:00:00Z", "local": "2026-12-01T09:00:00+01:00"},
]
DAILY: dict[str, Any] = {
    "workflow": "digest",
    "number": 1,
    "cron": "0 9 * * MON-FRI",
    "zone": "Europe/Berlin",
    "paused": False,
    "next": TIMES,
    "last_due_at": "2026-11-27T08:00:00Z",
    "last_run_id": "01M8F9G9SB06ZDVR9SWRC2APES",
    "waiting": 0,
    "skipped": 2,
    "missed": 0,
}
ONCE = {
    **{key: DAILY[key] for key in ("workflow", "paused", "waiting", "skipped", "missed")},
    "number": 2,
    "at": "2026-11-01T10:00",
    "next": [],
    "last_due_at": None,
    "last_run_id": None,
}


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ({"cron": "@daily"}, "@daily UTC"),
        ({"cron": "0 9 * * *", "zone": "Asia/Tokyo"}, "0 9 * * * Asia/Tokyo"),
        ({"every": "15m"}, "every 15m"),
        ({"at": "2026-11-01T10:00", "zone": "Asia/Tokyo"}, "at 2026-11-01T10:00 Asia/Tokyo"),
    ],
)
def test_what_a_schedule_is_called(schedule: dict[str, Any], expected: str) -> None:
    assert describe_schedule(schedule) == expected


def test_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    late = {**ONCE, "skipped": 0, "delayed_since": "2026-11-27T08:00:00Z"}
    render_schedules([DAILY, {**ONCE, "paused": True, "skipped": 0, "missed": 1}, late])
    lines = [line.split("  ") for line in capsys.readouterr().out.splitlines()]
    cells = [[cell.strip() for cell in line if cell.strip()] for line in lines]
    assert cells[1:] == [
        [
            "digest",
            "0 9 * * MON-FRI Europe/Berlin",
            "2026-11-30 09:00:00+01:00",
            "2026-11-30 08:00:00",
            "2026-11-27 08:00:00",
            "2 skipped",
        ],
        ["digest", "at 2026-11-01T10:00 UTC", "-", "-", "-", "paused, 1 missed"],
        ["digest", "at 2026-11-01T10:00 UTC", "-", "-", "-", "delayed since 2026-11-27 08:00:00"],
    ]


def test_the_next_times(capsys: pytest.CaptureFixture[str]) -> None:
    render_times([DAILY, ONCE], "digest")
    printed = capsys.readouterr().out.splitlines()
    assert [line.split()[-2:] for line in printed[1:3]] == [["2026-11-30", "08:00:00"], ["2026-12-01", "08:00:00"]]
    assert "2026-12-01 09:00:00+01:00" in printed[2]
    assert "no time to come" in printed[3]
    render_next_times([DAILY])
    assert capsys.readouterr().out.splitlines() == ["", *printed[:3]]
    say_times([DAILY])
    assert capsys.readouterr().err.splitlines() == ["It starts by itself:", *printed[:3]]


@pytest.mark.parametrize(("name", "told"), [(None, "No workflow has a schedule."), ("w", "w has no schedule.")])
def test_none(capsys: pytest.CaptureFixture[str], name: str | None, told: str) -> None:
    render_schedules([], name)
    render_times([], name)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count(told) == 2
    render_next_times([])
    say_times([])
    assert capsys.readouterr() == ("", "")
