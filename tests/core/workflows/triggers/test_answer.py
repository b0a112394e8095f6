"""`answer` of a webhook: what is taken, what it means for durable workflows and others, and what is refused."""

from typing import Any

import pytest

from arcrun.limits import MAX_ANSWER_WAIT_MS
from arcrun.workflows.compile import require_plan
from arcrun.workflows.plan import LASTING_FORMAT, load_plan
from arcrun.workflows.triggers.model import DEFAULT_WAIT_MS
from fakes.flows import compile_source, diagnose, flow_of


def source_with(answer: Any, *, durable: bool = True) -> dict[str, Any]:
    return {**flow_of("input >> PIPE >> a"), "durable": durable, "triggers": {"webhook": {"answer": answer}}}


@pytest.mark.parametrize(
    ("answer", "of_durable", "of_quick"),
    [
        pytest.param("accepted", 0, 0, id="at once"),
        pytest.param("wait", DEFAULT_WAIT_MS, None, id="the end"),
        pytest.param({"wait": "10s"}, 10_000, 10_000, id="a time"),
        pytest.param({"wait": "250ms"}, 250, 250, id="a short time"),
        pytest.param({"wait": "1m"}, MAX_ANSWER_WAIT_MS, MAX_ANSWER_WAIT_MS, id="the longest"),
    ],
)
def test_what_it_means(answer: Any, of_durable: int | None, of_quick: int | None) -> None:
    for durable, expected in ((True, of_durable), (False, of_quick)):
        plan = require_plan(compile_source(source_with(answer, durable=durable)))
        assert plan.triggers.webhook.wait_ms == expected
        assert (load_plan(plan.to_json()), plan.format == LASTING_FORMAT) == (plan, expected is not None)


@pytest.mark.parametrize(
    "answer",
    [
        "later",
        True,
        10,
        None,
        {},
        {"wait": 10},
        {"wait": "10"},
        {"wait": "0s"},
        {"wait": "61s"},
        {"wait": "1s", "x": 1},
    ],
)
def test_what_is_refused(answer: Any) -> None:
    [found] = diagnose(source_with(answer))
    assert (found.code, found.message) == (
        "INVALID_SETTING",
        "`answer` must be accepted, wait, or a wait of at most 60s",
    )
    assert found.hint == "For example: answer: {wait: 10s}."
