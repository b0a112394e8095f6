"""`failure_of`: what is taken, what is refused, and what is stored of it."""

import json
from typing import Any

import pytest

from arcrun.limits import MAX_FAILURES_OF
from arcrun.workflows.compile import require_plan
from arcrun.workflows.plan import STARTING_FORMAT, load_plan
from arcrun.workflows.triggers.failures import FailureTrigger
from fakes.flows import compile_source, diagnose, flow_of


def source_with(failure_of: Any) -> dict[str, Any]:
    return {**flow_of("input >> PIPE >> a"), "triggers": {"failure_of": failure_of}}


@pytest.mark.parametrize(
    ("written", "expected", "pause_ms"),
    [
        (["orders", "billing", "orders"], FailureTrigger(("orders", "billing")), 600_000),
        ("*", FailureTrigger(("*",)), 600_000),
        ("orders", FailureTrigger(("orders",)), 600_000),
        ({"workflows": "*", "at_most": "1 per  1h"}, FailureTrigger(("*",), "1 per 1h"), 3_600_000),
        ({"workflows": ["orders"]}, FailureTrigger(("orders",)), 600_000),
    ],
)
def test_what_is_taken_survives_storage(written: Any, expected: FailureTrigger, pause_ms: int) -> None:
    plan = require_plan(compile_source(source_with(written)))
    assert plan.triggers.failure_of == expected
    assert expected.pause_ms == pause_ms
    stored = json.loads(json.dumps(plan.to_json()))
    assert (load_plan(stored), stored["format"]) == (plan, STARTING_FORMAT)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ([], "must be a list"),
        (None, "must be a list"),
        (["*", "orders"], "must be a list"),
        ([1], "must be a list"),
        ([""], "must be a list"),
        (["w"] * (MAX_FAILURES_OF + 1), "must be a list"),
        ({"at_most": "1 per 10m"}, "must be a list"),
        ({"workflows": ["w"], "at_most": "2 per 10m"}, "must be 1 per a duration"),
        ({"workflows": ["w"], "at_most": "1 per 10s"}, "must be 1 per a duration"),
        ({"workflows": ["w"], "at_most": 10}, "must be 1 per a duration"),
        ({"workflows": ["w"], "at_mst": "1 per 10m"}, "unknown key"),
    ],
)
def test_what_is_refused(written: Any, message: str) -> None:
    [found] = diagnose(source_with(written))
    assert message in found.message, found


def test_names_that_are_not_stored_are_told() -> None:
    found = diagnose(source_with(["ordres", "w", "billing"]), workflows=["orders", "billing"])
    assert [(each.code, each.severity, each.message) for each in found] == [
        ("UNKNOWN_WORKFLOW", "warning", "`failure_of` names `ordres`, which is not stored"),
        ("UNKNOWN_WORKFLOW", "warning", "`failure_of` names `w` itself, whose failures never start it"),
    ]
    assert "orders" in found[0].hint
    assert diagnose(source_with("*"), workflows=[]) == diagnose(source_with(["x"])) == []


def test_a_circle_through_others_is_warned_of() -> None:
    source = {**flow_of("input >> PIPE >> a"), "triggers": {"failure_of": ["ship"]}}
    [found] = diagnose(source, failure_circle=["w", "ship", "w"])
    assert (found.code, found.severity) == ("FAILURE_CYCLE", "warning")
    assert found.message.endswith(": `w` after `ship` after `w`")
    assert "RUN_TOO_DEEP" in found.hint
