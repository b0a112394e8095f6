"""What the checker says of joins and of lines to `stop` and `break`, and what it takes for certain behind them."""

import itertools
from functools import reduce
from operator import and_, or_
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arcrun.workflows.joins import hold_whichever
from arcrun.workflows.model import BREAK, STOP, Join
from arcrun.workflows.plan import SHAPES_FORMAT, load_plan
from arcrun.workflows.relations import Relation
from fakes.contracts import build_network_contract
from fakes.flows import diagnose, flow_of, plan_of

OUTSIDE = build_network_contract("e.test", input_schema={"type": "object"}, output_schema={"type": "object"})
HTTP = build_network_contract(
    "e.test",
    input_schema={"type": "object", "properties": {"method": {"type": "string"}, "body": {"type": "string"}}},
    output_schema={"type": "object"},
)
RACE = ["input >> PIPE >> a", "input >> PIPE >> b", "a >> PIPE >> j", "b >> PIPE >> j"]
JOINED = ["b >> PIPE >> j", "c >> PIPE >> j"]
THREE = [*RACE, "input >> PIPE >> c", "c >> PIPE >> j"]
LOOPS = ["input >> PIPE >> l", "l >> FOREACH x IN input.x >> a", "l >> FOREACH y IN input.y >> b"]


def found(lines: list[str], join: Any = None, contracts: Any = None, **config: Any) -> list[tuple[str, str]]:
    """The codes and severities. `join` is the entry of `j`."""
    entries = {**config, **({"j": join} if join is not None else {})}
    return [(it.code, it.severity.value) for it in diagnose(flow_of(*lines, config=entries), contracts)]


@pytest.mark.parametrize(
    ("written", "join"),
    [
        pytest.param({"join": "any"}, None, id="any"),
        pytest.param({}, None, id="none"),
        pytest.param({"join": "all"}, Join(None), id="all"),
        pytest.param({"join": "first"}, Join(1), id="first"),
        pytest.param({"join": "first", "cancel_rest": True}, Join(1, True), id="first, which cancels"),
        pytest.param({"join": {"at_least": 2}, "cancel_rest": False}, Join(2), id="two"),
    ],
)
def test_a_join_is_planned_and_stored(written: Any, join: Join | None) -> None:
    plan = plan_of(*RACE, j=written)
    [node] = [node for node in plan.nodes if node.name == "j"]
    assert (node.join, load_plan(plan.to_json())) == (join, plan)
    assert (plan.format == SHAPES_FORMAT, "join" in plan.to_json()["graph"]["nodes"][2]) == (join is not None,) * 2


def test_lines_to_stop_and_break_are_planned_and_stored() -> None:
    plan = plan_of("input >> IF(input.x) >> stop", *LOOPS, "a >> ON_TRUE >> break", "b >> ON_FAIL >> stop")
    written = [[(it.name, it.edge.relation) for it in loop.body.endings] for loop in plan.graph.loops]
    assert [(it.name, it.edge.relation) for it in plan.graph.endings] == [(STOP, Relation.IF)]
    assert written == [[(BREAK, Relation.ON_TRUE)], [(STOP, Relation.ON_FAIL)]]
    assert (load_plan(plan.to_json()), plan.format) == (plan, SHAPES_FORMAT)
    assert plan_of(*LOOPS, "a >> ON_TRUE >> break").format == SHAPES_FORMAT


@pytest.mark.parametrize(
    ("lines", "join", "expected"),
    [
        pytest.param(RACE, {"join": "some"}, [("INVALID_SETTING", "error")], id="another word"),
        pytest.param(RACE, {"join": 2}, [("INVALID_SETTING", "error")], id="a number"),
        pytest.param(RACE, {"join": {"at_least": 0}}, [("INVALID_SETTING", "error")], id="none"),
        pytest.param(RACE, {"join": {}}, [("INVALID_SETTING", "error")], id="no number"),
        pytest.param(RACE, {"join": {"at_least": 1, "x": 1}}, [("UNKNOWN_KEY", "error")], id="another key"),
        pytest.param(RACE, {"join": "first", "cancel_rest": "yes"}, [("INVALID_SETTING", "error")], id="a word"),
        pytest.param(RACE, {"cancel_rest": True}, [("INVALID_SETTING", "error")], id="nothing to cancel, any"),
        pytest.param(RACE, {"join": "all", "cancel_rest": True}, [("INVALID_SETTING", "error")], id="nothing, all"),
        pytest.param(RACE, {"join": {"at_least": 3}}, [("INVALID_JOIN", "error")], id="more than there are"),
        pytest.param([*RACE, RACE[2]], {"join": {"at_least": 3}}, [("INVALID_JOIN", "error")], id="one line twice"),
        pytest.param(THREE, {"join": {"at_least": 3}}, [], id="as many as there are"),
        pytest.param(RACE[::2], {"join": "first"}, [("INVALID_JOIN", "warning")], id="a single line"),
        pytest.param(
            ["input >> PIPE >> a", "a >> ON_TRUE >> j", "a >> ON_FALSE >> j"],
            {"join": "all"},
            [("INVALID_JOIN", "error")],
            id="true and false",
        ),
        pytest.param(
            ["input >> PIPE >> a", "a >> PIPE >> j", "a >> ON_FAIL >> j"],
            {"join": "all"},
            [("INVALID_JOIN", "error")],
            id="success and failure",
        ),
        pytest.param(
            ["input >> PIPE >> a", "a >> ON_TRUE >> j", "a >> ON_FAIL >> j"], {"join": "first"}, [], id="one of two"
        ),
        *[
            pytest.param(["input >> PIPE >> a", *lines], {"join": join}, [("INVALID_JOIN", "error")] * wrong, id=said)
            for lines, join, wrong, said in (
                (["a >> ON_TRUE >> j", "a >> ON_FALSE >> j"], {"at_least": 2}, 1, "two of true and false"),
                (["a >> ON_TRUE >> j", "a >> ON_FALSE >> j", "a >> PIPE >> j"], {"at_least": 2}, 0, "one, and both"),
                (["a >> ON_TRUE >> j", "a >> ON_FALSE >> j", "a >> PIPE >> j"], {"at_least": 3}, 1, "all of these"),
                (["a >> ON_TRUE >> b", "a >> ON_FALSE >> c", *JOINED], {"at_least": 2}, 1, "behind true and false"),
                (["a >> ON_TRUE >> b", "a >> ON_FALSE >> c", *JOINED], "all", 1, "all behind true and false"),
                (["a >> PIPE >> b", "a >> ON_FAIL >> c", *JOINED], "all", 1, "behind success and failure"),
                (
                    ["a >> IF(a.data.x || a.data.y && a.data.z) >> b", "a >> IF(!(a.data.z)) >> c", *JOINED],
                    "all",
                    0,
                    "or",
                ),
                (["a >> IF(a.data.x == 'p q') >> b", "a >> IF(!(a.data.x == 'pq')) >> c", *JOINED], "all", 0, "spaces"),
                (
                    ["a >> PIPE >> b", "a >> ON_FAIL >> c", *JOINED, "a >> PIPE >> j"],
                    {"at_least": 2},
                    0,
                    "with a third",
                ),
                (["a >> IF(a.data.x) >> b", "a >> IF(!(a.data.x)) >> c", *JOINED], "all", 1, "a negation"),
                (
                    ["a >> IF(a.data.x) >> b", "a >> IF(a.data.y) >> c", *JOINED],
                    "all",
                    0,
                    "conditions that may hold both",
                ),
                (["a >> IF(a.data.n > `1`) >> b", "a >> IF(a.data.n > `2`) >> c", *JOINED], "all", 0, "comparisons"),
                (["a >> ON_BRANCH(x) >> b", "a >> ON_BRANCH(y) >> c", *JOINED], "all", 1, "branches"),
                (["a >> ON_BRANCH(x) >> b", "a >> ON_TRUE >> c", *JOINED], "all", 0, "a branch and a result"),
                (
                    ["a >> PIPE >> b", "a >> PIPE >> c", "b >> ON_FAIL >> j", "c >> ON_FAIL >> j"],
                    "all",
                    0,
                    "two failures",
                ),
            )
        ],
        pytest.param(
            [*LOOPS, "l >> CONTINUE >> j", "input >> PIPE >> j"],
            {"join": "first"},
            [("INVALID_JOIN", "error")],
            id="two loops in one line",
        ),
        pytest.param([*LOOPS, "l >> CONTINUE(x) >> j", "l >> CONTINUE(y) >> j"], {"join": "first"}, [], id="each loop"),
    ],
)
def test_a_join_that_cannot_be(lines: list[str], join: Any, expected: list[tuple[str, str]]) -> None:
    assert found(lines, join) == expected


STOPPED = [("UNREACHABLE_NODE", "error")]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param(["a >> PIPE >> stop", "a >> PIPE >> b"], STOPPED, id="the same line"),
        pytest.param(["a >> PIPE >> stop", "a >> ON_TRUE >> b"], STOPPED, id="any line of success"),
        pytest.param(["a >> ON_TRUE >> stop", "a >> ON_TRUE >> b"], STOPPED, id="the same condition"),
        pytest.param(["a >> PIPE >> stop", "a >> FOREACH x IN a.data.x >> b"], STOPPED, id="a loop"),
        pytest.param(["a >> PIPE >> stop", "a >> ON_TRUE >> b", "b >> PIPE >> c"], STOPPED, id="and all behind it"),
        pytest.param(["a >> PIPE >> stop", "a >> ON_FAIL >> b"], [], id="a handler"),
        pytest.param(["a >> ON_TRUE >> stop", "a >> ON_FALSE >> b"], [], id="another condition"),
        pytest.param(["a >> ON_TRUE >> stop", "a >> PIPE >> b"], [], id="a wider one"),
        pytest.param(["a >> PIPE >> output", "a >> PIPE >> stop"], [], id="output"),
        pytest.param(["a >> PIPE >> stop", "a >> PIPE >> b", "input >> PIPE >> b"], [], id="another way"),
        pytest.param(["a >> PIPE >> break"], [("BREAK_OUTSIDE_LOOP", "error")], id="no loop to break"),
        pytest.param(["input >> ON_TRUE >> break"], [("BREAK_OUTSIDE_LOOP", "error")], id="the trigger"),
        pytest.param(["a >> FOREACH x IN a.data >> b", "b >> ON_TRUE >> break"], [], id="a loop"),
        pytest.param(["a >> FOREACH x IN a.data >> b", "a >> CONTINUE >> break"], [("BREAK_OUTSIDE_LOOP", "error")]),
        pytest.param(["a >> ON_TRUE >> stop", "stop >> PIPE >> b"], [("MALFORMED_LINE", "error")], id="after stop"),
        pytest.param(["a >> FOREACH x IN a.data >> stop"], [("MALFORMED_LINE", "error")], id="each to stop"),
        pytest.param(["a >> CALLS_SUBFLOW >> break"], [("MALFORMED_LINE", "error")], id="a workflow"),
        pytest.param(["a >> ON_FAIL >> stop"], [("ANSWER_SHOWS_ERROR", "warning")], id="the error is the answer"),
    ],
)
def test_lines_to_stop_and_break(lines: list[str], expected: list[tuple[str, str]]) -> None:
    assert found(["input >> PIPE >> a", *lines]) == expected


@pytest.mark.parametrize("name", [STOP, BREAK])
def test_a_step_of_that_name_keeps_its_meaning_where_it_has_an_entry(name: str) -> None:
    lines = ["input >> PIPE >> a", f"a >> PIPE >> {name}", f"{name} >> PIPE >> b"]
    entry = {name: {"component": "any"}}
    assert found(lines, **entry) == []
    assert [node.name for node in plan_of(*lines, **entry).nodes] == ["a", name, "b"]
    assert found(lines[:2], **{name: {}}) == []


@pytest.mark.parametrize(
    ("lines", "join", "racer", "warned"),
    [
        pytest.param(RACE, "first", OUTSIDE, True, id="a service"),
        pytest.param(RACE, {"at_least": 1}, OUTSIDE, True, id="one of them"),
        pytest.param(RACE, "all", OUTSIDE, False, id="no race"),
        pytest.param(RACE, "any", OUTSIDE, False, id="the default"),
        pytest.param([*RACE, "b >> PIPE >> c"], "first", OUTSIDE, False, id="needed elsewhere"),
        pytest.param(
            ["input >> PIPE >> b", "b >> PIPE >> a", "b >> PIPE >> j", "a >> PIPE >> j"], "first", OUTSIDE, False
        ),
        pytest.param([*RACE[:3], "b >> PIPE >> c", "c >> PIPE >> j"], "first", OUTSIDE, True, id="further away"),
    ],
)
def test_a_race_whose_loser_has_effects(lines: list[str], join: Any, racer: Any, warned: bool) -> None:
    expected = [("RACE_WITH_EFFECTS", "warning")] if warned else []
    assert found(lines, {"join": join}, {"b": racer}) == expected


EACH = ["input >> PIPE >> l", "l >> FOREACH x IN input.x >> b", "input >> PIPE >> a", "a >> PIPE >> j"]


@pytest.mark.parametrize(
    ("lines", "racing"),
    [
        pytest.param([*EACH, "l >> CONTINUE >> j"], "b", id="what a loop runs"),
        pytest.param([*EACH, "l >> CONTINUE >> c", "c >> PIPE >> j"], "b", id="a loop further away"),
        pytest.param([*EACH, "l >> CONTINUE >> j", "l >> CONTINUE >> c"], "", id="a loop that is needed elsewhere"),
        pytest.param([*EACH, "l >> CONTINUE >> j", "b >> ON_TRUE >> stop"], "", id="a loop that may stop the run"),
        pytest.param([*EACH, "l >> CONTINUE >> j", "b >> ON_TRUE >> break"], "b", id="a loop that may break"),
        pytest.param([*EACH, "b >> FOREACH y IN x >> d", "l >> CONTINUE >> j"], "bd", id="a loop in a loop"),
        pytest.param(
            ["input >> FOREACH x IN input.x >> b", "input >> CONTINUE >> j", "input >> PIPE >> a", "a >> PIPE >> j"],
            "b",
            id="a loop over the trigger",
        ),
        pytest.param(
            ["input >> PIPE >> l", "l >> FOREACH x IN input.x >> b", "l >> CONTINUE >> j", "l >> PIPE >> j"],
            "b",
            id="a loop beside its source",
        ),
        pytest.param(
            [*EACH[:2], "l >> CONTINUE >> a", "a >> PIPE >> j", "a >> ON_TRUE >> j"], "", id="a loop before all"
        ),
    ],
)
def test_a_loop_may_lose_a_race(lines: list[str], racing: str) -> None:
    contracts = dict.fromkeys("bd", OUTSIDE)
    told = [it for it in diagnose(flow_of(*lines, config={"j": {"join": "first"}}), contracts) if "race" in it.message]
    assert [(it.code, it.message.split("`")[1]) for it in told] == [("RACE_WITH_EFFECTS", name) for name in racing]


def test_a_called_workflow_may_have_effects() -> None:
    lines = [*RACE[:1], "input >> CALLS_SUBFLOW >> b", *RACE[2:]]
    config = {"b": {"workflow": "pay", "input": 1}, "j": {"join": "first"}}
    [told] = diagnose(flow_of(*lines, config=config), workflows=["pay"])
    message = "`b` may lose the race to `j`, and have its effect all the same, if `pay` has any"
    assert (told.code, told.severity, told.message) == ("RACE_WITH_EFFECTS", "warning", message)


@pytest.mark.parametrize(
    ("entry", "warned"),
    [
        pytest.param({}, False, id="a GET"),
        pytest.param({"method": "HEAD"}, False, id="a HEAD"),
        pytest.param({"method": "DELETE"}, True, id="a DELETE"),
        pytest.param({"method": "{{input.how}}"}, True, id="unknown"),
        pytest.param({"body": "x"}, True, id="a body"),
        pytest.param({"take": "input"}, True, id="taken"),
    ],
)
def test_a_request_that_only_reads_has_no_effects(entry: dict[str, str], warned: bool) -> None:
    expected = [("RACE_WITH_EFFECTS", "warning")] if warned else []
    assert found(RACE, {"join": "first"}, {"b": HTTP}, b=entry) == expected


UNSURE = [("UNRESOLVED_REFERENCE", "warning")]


@pytest.mark.parametrize(
    ("lines", "join", "read", "expected"),
    [
        pytest.param(RACE, None, "{{b.data}}", [], id="any, after both"),
        pytest.param(RACE, "first", "{{b.data}}", UNSURE, id="first"),
        pytest.param(RACE, "first", "{{b.data?}}", [], id="first, with ?"),
        pytest.param(RACE, {"at_least": 2}, "{{b.data}}", [], id="both"),
        pytest.param(THREE, {"at_least": 2}, "{{b.data}}", UNSURE, id="two of three"),
        pytest.param(["input >> PIPE >> r", "r >> PIPE >> a", "r >> PIPE >> b", *RACE[2:]], "first", "{{r.data}}", []),
        pytest.param([*RACE[:3], "b >> PIPE >> c", "c >> PIPE >> j", "c >> PIPE >> a"], "first", "{{c.data}}", []),
        pytest.param([*RACE[:2], "a >> ON_TRUE >> j", "b >> ON_TRUE >> j"], "all", "{{b.data}}", [], id="all"),
        pytest.param(
            [*RACE[:2], "a >> IF(a.data.x) >> c", "c >> PIPE >> j", "b >> PIPE >> j"], "all", "{{c.data}}", [], id="all"
        ),
        pytest.param(
            [*RACE[:2], "a >> IF(a.data.x) >> c", "c >> PIPE >> j", "b >> PIPE >> j"], None, "{{c.data}}", UNSURE
        ),
        pytest.param([*LOOPS[:2], "l >> CONTINUE >> j", "input >> PIPE >> j"], None, "{{x.results}}", [], id="a loop"),
        pytest.param([*LOOPS[:2], "l >> CONTINUE >> j", "input >> PIPE >> j"], "first", "{{x.results}}", UNSURE),
        pytest.param([*LOOPS[:2], "l >> CONTINUE >> j", "input >> PIPE >> j"], "first", "{{l.results}}", UNSURE),
        pytest.param([*LOOPS[:2], "l >> CONTINUE >> j", "l >> PIPE >> j"], "first", "{{l.data}}", []),
    ],
)
def test_what_is_certain_behind_a_join(lines: list[str], join: Any, read: str, expected: list[Any]) -> None:
    entry = {"seen": read, **({"join": join} if join else {})}
    led = [*lines, "j >> PIPE >> output"]
    assert found(led, entry) == expected
    behind = [*led, "j >> PIPE >> k"]
    assert found(behind, {"join": join} if join else {}, k={"seen": read}) == expected


def test_a_node_that_a_join_all_leads_to_is_not_certain() -> None:
    lines = [*RACE, "b >> PIPE >> c", "j >> ON_SUCCESS >> k", "c >> PIPE >> k"]
    assert found(lines, {}, k={"seen": "{{j.data}}"}) == []
    conditional = ["input >> IF(input.x) >> a", *lines[1:]]
    assert found(conditional, {}, k={"seen": "{{j.data}}"}) == []
    assert found(conditional, {"join": "all"}, k={"seen": "{{j.data}}"}) == UNSURE


@pytest.mark.parametrize(
    ("lines", "join", "warned"),
    [
        pytest.param(THREE, "all", True, id="perhaps two, perhaps the third"),
        pytest.param(THREE, "any", False, id="any"),
        pytest.param(RACE, "all", False, id="one of two alone"),
    ],
)
def test_what_a_join_does_not_follow_may_be_the_answer(lines: list[str], join: Any, warned: bool) -> None:
    conditional = [line.replace("input >> PIPE", f"input >> IF(input.{line[-1]}) ") for line in lines]
    expected = [("AMBIGUOUS_ANSWER", "warning")] if warned else []
    assert found(conditional, {"join": join}) == expected


@pytest.mark.parametrize(
    ("count", "expected"),
    [pytest.param(1, 0b0001), pytest.param(2, 0b0011), pytest.param(3, 0b1111), pytest.param(9, 0b1111, id="too many")],
)
def test_what_holds_whichever_lines_fire(count: int, expected: int) -> None:
    assert hold_whichever([0b0011, 0b0101, 0b1011], count) == expected


@given(st.lists(st.integers(0, 255), min_size=1, max_size=9), st.integers(1, 9))
def test_what_holds_is_what_each_choice_has(sets: list[int], count: int) -> None:
    choices = itertools.combinations(sets, min(count, len(sets)))
    assert hold_whichever(sets, count) == reduce(and_, (reduce(or_, choice) for choice in choices))
