"""`after`: what is taken, what is refused, what is stored of it, and how circles are found."""

import json
from typing import Any

import pytest

from arcrun.limits import MAX_AFTER
from arcrun.workflows.compile import require_plan
from arcrun.workflows.plan import STARTING_FORMAT, load_plan
from arcrun.workflows.triggers.after import find_circle
from fakes.flows import compile_source, diagnose, flow_of


def source_with(after: Any) -> dict[str, Any]:
    return {**flow_of("input >> PIPE >> a"), "triggers": {"after": after}}


@pytest.mark.parametrize(
    ("written", "expected"),
    [(["orders", "billing", "orders"], ("orders", "billing")), ("orders", ("orders",))],
)
def test_what_is_taken_survives_storage(written: Any, expected: tuple[str, ...]) -> None:
    plan = require_plan(compile_source(source_with(written)))
    assert plan.triggers.after == expected
    assert plan.triggers.starts_itself
    stored = json.loads(json.dumps(plan.to_json()))
    assert (load_plan(stored), stored["format"]) == (plan, STARTING_FORMAT)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ([], "must be a list"),
        (None, "must be a list"),
        ([1], "must be a list"),
        ([""], "must be a list"),
        ({"workflows": ["orders"]}, "must be a list"),
        (["w"] * (MAX_AFTER + 1), "must be a list"),
        ("*", "would make circles"),
        (["orders", "*"], "would make circles"),
    ],
)
def test_what_is_refused(written: Any, message: str) -> None:
    [found] = diagnose(source_with(written))
    assert (found.code, found.severity) == ("INVALID_SETTING", "error")
    assert message in found.message, found


def test_names_that_are_not_stored_are_told() -> None:
    [found] = diagnose(source_with(["ordres", "billing"]), workflows=["orders", "billing"])
    assert (found.code, found.severity) == ("UNKNOWN_WORKFLOW", "warning")
    assert found.message == "`after` names `ordres`, which is not stored"
    assert "orders" in found.hint
    assert diagnose(source_with(["x"])) == []


def test_a_circle_is_refused_with_its_way() -> None:
    [found] = diagnose(source_with(["w"]))
    assert (found.code, found.message) == ("AFTER_CYCLE", "the workflow follows itself: `w` after `w`")
    [found] = diagnose(source_with(["b"]), circle=["w", "b", "c", "w"])
    assert (found.code, found.severity) == ("AFTER_CYCLE", "error")
    assert found.message.endswith("`w` after `b` after `c` after `w`")


@pytest.mark.parametrize(
    ("follows", "expected"),
    [
        pytest.param([], [], id="nobody else"),
        pytest.param([("b", "a")], ["a", "b", "a"], id="two"),
        pytest.param([("b", "x"), ("b", "c"), ("c", "a")], ["a", "b", "c", "a"], id="three"),
        pytest.param([("b", "c"), ("c", "d"), ("d", "b")], [], id="a circle of others"),
        pytest.param([("a", "a"), ("x", "a")], [], id="what it was before does not count"),
    ],
)
def test_circles_are_found(follows: list[tuple[str, str]], expected: list[str]) -> None:
    assert find_circle("a", ["b"], follows) == expected
