"""A workflow compiles to nodes in a runnable order, a stored plan is loaded unchanged, and the differences between two
plans.
"""

import json
import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arcrun.errors import WorkflowError
from arcrun.workflows.compile import require_plan
from arcrun.workflows.diff import compare_plans
from arcrun.workflows.model import RepeatPolicy, RetryPolicy
from arcrun.workflows.plan import (
    PLAN_FORMAT,
    SHAPES_FORMAT,
    TOOLS_FORMAT,
    InEdge,
    PlannedNode,
    load_plan,
)
from arcrun.workflows.relations import Relation
from fakes.flows import compile_source, diagnose, flow_of, plan_of


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param(["input >> PIPE >> a", "a >> PIPE >> b", "b >> PIPE >> c"], "abc", id="chain"),
        pytest.param(["b >> PIPE >> c", "a >> PIPE >> b", "input >> PIPE >> a"], "abc", id="chain written backwards"),
        pytest.param(["input >> PIPE >> b", "input >> PIPE >> a"], "ba", id="equals as written"),
        pytest.param(
            ["input >> PIPE >> a", "a >> PIPE >> c", "a >> PIPE >> b", "b >> PIPE >> d", "c >> PIPE >> d"],
            "acbd",
            id="diamond",
        ),
        pytest.param(["input >> PIPE >> z", "input >> PIPE >> a", "z >> PIPE >> a"], "za", id="triangle"),
        pytest.param(
            ["input >> PIPE >> a", "a >> FOREACH x IN a.data.items >> b", "a >> CONTINUE >> c"],
            "abc",
            id="body after its source",
        ),
        pytest.param(
            ["input >> FOREACH x IN input.items >> b", "input >> PIPE >> a"], "ba", id="the trigger's body first"
        ),
    ],
)
def test_parents_come_first(lines: list[str], expected: str) -> None:
    assert "".join(node.name for node in plan_of(*lines).nodes) == expected


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param(["input >> PIPE >> a", "a >> PIPE >> b", "b >> PIPE >> c"], "abc", id="one after the other"),
        pytest.param(["input >> PIPE >> a", "a >> PIPE >> b", "a >> PIPE >> c"], None, id="two after one"),
        pytest.param(["input >> PIPE >> a", "input >> PIPE >> b", "a >> PIPE >> c"], None, id="two at the start"),
        pytest.param(
            ["input >> PIPE >> a", "a >> PIPE >> b", "a >> PIPE >> c", "b >> PIPE >> c"], "abc", id="triangle"
        ),
        pytest.param(["input >> PIPE >> a", "a >> ON_FAIL >> b", "b >> PIPE >> c"], "abc", id="whatever leads on"),
        pytest.param(
            ["input >> PIPE >> a", "a >> FOREACH x IN a.data.l >> b", "a >> CONTINUE >> c"], "a[a x]c", id="a loop"
        ),
        pytest.param(
            ["input >> FOREACH x IN input.l >> b", "input >> FOREACH y IN input.m >> c"],
            "[input x][input y]",
            id="loops of one source, which run in their order",
        ),
    ],
)
def test_a_chain_settles_in_one_order_only(lines: list[str], expected: str | None) -> None:
    chain = plan_of(*lines).graph.chain
    named = [unit.name if isinstance(unit, PlannedNode) else f"[{unit.source} {unit.item}]" for unit in chain or ()]
    assert (None if chain is None else "".join(named)) == expected


ON_SUCCESS = Relation.ON_SUCCESS


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param(["input >> PIPE >> a"], {"a": (InEdge("input", ON_SUCCESS),)}, id="the trigger"),
        pytest.param(
            ["input >> PIPE >> a", "input >> PIPE >> a"],
            {"a": (InEdge("input", ON_SUCCESS),)},
            id="a line written twice",
        ),
        pytest.param(
            ["input >> PIPE >> b", "input >> PIPE >> a", "b >> PIPE >> c", "a >> PIPE >> c", "trigger >> PIPE >> c"],
            {
                "b": (InEdge("input", ON_SUCCESS),),
                "a": (InEdge("input", ON_SUCCESS),),
                "c": (InEdge("b", ON_SUCCESS), InEdge("a", ON_SUCCESS), InEdge("input", ON_SUCCESS)),
            },
            id="in the order of the lines",
        ),
        pytest.param(
            ["input >> PIPE >> a", "a >> TRUE >> b", "a >> BRANCH(x) >> b", "a >> IF(a.data.y) >> b"],
            {
                "a": (InEdge("input", ON_SUCCESS),),
                "b": (
                    InEdge("a", Relation.ON_TRUE),
                    InEdge("a", Relation.ON_BRANCH, "x"),
                    InEdge("a", Relation.IF, "a.data.y"),
                ),
            },
            id="several edges from one node",
        ),
    ],
)
def test_a_node_knows_its_parents(lines: list[str], expected: dict[str, tuple[InEdge, ...]]) -> None:
    assert {node.name: node.parents for node in plan_of(*lines).nodes} == expected


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param(["input >> PIPE >> a", "a >> PIPE >> output", "a >> PIPE >> b"], "a", id="the one named"),
        pytest.param(
            ["input >> PIPE >> a", "input >> PIPE >> b", "b >> PIPE >> done", "a >> PIPE >> end", "a >> PIPE >> end"],
            "b a",
            id="each one named, once",
        ),
        pytest.param(["input >> PIPE >> a", "input >> PIPE >> output"], "input", id="the trigger"),
    ],
)
def test_the_answers(lines: list[str], expected: str) -> None:
    answers = plan_of(*lines).graph.answers or ()
    assert [edge.source for edge in answers] == expected.split()
    assert {edge.relation for edge in answers} == {ON_SUCCESS}


def test_a_flow_that_names_no_answer_answers_with_what_ran_last() -> None:
    assert plan_of("input >> PIPE >> a", "a >> PIPE >> b").graph.answers is None


def test_a_node_keeps_its_component_and_config() -> None:
    [node] = plan_of("input >> PIPE >> a", a={"component": "set", "x": ["{{input.y}}", 1], "retry": {}}).nodes
    assert (node.name, node.component, node.config) == ("a", "set", {"x": ["{{input.y}}", 1]})
    assert node.template.resolve({"input": {"y": 5}}) == {"x": [5, 1]}


@pytest.mark.parametrize(
    ("lines", "handled"),
    [
        pytest.param(["input >> PIPE >> a", "a >> PIPE >> b"], "", id="nobody"),
        pytest.param(["input >> PIPE >> a", "a >> ON_FAIL >> b"], "a", id="a node"),
        pytest.param(["input >> PIPE >> a", "a >> ON_FAIL >> output"], "a", id="the answer"),
    ],
)
def test_who_handles_a_failure(lines: list[str], handled: str) -> None:
    assert "".join(node.name for node in plan_of(*lines).nodes if node.handles_failure) == handled


def test_a_node_knows_the_credentials_that_its_config_names() -> None:
    """And whether every use of one is optional."""
    config = {"x": "{{credential.one}} {{creds.two?}}", "y": ["{{credential.one?}}"]}
    [node] = plan_of("input >> PIPE >> a", a=config).nodes
    assert node.credential_references == {"one": False, "two": True}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        pytest.param(
            {"x": "{{a b}}"},
            "in `a`: The reference {{a b}} cannot be read: something follows the reference and its filters",
            id="reference",
        ),
        pytest.param(
            {"x": [{"y": "{{}}"}]}, "in `a`: The reference {{}} cannot be read: a name is missing", id="deep within"
        ),
        pytest.param(
            {"x": "{{y | default(01)}}"},
            "in `a`: The reference {{y | default(01)}} cannot be read: the argument 01 is not a JSON value",
            id="default",
        ),
    ],
)
def test_an_invalid_template_is_reported(config: dict[str, Any], message: str) -> None:
    [found] = diagnose(flow_of("input >> PIPE >> a", config={"a": config}))
    assert (found.code, found.message) == ("INVALID_TEMPLATE", message)
    assert found.hint.startswith("Write ")


@pytest.mark.parametrize("depth", [20, 40, 200, 400, 700, 5_000])
def test_a_config_of_any_depth_compiles_or_is_refused(depth: int) -> None:
    value: Any = "{{input.x}}"
    for _ in range(depth):
        value = {"v": [value]}
    with suppress(WorkflowError):
        plan_of("input >> PIPE >> a", a={"x": value})


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(
            [f"n{i} >> PIPE >> n{i + 1}" for i in reversed(range(200))] + ["input >> PIPE >> n0"], id="backwards"
        ),
        pytest.param([f"input >> PIPE >> n{i}" for i in range(200)], id="fan-out"),
        pytest.param(
            ["input >> PIPE >> a", *(f"a >> BRANCH(b{i}) >> n{i}" for i in range(200))], id="branches, each an answer"
        ),
        pytest.param(
            ["input >> PIPE >> n0", *(f"n{i} >> IF(input.x{i}) >> n{i + 1}" for i in range(200))],
            id="conditions in a row",
        ),
        pytest.param(
            [
                "input >> FOREACH x0 IN input.items >> n0",
                *(f"n{i} >> FOREACH x{i + 1} IN n{i}.data.items >> n{i + 1}" for i in range(40)),
            ],
            id="nested loops",
        ),
    ],
)
def test_a_long_flow_compiles_in_time(lines: list[str]) -> None:
    source, took_s = flow_of(*lines), []
    for _ in range(3):  # the collector may look through what all tests before have left, which takes as long
        started = time.process_time()
        plan = require_plan(compile_source(source))
        took_s.append(time.process_time() - started)
    assert min(took_s) < 0.25
    assert len(plan.nodes) >= 41


def test_the_stored_form() -> None:
    plan = plan_of(
        "input >> PIPE >> a",
        "a >> FOREACH x IN a.data >> b",
        a={"component": "set", "y": "{{input.z}}", "timeout_ms": 5, "foreach": {"concurrency": 2}},
        b={"retry": {"max_attempts": 2}},
    )
    retry = {
        "max_attempts": 2,
        "backoff": "exponential",
        "initial_ms": 200,
        "max_ms": 30_000,
        "jitter": 0.5,
        "on": None,
    }
    entry = {"name": "b", "component": "b", "config": {}, "parents": [["a", "FOREACH", "x"]], "handles_failure": False}
    assert plan.to_json() == {
        "format": PLAN_FORMAT,
        "name": "w",
        "timeout_ms": 300_000,
        "concurrency": 16,
        "graph": {
            "nodes": [
                {
                    "name": "a",
                    "component": "set",
                    "config": {"y": "{{input.z}}"},
                    "parents": [["input", "ON_SUCCESS", ""]],
                    "handles_failure": False,
                    "timeout_ms": 5,
                }
            ],
            "loops": [
                {
                    "source": "a",
                    "item": "x",
                    "path": "a.data",
                    "policy": {"concurrency": 2, "stops_on_error": True},
                    "body": {
                        "nodes": [{**entry, "retry": retry}],
                        "loops": [],
                        "answers": None,
                    },
                }
            ],
            "answers": None,
        },
    }


NAMES = [f"n{i}" for i in range(6)]
PARAMETERS = {"ON_BRANCH": "(x y)", "IF": "(input.a == `1`)", "CALLS_SUBFLOW": "", "ON_FAIL": "", "ON_SUCCESS": ""}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(0, 1) | st.text(alphabet="aé{}名 ", max_size=4),
    lambda children: st.lists(children, max_size=2) | st.dictionaries(st.text(alphabet="xyz", min_size=1), children),
    max_leaves=6,
)


@st.composite
def flows(draw: st.DrawFn) -> dict[str, Any]:
    """Acyclic flows of up to six nodes, each reached from the trigger, with configs, settings and at most one loop."""
    count = draw(st.integers(1, len(NAMES)))
    lines = ["input >> FOREACH item IN input.list >> body"] if draw(st.booleans()) else []
    for i, name in enumerate(NAMES[:count]):
        for source in draw(st.lists(st.sampled_from(["input", *NAMES[:i]]), min_size=1, max_size=3)):
            relations = [r for r in PARAMETERS if source != "input" or r != "ON_FAIL"]
            relation = draw(st.sampled_from([r for r in relations if r != "CALLS_SUBFLOW"]))
            lines.append(f"{source} >> {relation}{PARAMETERS[relation]} >> {name}")
    settings: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
        [{}, {"retry": {"max_attempts": 2, "jitter": 0}}, {"timeout_ms": 9}]
    )
    config = {name: {**draw(settings), "v": draw(JSON)} for name in NAMES[:count]}
    limits: dict[str, Any] = draw(st.sampled_from([{}, {"timeout_ms": 5}, {"concurrency": 3}]))
    return flow_of(*lines, config=config, **limits)


@given(flows())
def test_a_plan_survives_storage(source: dict[str, Any]) -> None:
    compilation = compile_source(source)
    if compilation.plan is None:
        assert {d.code for d in compilation.diagnostics if d.severity == "error"} == {"INVALID_TEMPLATE"}
        return
    stored = json.loads(json.dumps(compilation.plan.to_json()))
    assert load_plan(stored) == compilation.plan
    assert load_plan(stored).to_json() == stored


def test_a_sub_workflow_survives_storage() -> None:
    plan = plan_of("input >> SUBFLOW >> s", s={"workflow": "other", "retry": {}, "input": "{{input.x}}"})
    [node] = load_plan(json.loads(json.dumps(plan.to_json()))).nodes
    assert (node.workflow, node.retry, node.config) == ("other", RetryPolicy(), {"input": "{{input.x}}"})


def test_a_repeat_survives_storage_in_a_format_of_its_own() -> None:
    given = {"until": "a.data.done", "max": 7, "wait_ms": 5, "backoff": "exponential", "on_max": "continue"}
    for repeat, collect in ((given, ""), ({**given, "collect": "a.data.items"}, "a.data.items")):
        plan = plan_of("input >> PIPE >> a", a={"component": "any", "repeat": repeat})
        stored = plan.to_json()
        assert stored["format"] == SHAPES_FORMAT
        [node] = load_plan(json.loads(json.dumps(stored))).nodes
        assert node.repeat == RepeatPolicy("a.data.done", 7, 5, "exponential", collect, continues=True)
    assert plan_of("input >> PIPE >> a").to_json()["format"] == PLAN_FORMAT


@pytest.mark.parametrize("stored", [{}, {"format": 1}, {"format": TOOLS_FORMAT + 1}, {"format": None}])
def test_a_plan_of_another_format_is_outdated(stored: dict[str, Any]) -> None:
    with pytest.raises(WorkflowError) as caught:
        load_plan({**plan_of("input >> PIPE >> a").to_json(), **stored} if stored else {})
    assert (caught.value.code, caught.value.next_actions) == ("PLAN_OUTDATED", ("Push it again: acr push FILE.",))


BASE = ("input >> PIPE >> a", "a >> PIPE >> b")


@pytest.mark.parametrize(
    ("lines", "config", "expected"),
    [
        pytest.param(BASE, {}, ((), (), ()), id="nothing"),
        pytest.param((*BASE, "b >> PIPE >> c"), {}, (("c",), (), ()), id="added"),
        pytest.param(BASE[:1], {}, ((), ("b",), ()), id="removed"),
        pytest.param(BASE, {"b": {"x": 1}}, ((), (), ("b",)), id="config"),
        pytest.param(BASE, {"a": {"component": "z"}}, ((), (), ("a",)), id="component"),
        pytest.param(BASE, {"a": {"timeout_ms": 5}}, ((), (), ("a",)), id="setting"),
        pytest.param((BASE[0], "a >> TRUE >> b"), {}, ((), (), ("b",)), id="line into it"),
        pytest.param((*BASE, "a >> ON_FAIL >> c"), {}, (("c",), (), ("a",)), id="failure now handled"),
        pytest.param(("input >> PIPE >> x", "x >> PIPE >> y"), {}, (("x", "y"), ("a", "b"), ()), id="all renamed"),
        pytest.param((*BASE, "a >> FOREACH i IN a.data.items >> c"), {}, (("c",), (), ("a",)), id="a loop"),
    ],
)
def test_what_has_changed(lines: tuple[str, ...], config: dict[str, Any], expected: tuple[Any, Any, Any]) -> None:
    diff = compare_plans(plan_of(*BASE), plan_of(*lines, **config))
    assert (diff.added, diff.removed, diff.changed) == expected
    assert diff.to_json() == {"added": [*expected[0]], "removed": [*expected[1]], "changed": [*expected[2]]}


@pytest.mark.parametrize(
    ("line", "config", "changed"),
    [
        pytest.param("a >> FOREACH i IN a.data >> b", {}, (), id="nothing"),
        pytest.param("a >> FOREACH i IN a.data.x >> b", {}, ("a",), id="path"),
        pytest.param("a >> FOREACH j IN a.data >> b", {}, ("a", "b"), id="item"),
        pytest.param("a >> FOREACH i IN a.data >> b", {"a": {"foreach": {"concurrency": 2}}}, ("a",), id="policy"),
        pytest.param("a >> FOREACH i IN a.data >> b", {"b": {"x": 1}}, ("b",), id="body"),
    ],
)
def test_what_has_changed_in_a_loop(line: str, config: dict[str, Any], changed: tuple[str, ...]) -> None:
    old = plan_of("input >> PIPE >> a", "a >> FOREACH i IN a.data >> b")
    assert compare_plans(old, plan_of("input >> PIPE >> a", line, **config)).changed == changed


def test_of_a_first_version_all_is_new() -> None:
    assert compare_plans(None, plan_of(*BASE)).to_json() == {"added": ["a", "b"], "removed": [], "changed": []}
