"""`schedule`: what is taken, what is refused, what is stored of it, and the keys of equal times."""

import json
from typing import Any

import pytest

from arcrun.limits import MAX_SCHEDULE_INPUT_BYTES, MAX_SCHEDULES
from arcrun.workflows.compile import require_plan
from arcrun.workflows.plan import STARTING_FORMAT, load_plan
from arcrun.workflows.triggers.schedules import CatchUp, Overlap, Schedule, Timing, keys_of
from fakes.flows import compile_source, diagnose, flow_of


def source_with(*schedules: Any, **triggers: Any) -> dict[str, Any]:
    return {**flow_of("input >> PIPE >> a"), "triggers": {"schedule": [*schedules], **triggers}}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({"cron": " 0 9 * * MON-FRI "}, Schedule(Timing.CRON, "0 9 * * MON-FRI")),
        ({"cron": "@daily", "zone": "Europe/Berlin"}, Schedule(Timing.CRON, "@daily", "Europe/Berlin")),
        ({"every": "15m"}, Schedule(Timing.EVERY, "15m")),
        ({"at": "2026-12-24T18:00"}, Schedule(Timing.AT, "2026-12-24T18:00")),
        ({"at": "2026-12-24 18:00:00+01:00"}, Schedule(Timing.AT, "2026-12-24 18:00:00+01:00")),
        (
            {"every": "1d", "input": {"kind": "daily"}, "catch_up": "all", "overlap": "queue", "jitter": "30s"},
            Schedule(Timing.EVERY, "1d", "UTC", {"kind": "daily"}, CatchUp.ALL, Overlap.QUEUE, 30_000),
        ),
    ],
)
def test_what_is_taken_survives_storage(written: dict[str, Any], expected: Schedule) -> None:
    plan = require_plan(compile_source(source_with(written, {"every": "1h"}, webhook={"methods": ["GET"]})))
    assert plan.triggers.schedules == (expected, Schedule(Timing.EVERY, "1h"))
    stored = json.loads(json.dumps(plan.to_json()))
    assert (load_plan(stored), stored["format"]) == (plan, STARTING_FORMAT)
    assert Schedule.load(expected.rules_to_json()) == Schedule(
        expected.timing, expected.value, expected.zone, None, expected.catch_up, expected.overlap, expected.jitter_ms
    )


@pytest.mark.parametrize(
    ("written", "code", "message"),
    [
        ({}, "INVALID_SETTING", "needs exactly one of cron, every and at"),
        ({"cron": "0 9 * * *", "every": "1h"}, "INVALID_SETTING", "needs exactly one of cron, every and at"),
        ({"cron": "0 9 * *"}, "INVALID_SETTING", "must have five fields"),
        ({"cron": 9}, "INVALID_SETTING", "must have five fields"),
        ({"cron": "* " * 150}, "INVALID_SETTING", "more than 200 characters"),
        ({"every": "59s"}, "INVALID_SETTING", "must be a duration from 1m to 366d"),
        ({"every": "367d"}, "INVALID_SETTING", "must be a duration from 1m to 366d"),
        ({"every": 15}, "INVALID_SETTING", "must be a duration from 1m to 366d"),
        ({"at": "tomorrow"}, "INVALID_SETTING", "must be a date and a time of day"),
        ({"at": "2026-12-24T18:00:30"}, "INVALID_SETTING", "must be a date and a time of day"),
        ({"at": "2026-12-24T18:00Z", "zone": "Europe/Berlin"}, "INVALID_SETTING", "one zone too many"),
        ({"every": "1h", "zone": "Europe/Berlin"}, "INVALID_SETTING", "has no effect"),
        ({"cron": "0 9 * * *", "zone": 1}, "INVALID_SETTING", "must be a zone"),
        ({"every": "1h", "catch_up": "some"}, "INVALID_SETTING", "catch_up` must be one of none, one, all"),
        ({"every": "1h", "overlap": "stop"}, "INVALID_SETTING", "overlap` must be one of skip, queue, allow"),
        ({"every": "1h", "jitter": "2h"}, "INVALID_SETTING", "at most 60m"),
        ({"every": "1h", "jitter": 5}, "INVALID_SETTING", "at most 60m"),
        ({"every": "1h", "input": "x" * MAX_SCHEDULE_INPUT_BYTES}, "INVALID_SETTING", "has more than 16384 bytes"),
        ({"every": "1h", "input": {"a": "{{run.id}}"}}, "INVALID_SETTING", "no template in it is filled in"),
        ({"every": "1h", "catch_up": "all"}, "INVALID_SETTING", "skips all but the first"),
        ({"every": "1h", "evry": "1h"}, "UNKNOWN_KEY", "evry"),
        ("0 9 * * *", "INVALID_SETTING", ""),
    ],
)
def test_what_is_refused(written: Any, code: str, message: str) -> None:
    [found] = diagnose(source_with(written))
    assert (found.code, message in found.message) == (code, True), found


def test_a_single_moment_has_no_others_to_skip() -> None:
    source = {
        **flow_of("input >> PIPE >> a"),
        "triggers": {"schedule": [{"at": "2040-01-01T00:00", "catch_up": "all"}]},
    }
    assert diagnose(source) == []


@pytest.mark.parametrize("value", [{"every": "1h"}, [], [{"every": "1h"}] * (MAX_SCHEDULES + 1), "1h", None])
def test_a_list_is_needed(value: Any) -> None:
    [found] = diagnose({**flow_of("input >> PIPE >> a"), "triggers": {"schedule": value}})
    assert (found.code, "must be a list of 1 to 20" in found.message) == ("INVALID_SETTING", True)


def test_what_the_component_finds_is_told_at_its_schedule() -> None:
    text = "name: w\nflow: [input >> PIPE >> a]\ntriggers:\n  schedule:\n    - every: 1h\n    - cron: 61 9 * * *\n"
    [found] = diagnose(text, schedule_problems={1: "minute: no"})
    assert (found.code, found.message, found.line) == ("INVALID_SETTING", "minute: no", 6)


def test_a_key_stays_while_the_times_do() -> None:
    first, second = Schedule(Timing.CRON, "0 9 * * *"), Schedule(Timing.CRON, "0  9 * * *", overlap=Overlap.ALLOW)
    assert keys_of([first]) == keys_of([second])
    assert len({*keys_of([first, second, Schedule(Timing.CRON, "0 9 * * *", "Asia/Tokyo")])}) == 3


def test_the_trigger_of_the_request_is_a_field_that_templates_read() -> None:
    assert diagnose({**source_with({"every": "1h"}), "config": {"a": {"x": "{{request.trigger.due_at}}"}}}) == []
