"""Which nodes form the body of a FOREACH, and the findings about loops that cannot work."""

from typing import Any

import pytest

from arcrun.workflows.plan import Graph, PlannedLoop
from arcrun.workflows.relations import Relation
from fakes.contracts import build_contract
from fakes.flows import compile_source, diagnose, flow_of, plan_of


def outline(graph: Graph) -> str:
    """`a b a{c d}`: the nodes in order, then each loop's source and body."""
    nodes = [node.name for node in graph.nodes]
    return " ".join([*nodes, *(f"{loop.source}{{{outline(loop.body)}}}" for loop in graph.loops)])


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param(["input >> PIPE >> a", "a >> FOREACH x IN a.data.items >> b"], "a a{b}", id="one node"),
        pytest.param(["input >> FOREACH x IN input.items >> b"], "input{b}", id="the trigger's list"),
        pytest.param(
            ["input >> PIPE >> a", "a >> FOREACH x IN a.data.items >> b", "b >> PIPE >> c", "b >> ON_FAIL >> d"],
            "a a{b c d}",
            id="what only the entry reaches",
        ),
        pytest.param(
            [
                "input >> PIPE >> a",
                "a >> FOREACH x IN a.data.items >> b",
                "a >> FOREACH x IN a.data.items >> c",
                "b >> PIPE >> d",
                "c >> PIPE >> d",
            ],
            "a a{b c d}",
            id="two entries",
        ),
        pytest.param(
            ["input >> PIPE >> a", "a >> FOREACH x IN a.data.items >> b", "a >> CONTINUE >> c", "a >> PIPE >> d"],
            "a c d a{b}",
            id="what comes after and beside",
        ),
        pytest.param(
            [
                "input >> PIPE >> a",
                "a >> FOREACH x IN a.data.items >> b",
                "b >> FOREACH y IN b.data.items >> c",
                "c >> PIPE >> d",
            ],
            "a a{b b{c d}}",
            id="nested",
        ),
        pytest.param(
            [
                "input >> PIPE >> a",
                "a >> FOREACH x IN a.data.items >> b",
                "b >> FOREACH y IN b.data.items >> c",
                "b >> CONTINUE >> d",
            ],
            "a a{b d b{c}}",
            id="behind the inner loop, within the outer",
        ),
        pytest.param(
            [
                "input >> FOREACH x IN input.items >> a",
                "a >> FOREACH y IN a.data.items >> b",
                "b >> FOREACH z IN b.data.items >> c",
            ],
            "input{a a{b b{c}}}",
            id="three levels",
        ),
        pytest.param(
            [
                "input >> PIPE >> a",
                "a >> FOREACH x IN a.data.items >> b",
                "a >> CONTINUE >> c",
                "c >> FOREACH x IN c.data.items >> d",
            ],
            "a c a{b} c{d}",
            id="one after the other, the same item",
        ),
        pytest.param(
            ["input >> PIPE >> a", "a >> FOREACH x IN a.data.items >> b", "b >> PIPE >> output"],
            "a a{b}",
            id="the answer is in no body",
        ),
        pytest.param(
            ["input >> FOREACH x IN input.items >> a", "a >> SUBFLOW >> s"], "input{a s}", id="sub-workflow in a body"
        ),
    ],
)
def test_the_bodies(lines: list[str], expected: str) -> None:
    assert outline(plan_of(*lines).graph) == expected


@pytest.mark.parametrize(
    ("lines", "message", "hint"),
    [
        pytest.param(
            ["input >> PIPE >> a", "a >> CONTINUE >> b"],
            "no FOREACH leaves `a`, so there is nothing to continue",
            "Add `a >> FOREACH item IN path >> ...`, or write ON_SUCCESS.",
            id="CONTINUE without FOREACH",
        ),
        pytest.param(
            ["input >> PIPE >> a", "a >> FOREACH x IN a.data.items >> b", "b >> CONTINUE >> c"],
            "no FOREACH leaves `b`, so there is nothing to continue",
            "Add `b >> FOREACH item IN path >> ...`, or write ON_SUCCESS.",
            id="CONTINUE from the body",
        ),
        pytest.param(
            ["input >> PIPE >> a", "a >> FOREACH x IN a.data.p >> b", "a >> CONTINUE(y) >> c"],
            "no FOREACH y leaves `a`",
            "Write CONTINUE(x).",
            id="CONTINUE of another item",
        ),
        pytest.param(
            ["input >> PIPE >> a", "a >> FOREACH x IN a.data.p >> b", "a >> FOREACH x IN a.data.q >> c"],
            "two loops with the item `x` leave `a`",
            "Give the items different names; or, for one loop, name the same list in its lines.",
            id="two paths",
        ),
        pytest.param(
            ["input >> PIPE >> a", "a >> FOREACH x IN a.data.items >> b", "a >> PIPE >> b"],
            "`b` begins a loop and is also reached without it",
            "Remove the other way to it; after the loop, write `a >> CONTINUE >> b`.",
            id="a second way to the entry",
        ),
        pytest.param(
            ["input >> PIPE >> a", "a >> FOREACH x IN a.data.items >> b", "a >> CONTINUE >> c", "b >> PIPE >> c"],
            "`b` runs once for each `x`, and leads out of the loop",
            "After the loop, write `a >> CONTINUE >> c`.",
            id="a way out",
        ),
        pytest.param(
            ["input >> PIPE >> a", "input >> PIPE >> c", "a >> FOREACH x IN a.data.items >> b", "b >> ON_FAIL >> c"],
            "`b` runs once for each `x`, and leads out of the loop",
            "After the loop, write `a >> CONTINUE >> c`.",
            id="a way out by a failure",
        ),
        pytest.param(
            [
                "input >> PIPE >> a",
                "a >> FOREACH x IN a.data.items >> b",
                "b >> FOREACH y IN b.data.items >> c",
                "b >> CONTINUE >> d",
                "c >> PIPE >> d",
            ],
            "`c` runs once for each `y`, and leads out of the loop",
            "After the loop, write `b >> CONTINUE >> d`.",
            id="a way out of the inner loop",
        ),
        *[
            pytest.param(
                ["input >> PIPE >> a", f"a >> FOREACH {item} IN a.data.items >> b"],
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


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(["input >> FOREACH x IN input.xs >> a", "a >> PIPE >> x_index"], id="a step of the body"),
        pytest.param(["input >> FOREACH x IN input.xs >> a", "input >> PIPE >> x_index"], id="a step outside"),
        pytest.param(
            ["input >> FOREACH x IN input.xs >> a", "a >> FOREACH x_index IN x.ys >> b"], id="an item of a loop within"
        ),
    ],
)
def test_what_hides_an_element_s_number_is_warned_of(lines: list[str]) -> None:
    found = [(d.code, d.severity, d.message) for d in diagnose(flow_of(*lines)) if d.code != "AMBIGUOUS_ANSWER"]
    message = "`x_index` is a node or an item here, and hides the number of an element of `x`"
    assert found == [("INVALID_LOOP", "warning", message)]


@pytest.mark.parametrize(("depth", "is_refused"), [(64, False), (65, True), (100, True)])
def test_loops_within_loops_have_an_end(depth: int, is_refused: bool) -> None:
    lines = [f"n{n} >> FOREACH i{n} IN n{n}.data.items >> n{n + 1}" for n in range(depth)]
    found = [(d.code, d.message) for d in diagnose(flow_of("input >> PIPE >> n0", *lines))]
    message = "`n65` is in more than 64 nested loops"
    assert found == ([("INVALID_LOOP", message)] if is_refused else [])


@pytest.mark.parametrize(("count", "is_refused"), [(100, False), (101, True), (499, True)])
def test_loops_side_by_side_have_an_end(count: int, is_refused: bool) -> None:
    lines = [f"a >> FOREACH i{n} IN a.data.items >> b{n}" for n in range(count)]
    found = [(d.code, d.message) for d in diagnose(flow_of("input >> PIPE >> a", *lines))]
    assert found == ([("INVALID_LOOP", "there are more than 100 loops")] if is_refused else [])


@pytest.mark.parametrize("alias", ["trigger", "webhook", "start", "creds"])
def test_an_item_has_no_name_that_means_another(alias: str) -> None:
    """{{trigger}} is {{input}}, whatever else is named trigger."""
    assert [d.message for d in diagnose(flow_of(f"input >> FOREACH {alias} IN input.items >> b"))] == [
        f"the item's name `{alias}` is taken"
    ]


def test_several_loops_may_leave_one_node() -> None:
    lines = ["input >> PIPE >> a", "a >> FOREACH x IN a.data.p >> b", "a >> FOREACH y IN a.data.q >> c"]
    graph = plan_of(*lines, "a >> CONTINUE(y) >> d", "a >> CONTINUE >> e").graph
    assert outline(graph) == "a d e a{b} a{c}"
    assert [loop.is_only for loop in graph.loops] == [False, False]
    assert [[edge.argument for edge in node.parents] for node in graph.nodes] == [[""], ["y"], ["x", "y"]]


LISTS = {"items": {"type": "array"}, "count": {"type": "integer"}}


@pytest.mark.parametrize(
    ("fields", "path", "hint"),
    [
        pytest.param(LISTS, "a.data.items", None, id="the one list"),
        pytest.param(
            {**LISTS, "errors": {"type": "array"}},
            None,
            "Write FOREACH x IN a.data.items or FOREACH x IN a.data.errors.",
            id="two lists",
        ),
        pytest.param(
            {"status": {"type": "integer"}, "body": {}}, None, "Write FOREACH x IN a.data.body.", id="what may be one"
        ),
        pytest.param({"n": {"type": "integer"}}, None, "Write FOREACH x IN a.data.FIELD.", id="no list"),
        pytest.param({}, None, "Write FOREACH x IN a.data.FIELD.", id="who knows what"),
    ],
)
def test_a_list_without_a_name_is_the_one_of_the_contract(fields: Any, path: str | None, hint: str | None) -> None:
    contract = build_contract(canonical_id="a", output_schema={"type": "object", "properties": fields})
    compilation = compile_source(flow_of("input >> PIPE >> a", "a >> FOREACH x >> b"), {"a": contract})
    assert [(d.code, d.hint) for d in compilation.diagnostics] == ([("INVALID_LOOP", hint)] if hint else [])
    assert [loop.path for loop in compilation.plan.graph.loops] == [path] if compilation.plan else path is None


@pytest.mark.parametrize(
    ("lines", "hint"),
    [
        pytest.param(["input >> FOREACH x >> a"], "Write FOREACH x IN input.FIELD.", id="of the trigger"),
        pytest.param(
            ["input >> SUBFLOW >> s", "s >> FOREACH x >> a"], "Write FOREACH x IN s.data.FIELD.", id="of a sub-workflow"
        ),
    ],
)
def test_a_list_of_what_has_no_contract_must_be_named(lines: list[str], hint: str) -> None:
    [found] = diagnose(flow_of(*lines))
    assert (found.code, found.hint) == ("INVALID_LOOP", hint)


def test_an_inner_loop_may_name_its_item_like_the_outer_one() -> None:
    assert diagnose(flow_of("input >> FOREACH x IN input.items >> a", "a >> FOREACH x IN x.list >> b")) == []


def test_a_cycle_through_a_loop_is_a_cycle() -> None:
    found = diagnose(flow_of("input >> PIPE >> a", "a >> FOREACH x IN a.data.items >> b", "b >> PIPE >> a"))
    assert "CYCLE" in [d.code for d in found]


@pytest.mark.parametrize(
    ("lines", "answers"),
    [
        pytest.param(
            ["input >> PIPE >> a", "a >> FOREACH x IN a.data.items >> b", "b >> PIPE >> output"],
            [("a", Relation.CONTINUE)],
            id="an answer from the body is the loop's",
        ),
        pytest.param(
            ["input >> PIPE >> a", "a >> FOREACH x IN a.data.items >> b", "a >> CONTINUE >> output"],
            [("a", Relation.CONTINUE)],
            id="the loop itself",
        ),
    ],
)
def test_the_answer_of_a_flow_with_a_loop(lines: list[str], answers: list[tuple[str, Relation]]) -> None:
    assert [(edge.source, edge.relation) for edge in plan_of(*lines).graph.answers or ()] == answers


def body_of(*lines: str) -> PlannedLoop:
    [loop] = plan_of(*lines).graph.loops
    return loop


@pytest.mark.parametrize(
    ("lines", "answers"),
    [
        pytest.param(["b >> PIPE >> c"], None, id="what runs last"),
        pytest.param(["b >> PIPE >> c", "b >> PIPE >> output"], ["b"], id="the one named"),
    ],
)
def test_what_an_iteration_answers(lines: list[str], answers: list[str] | None) -> None:
    loop = body_of("input >> PIPE >> a", "a >> FOREACH x IN a.data >> b", *lines)
    named = loop.body.answers
    assert (None if named is None else [edge.source for edge in named]) == answers
    assert (loop.source, loop.item, loop.path) == ("a", "x", "a.data")


@pytest.mark.parametrize("name", ["credential", "creds", "_now", "_yyyymmdd"])
def test_a_node_has_no_name_that_means_something_else(name: str) -> None:
    [found] = diagnose(flow_of(f"input >> PIPE >> {name}"))
    message = f"a node cannot be named `{name}`: it has another meaning in templates"
    assert (found.code, found.message) == ("INVALID_WORKFLOW", message)
