"""Proves which nodes form the body of a FOREACH, and what is said of flows whose loops cannot work."""

import pytest

from arcrun.workflows.plan import Graph, PlannedLoop
from arcrun.workflows.relations import Relation
from fakes.flows import diagnose, flow_of, plan_of


def outline(graph: Graph) -> str:
    """`a b a{c d}`: the nodes in order, then each loop's source and body."""
    nodes = [node.name for node in graph.nodes]
    return " ".join([*nodes, *(f"{loop.source}{{{outline(loop.body)}}}" for loop in graph.loops)])


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param(["input >> PIPE >> a", "a >> FOREACH x >> b"], "a a{b}", id="one node"),
        pytest.param(["input >> FOREACH x >> b"], "input{b}", id="the trigger's list"),
        pytest.param(
            ["input >> PIPE >> a", "a >> FOREACH x >> b", "b >> PIPE >> c", "b >> ON_FAIL >> d"],
            "a a{b c d}",
            id="what only the entry reaches",
        ),
        pytest.param(
            ["input >> PIPE >> a", "a >> FOREACH x >> b", "a >> FOREACH x >> c", "b >> PIPE >> d", "c >> PIPE >> d"],
            "a a{b c d}",
            id="two entries",
        ),
        pytest.param(
            ["input >> PIPE >> a", "a >> FOREACH x >> b", "a >> CONTINUE >> c", "a >> PIPE >> d"],
            "a c d a{b}",
            id="what comes after and beside",
        ),
        pytest.param(
            ["input >> PIPE >> a", "a >> FOREACH x >> b", "b >> FOREACH y >> c", "c >> PIPE >> d"],
            "a a{b b{c d}}",
            id="nested",
        ),
        pytest.param(
            ["input >> PIPE >> a", "a >> FOREACH x >> b", "b >> FOREACH y >> c", "b >> CONTINUE >> d"],
            "a a{b d b{c}}",
            id="behind the inner loop, within the outer",
        ),
        pytest.param(
            ["input >> FOREACH x >> a", "a >> FOREACH y >> b", "b >> FOREACH z >> c"],
            "input{a a{b b{c}}}",
            id="three levels",
        ),
        pytest.param(
            ["input >> PIPE >> a", "a >> FOREACH x >> b", "a >> CONTINUE >> c", "c >> FOREACH x >> d"],
            "a c a{b} c{d}",
            id="one after the other, the same item",
        ),
        pytest.param(
            ["input >> PIPE >> a", "a >> FOREACH x >> b", "b >> PIPE >> output"],
            "a a{b}",
            id="the answer is in no body",
        ),
        pytest.param(["input >> FOREACH x >> a", "a >> SUBFLOW >> s"], "input{a s}", id="sub-workflow in a body"),
    ],
)
def test_the_bodies(lines: list[str], expected: str) -> None:
    assert outline(plan_of(*lines).graph) == expected


@pytest.mark.parametrize(
    ("lines", "message", "hint"),
    [
        pytest.param(
            ["input >> PIPE >> a", "a >> CONTINUE >> b"],
            "no FOREACH leaves `a`, so nothing is to continue",
            "Add `a >> FOREACH item IN path >> ...`, or write ON_SUCCESS.",
            id="CONTINUE without FOREACH",
        ),
        pytest.param(
            ["input >> PIPE >> a", "a >> FOREACH x >> b", "b >> CONTINUE >> c"],
            "no FOREACH leaves `b`, so nothing is to continue",
            "Add `b >> FOREACH item IN path >> ...`, or write ON_SUCCESS.",
            id="CONTINUE from the body",
        ),
        pytest.param(
            ["input >> PIPE >> a", "a >> FOREACH x >> b", "a >> FOREACH y >> c"],
            "two different loops leave `a`",
            "One node has one loop; its lines name the same item and path.",
            id="two items",
        ),
        pytest.param(
            ["input >> PIPE >> a", "a >> FOREACH x IN a.data.p >> b", "a >> FOREACH x IN a.data.q >> c"],
            "two different loops leave `a`",
            "One node has one loop; its lines name the same item and path.",
            id="two paths",
        ),
        pytest.param(
            ["input >> PIPE >> a", "a >> FOREACH x >> b", "a >> PIPE >> b"],
            "`b` begins a loop and is reached without it too",
            "Remove the other way to it; after the loop it is `a >> CONTINUE >> b`.",
            id="a second way to the entry",
        ),
        pytest.param(
            ["input >> PIPE >> a", "a >> FOREACH x >> b", "a >> CONTINUE >> c", "b >> PIPE >> c"],
            "`b` runs once for each `x`, and leads out of the loop",
            "What comes after the loop is `a >> CONTINUE >> c`.",
            id="a way out",
        ),
        pytest.param(
            ["input >> PIPE >> a", "input >> PIPE >> c", "a >> FOREACH x >> b", "b >> ON_FAIL >> c"],
            "`b` runs once for each `x`, and leads out of the loop",
            "What comes after the loop is `a >> CONTINUE >> c`.",
            id="a way out by a failure",
        ),
        pytest.param(
            [
                "input >> PIPE >> a",
                "a >> FOREACH x >> b",
                "b >> FOREACH y >> c",
                "b >> CONTINUE >> d",
                "c >> PIPE >> d",
            ],
            "`c` runs once for each `y`, and leads out of the loop",
            "What comes after the loop is `b >> CONTINUE >> d`.",
            id="a way out of the inner loop",
        ),
        *[
            pytest.param(
                ["input >> PIPE >> a", f"a >> FOREACH {item} >> b"],
                f"the item's name `{item}` is taken",
                "Give the item another name.",
                id=f"item named {item}",
            )
            for item in ("a", "b", "input", "output", "credential", "_now")
        ],
    ],
)
def test_a_loop_that_cannot_work(lines: list[str], message: str, hint: str) -> None:
    [found] = diagnose(flow_of(*lines))
    assert (found.code, found.message, found.hint) == ("INVALID_LOOP", message, hint)


@pytest.mark.parametrize("alias", ["trigger", "webhook", "start", "creds"])
def test_an_item_has_no_name_that_means_another(alias: str) -> None:
    """{{trigger}} is {{input}}, whatever is called trigger."""
    assert [d.message for d in diagnose(flow_of(f"input >> FOREACH {alias} >> b"))] == [
        f"the item's name `{alias}` is taken"
    ]


def test_an_inner_loop_may_name_its_item_like_the_outer_one() -> None:
    assert diagnose(flow_of("input >> FOREACH x >> a", "a >> FOREACH x IN x.list >> b")) == []


def test_a_cycle_through_a_loop_is_a_cycle() -> None:
    found = diagnose(flow_of("input >> PIPE >> a", "a >> FOREACH x >> b", "b >> PIPE >> a"))
    assert "CYCLE" in [d.code for d in found]


@pytest.mark.parametrize(
    ("lines", "answers"),
    [
        pytest.param(
            ["input >> PIPE >> a", "a >> FOREACH x >> b"],
            [("a", Relation.CONTINUE)],
            id="the loop that nothing continues",
        ),
        pytest.param(
            ["input >> PIPE >> a", "a >> FOREACH x >> b", "a >> CONTINUE >> c"],
            [("c", Relation.ON_SUCCESS)],
            id="what continues it",
        ),
        pytest.param(
            ["input >> PIPE >> a", "a >> FOREACH x >> b", "b >> PIPE >> output"],
            [("a", Relation.CONTINUE)],
            id="an answer from the body is the loop's",
        ),
        pytest.param(
            ["input >> PIPE >> a", "a >> FOREACH x >> b", "a >> CONTINUE >> output"],
            [("a", Relation.CONTINUE)],
            id="the loop itself",
        ),
    ],
)
def test_the_answer_of_a_flow_with_a_loop(lines: list[str], answers: list[tuple[str, Relation]]) -> None:
    assert [(edge.source, edge.relation) for edge in plan_of(*lines).graph.answers] == answers


def body_of(*lines: str) -> PlannedLoop:
    [loop] = plan_of(*lines).graph.loops
    return loop


@pytest.mark.parametrize(
    ("lines", "answers"),
    [
        pytest.param(["b >> PIPE >> c"], "c", id="the last node"),
        pytest.param(["b >> PIPE >> c", "b >> PIPE >> d"], "cd", id="every node without a successor"),
        pytest.param(["b >> PIPE >> c", "b >> PIPE >> output"], "b", id="the one named"),
    ],
)
def test_what_an_iteration_answers(lines: list[str], answers: str) -> None:
    loop = body_of("input >> PIPE >> a", "a >> FOREACH x IN a.data >> b", *lines)
    assert "".join(edge.source for edge in loop.body.answers) == answers
    assert (loop.source, loop.item, loop.path) == ("a", "x", "a.data")


@pytest.mark.parametrize("name", ["credential", "creds", "_now", "_yyyymmdd"])
def test_a_node_has_no_name_that_means_something_else(name: str) -> None:
    [found] = diagnose(flow_of(f"input >> PIPE >> {name}"))
    message = f"a node cannot be named `{name}`: templates have another meaning for it"
    assert (found.code, found.message) == ("INVALID_WORKFLOW", message)
