"""Proves that a workflow may keep inputs to be tried with, which are no part of what it does."""

from typing import Any

import pytest

from arcrun.interruptible import run_steps
from arcrun.limits import MAX_EXAMPLE_NAME_CHARACTERS, MAX_EXAMPLES
from arcrun.workflows.diff import have_same_meaning_in_steps
from arcrun.workflows.triggers.examples import read_examples
from fakes.flows import compile_source, diagnose, flow_of

LINES = ["input >> PIPE >> a"]
MANY = {f"e{i}": i for i in range(MAX_EXAMPLES)}


@pytest.mark.parametrize(
    "examples",
    [
        pytest.param({}, id="none"),
        pytest.param(
            {"busy": {"name": " ada "}, "nothing": None, "a list": [1], "早上": "{{no.template}}"}, id="any value"
        ),
        pytest.param(MANY, id="as many as may be"),
        pytest.param({"x" * MAX_EXAMPLE_NAME_CHARACTERS: 1}, id="a long name"),
    ],
)
def test_examples_change_nothing_of_the_plan(examples: Any) -> None:
    with_examples = compile_source(flow_of(*LINES, examples=examples))
    assert with_examples.plan == compile_source(flow_of(*LINES)).plan
    assert read_examples(flow_of(*LINES, examples=examples)) == examples


@pytest.mark.parametrize(
    ("examples", "message"),
    [
        pytest.param([{"name": "Ada"}], "`examples` must be a mapping of inputs by name", id="a list"),
        pytest.param({**MANY, "more": 1}, f"there are {MAX_EXAMPLES + 1} examples", id="too many"),
        pytest.param({"x" * (MAX_EXAMPLE_NAME_CHARACTERS + 1): 1}, "the name of an example", id="too long a name"),
        pytest.param({"": 1}, "the name of an example", id="no name"),
    ],
)
def test_what_are_no_examples_is_said(examples: Any, message: str) -> None:
    [found] = diagnose(flow_of(*LINES, examples=examples))
    assert found.code == "INVALID_EXAMPLE"
    assert message in found.message


def test_another_example_makes_no_other_workflow() -> None:
    text = 'name: w\nflow: ["input >> PIPE >> a"]\n'

    def are_same(one: str, other: str) -> bool:
        return run_steps(have_same_meaning_in_steps(one, other))

    assert are_same(text, text + "examples: {busy: {name: Ada}}\n")
    assert are_same(text + "examples: {busy: 1}\n", text + "examples: {busy: 2}\n")
    assert not are_same(text, text + "description: examples\n")


@pytest.mark.parametrize("source", ["examples: [", "- examples", "examples: 7", "", {"examples": []}])
def test_what_cannot_be_read_has_no_examples(source: Any) -> None:
    assert read_examples(source) == {}
