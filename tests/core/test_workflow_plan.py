"""Proves that a workflow compiles to nodes in a runnable order, that what cannot run is refused with every finding, and
that a stored plan is the plan that was stored.
"""

import json
import time
from contextlib import suppress
from typing import Any

import pytest

from arcrun.errors import WorkflowError
from arcrun.workflows.parse import parse_workflow
from arcrun.workflows.plan import PLAN_FORMAT, Plan, build_plan, load_plan


def plan_of(*lines: str, config: dict[str, Any] | None = None, unknown: tuple[str, ...] = ()) -> Plan:
    return build_plan(parse_workflow({"name": "w", "flow": list(lines), "config": config or {}}), unknown)


def diagnostics_of(*lines: str, **more: Any) -> list[dict[str, Any]]:
    with pytest.raises(WorkflowError) as caught:
        plan_of(*lines, **more)
    found: list[dict[str, Any]] = caught.value.details["diagnostics"]
    return found


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
    ],
)
def test_parents_come_first(lines: list[str], expected: str) -> None:
    assert "".join(node.name for node in plan_of(*lines).nodes) == expected


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param(["input >> PIPE >> a"], {"a": ("input",)}, id="the trigger"),
        pytest.param(["input >> PIPE >> a", "input >> PIPE >> a"], {"a": ("input",)}, id="a line written twice"),
        pytest.param(
            ["input >> PIPE >> b", "input >> PIPE >> a", "b >> PIPE >> c", "a >> PIPE >> c", "trigger >> PIPE >> c"],
            {"b": ("input",), "a": ("input",), "c": ("b", "a", "input")},
            id="in the order of the lines",
        ),
    ],
)
def test_a_node_knows_its_parents(lines: list[str], expected: dict[str, tuple[str, ...]]) -> None:
    assert {node.name: node.parents for node in plan_of(*lines).nodes} == expected


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param(["input >> PIPE >> a", "a >> PIPE >> b"], ("b",), id="the last node"),
        pytest.param(["input >> PIPE >> a", "input >> PIPE >> b"], ("a", "b"), id="every node without a successor"),
        pytest.param(["input >> PIPE >> a", "a >> PIPE >> output", "a >> PIPE >> b"], ("a",), id="the one named"),
        pytest.param(
            ["input >> PIPE >> a", "input >> PIPE >> b", "b >> PIPE >> done", "a >> PIPE >> end", "a >> PIPE >> end"],
            ("b", "a"),
            id="each one named, once",
        ),
    ],
)
def test_the_answers(lines: list[str], expected: tuple[str, ...]) -> None:
    assert plan_of(*lines).answers == expected


def test_a_node_keeps_its_component_and_config() -> None:
    [node] = plan_of("input >> PIPE >> a", config={"a": {"component": "set", "x": ["{{input.y}}", 1]}}).nodes
    assert (node.name, node.component, node.config) == ("a", "set", {"x": ["{{input.y}}", 1]})
    assert node.resolve({"input": {"y": 5}}) == {"x": [5, 1]}


def test_an_unknown_component_is_reported_for_each_of_its_nodes() -> None:
    found = diagnostics_of(
        "input >> PIPE >> a",
        "a >> PIPE >> b",
        "b >> PIPE >> c",
        config={"a": {"component": "nope"}, "c": {"component": "nope"}},
        unknown=("nope",),
    )
    assert [(d["code"], d["message"], d["hint"]) for d in found] == [
        (
            "UNKNOWN_COMPONENT",
            f"the node `{name}` names the component `nope`, which does not exist",
            f"Set `config.{name}.component` to one of the components that `acr parts` lists.",
        )
        for name in "ac"
    ]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        pytest.param({"x": "{{a b}}"}, "in `config.a`: The reference {{a b}} cannot be read", id="reference"),
        pytest.param({"x": [{"y": "{{}}"}]}, "in `config.a`: The reference {{}} cannot be read", id="deep within"),
        pytest.param({"x": "{{y | default(z)}}"}, "in `config.a`: The default z is not a JSON value", id="default"),
    ],
)
def test_an_invalid_template_is_reported(config: dict[str, Any], message: str) -> None:
    [found] = diagnostics_of("input >> PIPE >> a", config={"a": config})
    assert (found["code"], found["message"]) == ("INVALID_TEMPLATE", message)
    assert found["hint"].startswith("Write ")


def test_everything_is_reported_at_once() -> None:
    found = diagnostics_of(
        "input >> PIPE >> a",
        "input >> PIPE >> b",
        config={"a": {"x": "{{}}"}, "b": {"component": "nope", "x": "{{!}}"}},
        unknown=("nope",),
    )
    assert [d["code"] for d in found] == ["UNKNOWN_COMPONENT", "INVALID_TEMPLATE", "INVALID_TEMPLATE"]


@pytest.mark.parametrize("depth", [200, 400, 700, 5_000])
def test_a_config_of_any_depth_compiles_or_is_refused(depth: int) -> None:
    value: Any = "{{input.x}}"
    for _ in range(depth):
        value = {"v": [value]}
    with suppress(WorkflowError):
        plan_of("input >> PIPE >> a", config={"a": {"x": value}})


def test_a_long_flow_written_backwards_compiles_as_fast_as_forwards() -> None:
    lines = [f"n{i} >> PIPE >> n{i + 1}" for i in range(300)]
    started = time.perf_counter()
    plan = plan_of(*reversed(lines), "input >> PIPE >> n0")
    assert time.perf_counter() - started < 0.25
    assert [node.name for node in plan.nodes] == [f"n{i}" for i in range(301)]


def test_the_stored_form() -> None:
    plan = plan_of("input >> PIPE >> a", "a >> PIPE >> b", config={"b": {"component": "set", "x": "{{a.data}}"}})
    assert plan.to_json() == {
        "format": PLAN_FORMAT,
        "name": "w",
        "nodes": [
            {"name": "a", "component": "a", "config": {}, "parents": ["input"]},
            {"name": "b", "component": "set", "config": {"x": "{{a.data}}"}, "parents": ["a"]},
        ],
        "answers": ["b"],
    }


@pytest.mark.parametrize(
    ("lines", "config"),
    [
        pytest.param(["input >> PIPE >> a"], {}, id="one node"),
        pytest.param(["input >> PIPE >> a", "input >> PIPE >> b", "a >> PIPE >> c", "b >> PIPE >> c"], {}, id="join"),
        pytest.param(
            ["input >> PIPE >> a", "a >> PIPE >> 名"],
            {"名": {"component": "set", "x": '{{a.data["k"]?}}', "y": [1, None, {"z": "é"}]}},
            id="config",
        ),
    ],
)
def test_a_plan_survives_storage(lines: list[str], config: dict[str, Any]) -> None:
    plan = plan_of(*lines, config=config)
    loaded = load_plan(json.loads(json.dumps(plan.to_json())))
    assert loaded.to_json() == plan.to_json()
    scope = {"input": {}, "a": {"data": {"k": 1}}}
    assert [node.resolve(scope) for node in loaded.nodes] == [node.resolve(scope) for node in plan.nodes]
