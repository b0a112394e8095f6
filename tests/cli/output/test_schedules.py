"""What is printed of schedules: their next times in the zone and in UTC, and what became of those before."""

from typing import Any

import pytest

from acr.output.schedules import (
    describe_schedule,
    describe_state,
    render_next_times,
    render_schedules,
    render_times,
    say_times,
)
from acr.output.workflows import describe_stored

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
        ({"every": "15m", "watch": None}, "watch every 15m"),
        ({"at": "2026-11-01T10:00", "zone": "Asia/Tokyo"}, "at 2026-11-01T10:00 Asia/Tokyo"),
    ],
)
def test_what_a_schedule_is_called(schedule: dict[str, Any], expected: str) -> None:
    assert describe_schedule(schedule) == expected


@pytest.mark.parametrize(
    ("watch", "expected"),
    [
        ({}, "30 listed, 2 new"),
        ({"left_over": 5, "waiting": 1_000}, "30 listed, 2 new, 5 left to the next poll, 1000 runs to begin"),
        ({"forgotten": 3}, "30 listed, 2 new, 3 forgotten"),
        ({"error": "HTTP_STATUS"}, "the last poll failed: HTTP_STATUS"),
        ({"last_polled_at": None}, "not polled yet"),
    ],
)
def test_what_a_watch_has_found(watch: dict[str, Any], expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    polled = {"last_polled_at": "2026-11-27T08:05:00Z", "error": None, "listed": 30, "started": 2}
    shown = {**polled, "left_over": 0, "waiting": 0, "kept": 9, "forgotten": 0, **watch}
    assert describe_state({**DAILY, "skipped": 0, "watch": shown}) == expected
    render_schedules([{**DAILY, "skipped": 0, "watch": shown}])
    line = capsys.readouterr().out.splitlines()[1]
    moment = "2026-11-27 08:05:00" if shown["last_polled_at"] else "2026-11-27 08:00:00"
    assert moment in line
    render_next_times([{**DAILY, "watch": shown}])
    assert ("listed" in capsys.readouterr().out) == (shown["error"] is None and shown["last_polled_at"] is not None)


def test_a_workflow_is_shown_with_its_watch_and_its_schedules(capsys: pytest.CaptureFixture[str]) -> None:
    stored: dict[str, Any] = {
        **{"name": "news", "version": 1, "latest": 1, "updated_at": "2026-11-26T00:00:00.000Z", "file": None},
        **{"webhook_url": "https://x", "calls": [], "called_by": [], "paused": None},
    }
    polled = {"last_polled_at": "2026-11-27T08:05:00Z", "error": None, "listed": 30, "started": 2}
    watch = {**polled, "left_over": 0, "waiting": 0, "kept": 9, "forgotten": 0}
    watching = {**ONCE, "every": "5m", "skipped": 0, "watch": watch}
    del watching["at"]
    describe_stored({**stored, "schedules": [DAILY, watching]}, 1)
    lines = [line.strip() for line in capsys.readouterr().err.splitlines()]
    assert {"schedule  0 9 * * MON-FRI Europe/Berlin", "watch     every 5m: 30 listed, 2 new"} <= {*lines}


def test_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    late = {**ONCE, "skipped": 0, "delayed_since": "2026-11-27T08:00:00Z"}
    resting = {**ONCE, "paused": True, "skipped": 0, "missed": 1}
    render_schedules([{**DAILY, "workflow_paused": {"on_trigger": "refuse", "all": True}}, resting, late])
    lines = [line.split("  ") for line in capsys.readouterr().out.splitlines()]
    cells = [[cell.strip() for cell in line if cell.strip()] for line in lines]
    assert cells[1:] == [
        [
            "digest",
            "1",
            "0 9 * * MON-FRI Europe/Berlin",
            "2026-11-30 09:00:00+01:00",
            "2026-11-30 08:00:00",
            "2026-11-27 08:00:00",
            "its workflow is paused, 2 skipped",
        ],
        ["digest", "2", "at 2026-11-01T10:00 UTC", "-", "-", "-", "paused, 1 missed"],
        ["digest", "2", "at 2026-11-01T10:00 UTC", "-", "-", "-", "delayed since 2026-11-27 08:00:00"],
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
