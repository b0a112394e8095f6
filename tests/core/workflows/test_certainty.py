"""Which references are reported as possibly missing, and which flows as having an unclear answer."""

import pytest

from arcrun.workflows.diagnostics import Severity
from fakes.flows import diagnose, text_of

FORK = ("input >> PIPE >> a", "a >> ON_TRUE >> yes", "a >> ON_FALSE >> no", "yes >> PIPE >> d", "no >> PIPE >> d")
TRIANGLE = ("input >> PIPE >> a", "a >> PIPE >> d", "a >> ON_TRUE >> b", "b >> PIPE >> d")
TOGETHER = (
    "input >> PIPE >> a",
    "a >> ON_TRUE >> p",
    "a >> ON_TRUE >> q",
    "p >> PIPE >> m",
    "q >> PIPE >> m",
)
HANDLED = ("input >> PIPE >> a", "a >> ON_FAIL >> alarm", "a >> PIPE >> b", "alarm >> PIPE >> c", "b >> PIPE >> c")
BODY = ("input >> FOREACH x IN input.xs >> a", "a >> ON_TRUE >> b", "a >> PIPE >> c", "b >> PIPE >> c")
PAIR = ("input >> PIPE >> a", "input >> PIPE >> b", "a >> PIPE >> c", "b >> PIPE >> c")
EXHAUSTED = ("input >> PIPE >> a", "a >> ON_TRUE >> z", "a >> ON_FALSE >> z", "a >> PIPE >> d", "z >> PIPE >> d")
REPLACED = ("input >> PIPE >> g", "g >> PIPE >> d", "g >> ON_FAIL >> h", "h >> PIPE >> d")
ALARMS = ("input >> PIPE >> a", "a >> PIPE >> b", "a >> ON_FAIL >> alarm", "b >> ON_FAIL >> alarm")
EITHER = ("input >> IF(input.x) >> a", "input >> IF(!(input.x)) >> b", "a >> PIPE >> c", "b >> PIPE >> c")


def warnings(lines: tuple[str, ...], node: str, reference: str) -> list[str]:
    found = diagnose(
        text_of(
            *lines,
            "CHANGED >> PIPE >> output".replace("CHANGED", node),
            config=f"  {node}: {{v: '{{{{{reference}}}}}'}}\n",
        )
    )
    assert {(d.code, d.severity) for d in found} <= {("UNRESOLVED_REFERENCE", Severity.WARNING)}
    return [d.message for d in found]


@pytest.mark.parametrize(
    ("lines", "node", "reference"),
    [
        pytest.param(FORK, "d", "a.data.x", id="before the fork"),
        pytest.param(FORK, "yes", "a.data.x", id="in the fork"),
        pytest.param(FORK, "d", "yes.data.x?", id="optional"),
        pytest.param(FORK, "d", 'yes.data.x | default("y")', id="with a default"),
        pytest.param(TRIANGLE, "b", "a.data.x", id="before a side branch"),
        pytest.param(TOGETHER, "m", "p.data.x", id="two that run together"),
        pytest.param(TOGETHER, "m", "q.data.x", id="the other of them"),
        pytest.param(HANDLED, "b", "a.data.x", id="after its success"),
        pytest.param(HANDLED, "alarm", "a.error.code", id="its error after its failure"),
        pytest.param(BODY, "c", "a.data.x", id="in a body"),
        pytest.param(PAIR, "c", "a.data.x", id="two that always run"),
        pytest.param(HANDLED, "c", "a.success", id="whether what has run has succeeded"),
        pytest.param(HANDLED, "c", "a", id="all of what has run"),
        pytest.param(EXHAUSTED, "d", "z.data.x", id="true and false lead to the same"),
        pytest.param(REPLACED, "d", "h.data.x | default(g.data.x)", id="a default that is read if need be"),
    ],
)
def test_a_reference_that_is_certain(lines: tuple[str, ...], node: str, reference: str) -> None:
    assert warnings(lines, node, reference) == []


@pytest.mark.parametrize(
    ("lines", "node", "head"),
    [
        pytest.param(FORK, "d", "yes", id="one branch of two"),
        pytest.param(TRIANGLE, "d", "b", id="a side branch"),
        pytest.param(HANDLED, "c", "b", id="what a failure skips"),
        pytest.param(HANDLED, "c", "a", id="what may have failed"),
        pytest.param(HANDLED, "c", "alarm", id="a handler"),
        pytest.param(HANDLED, "alarm", "a", id="the data of what has failed"),
        pytest.param(BODY, "c", "b", id="a branch in a body"),
        pytest.param(EITHER, "c", "a", id="a condition on the trigger"),
    ],
)
def test_a_reference_that_may_find_nothing(lines: tuple[str, ...], node: str, head: str) -> None:
    what = "has failed" if (node, head) == ("alarm", "a") else "may have been skipped or have failed"
    assert warnings(lines, node, f"{head}.data.x") == [f"{{{{{head}.data.x}}}}: `{head}` {what} when `{node}` runs"]


@pytest.mark.parametrize(
    ("lines", "node", "reference", "what"),
    [
        pytest.param(FORK, "d", "yes", "may have been skipped", id="all of a branch"),
        pytest.param(FORK, "d", "yes.success", "may have been skipped", id="whether a branch has succeeded"),
        pytest.param(HANDLED, "b", "a.error.code", "has not failed", id="the error of what has succeeded"),
        pytest.param(HANDLED, "c", "a.error.code", "may not have failed", id="the error of what may have succeeded"),
        pytest.param(ALARMS, "alarm", "a.error.code", "may not have failed", id="the error of one of two"),
        pytest.param(
            (
                *FORK[:2],
                "yes >> FOREACH x IN yes.data.xs >> e",
                "yes >> CONTINUE >> f",
                "a >> PIPE >> g",
                "f >> PIPE >> g",
            ),
            "g",
            "x.results",
            None,
            id="the results of a loop that may not have run",
        ),
    ],
)
def test_what_else_may_not_be_there(lines: tuple[str, ...], node: str, reference: str, what: str | None) -> None:
    head = reference.partition(".")[0] if what else "yes"
    what = what or "may have been skipped or have failed"
    assert warnings(lines, node, reference) == [f"{{{{{reference}}}}}: `{head}` {what} when `{node}` runs"]


def unclear(*lines: str) -> bool:
    found = diagnose(text_of(*lines))
    assert {(d.code, d.severity) for d in found} <= {("AMBIGUOUS_ANSWER", Severity.WARNING)}
    return bool(found)


CHAIN = ("input >> PIPE >> a", "a >> PIPE >> b")


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(CHAIN, id="a chain"),
        pytest.param((*CHAIN, "a >> ON_FAIL >> alarm"), id="a handler"),
        pytest.param((*CHAIN, "b >> ON_FAIL >> alarm"), id="a handler of the last"),
        pytest.param((*CHAIN, "a >> PIPE >> c"), id="two that always run"),
        pytest.param((*CHAIN, "a >> PIPE >> c", "b >> ON_FAIL >> alarm"), id="two, and a handler"),
        pytest.param(ALARMS, id="one handler of two"),
        pytest.param((*ALARMS, "alarm >> PIPE >> log"), id="one handler of two, and what follows it"),
        pytest.param(
            ("input >> PIPE >> a", "a >> IF(input.x == 'p') >> b", "a >> IF(input.x == 'q') >> c"), id="two texts"
        ),
        pytest.param(
            ("input >> PIPE >> a", "a >> IF(input.x == 'p') >> b", "a >> IF(input.x != 'p') >> c"), id="is, and is not"
        ),
        pytest.param(
            ("input >> PIPE >> a", "a >> IF(input.n < `5`) >> b", "a >> IF(input.n >= `5`) >> c"), id="less, or not"
        ),
        pytest.param(
            ("input >> PIPE >> a", "a >> ON_BRANCH(true) >> b", "a >> ON_FALSE >> c"), id="a branch named true"
        ),
        pytest.param(
            ("input >> PIPE >> a", "a >> IF(a.data.result) >> b", "a >> ON_FALSE >> c"), id="the result itself"
        ),
        pytest.param((*FORK[:3], "yes >> PIPE >> output", "no >> PIPE >> output"), id="one of two that are named"),
        pytest.param((*CHAIN, "a >> PIPE >> output", "b >> PIPE >> output"), id="two that are named and always run"),
        pytest.param(("input >> PIPE >> a", "a >> ON_TRUE >> b", "a >> ON_FALSE >> c"), id="true and false"),
        pytest.param(("input >> PIPE >> a", "a >> BRANCH(x) >> b", "a >> BRANCH(y) >> c"), id="branches"),
        pytest.param(("input >> PIPE >> a", "a >> IF(a.data.x) >> b", "a >> IF(!(a.data.x)) >> c"), id="a negation"),
        pytest.param(("input >> PIPE >> a", "a >> IF(a.data.x) >> b"), id="one condition"),
        pytest.param(FORK, id="a fork that joins"),
        pytest.param((*CHAIN, "a >> IF(a.data.x) >> c", "b >> PIPE >> output"), id="an answer that is named"),
        pytest.param(("input >> PIPE >> a", "a >> FOREACH x IN a.data.xs >> b"), id="a loop"),
        pytest.param(("input >> PIPE >> a", "a >> FOREACH x IN a.data.xs >> b", "a >> CONTINUE >> c"), id="after it"),
    ],
)
def test_an_answer_that_is_clear(lines: tuple[str, ...]) -> None:
    assert not unclear(*lines)


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param((*CHAIN, "a >> IF(a.data.x) >> c"), id="a side branch by a condition"),
        pytest.param((*CHAIN, "a >> ON_TRUE >> c"), id="a side branch"),
        pytest.param(("input >> PIPE >> a", "a >> IF(a.data.x) >> b", "a >> IF(a.data.y) >> c"), id="two conditions"),
        pytest.param((*CHAIN, "input >> IF(input.x) >> c"), id="a side branch of the trigger"),
        pytest.param(
            (*CHAIN, "a >> IF(input.x) >> c", "b >> PIPE >> output", "c >> PIPE >> output"), id="two that are named"
        ),
        pytest.param(
            ("input >> FOREACH x IN input.xs >> a", "a >> PIPE >> b", "a >> ON_TRUE >> c"), id="within a loop's body"
        ),
    ],
)
def test_an_answer_that_is_unclear(lines: tuple[str, ...]) -> None:
    assert unclear(*lines)
