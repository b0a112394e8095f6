"""The conformance table of relations: which edges fire for which outcome, by every alias; joins, skips, answers."""

from typing import Any

import pytest

from arcrun.workflows.relations import RELATION_ALIASES, Relation
from fakes.engine import EngineBench, data, echo, failure, statuses

pytestmark = pytest.mark.anyio

TRUE, FALSE, NEITHER = data({"result": True}), data({"result": False}), data({"result": "yes"})
PAID, FREE = data({"branch": "paid"}), data({"branch": "free"})
FAILED = failure()


@pytest.mark.parametrize(
    ("relation", "outcome", "runs"),
    [
        pytest.param("ON_SUCCESS", data({}), True, id="success after success"),
        pytest.param("ON_SUCCESS", FAILED, False, id="success after failure"),
        pytest.param("ON_FAIL", FAILED, True, id="fail after failure"),
        pytest.param("ON_FAIL", data({}), False, id="fail after success"),
        pytest.param("ON_TRUE", TRUE, True, id="true of true"),
        pytest.param("ON_TRUE", FALSE, False, id="true of false"),
        pytest.param("ON_TRUE", NEITHER, False, id="true of a text"),
        pytest.param("ON_TRUE", data({"result": 1}), False, id="true of 1"),
        pytest.param("ON_TRUE", data(None), False, id="true of no data"),
        pytest.param("ON_FALSE", FALSE, True, id="false of false"),
        pytest.param("ON_FALSE", TRUE, False, id="false of true"),
        pytest.param("ON_FALSE", data({"result": 0}), False, id="false of 0"),
        pytest.param("ON_FALSE", data({}), False, id="false of nothing"),
        pytest.param("ON_BRANCH(paid)", PAID, True, id="its branch"),
        pytest.param("ON_BRANCH(paid)", FREE, False, id="another branch"),
        pytest.param("ON_BRANCH(1)", data({"branch": 1}), False, id="a branch that is no text"),
        pytest.param("ON_BRANCH(paid)", data([]), False, id="branch of a list"),
        pytest.param("IF(a.data.result)", TRUE, True, id="if true"),
        pytest.param("IF(a.data.result)", FALSE, False, id="if false"),
        pytest.param("IF(a.data.n)", data({"n": 0}), True, id="if 0"),
        pytest.param("IF(a.data.n)", data({"n": []}), False, id="if an empty list"),
        pytest.param("IF(a.data.n)", data({}), False, id="if missing"),
        pytest.param("IF(a.data.n > `2` && input.go)", data({"n": 3}), True, id="if a comparison with the trigger"),
        pytest.param("IF(trigger.go)", data({}), True, id="if the trigger, by its alias"),
        pytest.param("IF(a.data.n >> `2`)", data({"n": 3}), None, id="if with the sign of the line in it"),
        pytest.param("IF(a.data.result)", FAILED, False, id="if after failure"),
    ],
)
async def test_an_edge_fires(relation: str, outcome: Any, runs: bool | None) -> None:
    bench = EngineBench({"a": outcome, "b": echo, "alarm": echo})
    flow = ["input >> PIPE >> a", f"a >> {relation} >> b", "a >> FAIL >> alarm"]
    if runs is None:
        with pytest.raises(Exception, match="cannot be read"):
            await bench.run(flow, {"go": True})
        return
    record = await bench.run(flow, {"go": True})
    assert statuses(record)["b"] == ("success" if runs else "skipped")
    assert record.error is None


FIRING = {
    Relation.ON_SUCCESS: ("", data({})),
    Relation.ON_FAIL: ("", FAILED),
    Relation.ON_TRUE: ("", TRUE),
    Relation.ON_FALSE: ("", FALSE),
    Relation.ON_BRANCH: ("(paid)", PAID),
    Relation.IF: ("(a.data.result)", TRUE),
    Relation.FOREACH: (" x IN a.data.items", data({"items": [1, 2]})),
    Relation.CALLS_SUBFLOW: ("", data({"k": 1})),
}


@pytest.mark.parametrize(
    ("alias", "relation"),
    [pair for pair in RELATION_ALIASES.items() if pair[1] in FIRING],
    ids=str,
)
async def test_each_alias_is_its_relation(alias: str, relation: Relation) -> None:
    parameter, outcome = FIRING[relation]
    inner = {"flow": ["input >> PIPE >> echo"], "config": {}}
    bench = EngineBench({"a": outcome, "b": echo, "echo": echo}, workflows={"b": inner})
    record = await bench.run(["input >> PIPE >> a", f"a >> {alias}{parameter} >> b"])
    assert statuses(record)["b"] == "success"
    entry = record.trace[-1]
    assert (entry.iterations is not None, entry.subflow is not None) == (
        relation is Relation.FOREACH,
        relation is Relation.CALLS_SUBFLOW,
    )


@pytest.mark.parametrize(
    "line",
    [
        "a　＞＞　ON_TRUE　＞＞　b",
        "a >> IF（a.data.result ＝＝ `true`） >> b",
        "a >> 分支（paid） >> b",
        "a >> BRANCH('paid') >> b",
        "a >> if(a.data.branch == 'paid') >> b",
        "a>>ON_TRUE>>b",
    ],
)
async def test_full_width_signs_and_spaces_do_not_matter(line: str) -> None:
    bench = EngineBench({"a": data({"result": True, "branch": "paid"}), "b": echo})
    assert statuses(await bench.run(["input >> PIPE >> a", line])) == {"a": "success", "b": "success"}


async def test_a_text_in_quotes_keeps_its_full_width_signs() -> None:
    bench = EngineBench({"a": data({"s": "＞（"}), "b": echo})
    record = await bench.run(["input >> PIPE >> a", "a >> IF(a.data.s == '＞（') >> b"])
    assert statuses(record)["b"] == "success"


@pytest.mark.parametrize(
    ("relation", "field"),
    [
        pytest.param("ON_TRUE", {"result": True}, id="true"),
        pytest.param("ON_FALSE", {"result": False}, id="false"),
        pytest.param("ON_BRANCH(x)", {"branch": "x"}, id="branch"),
        pytest.param("IF(input.go)", {"go": 1}, id="if"),
    ],
)
async def test_the_trigger_can_decide(relation: str, field: Any) -> None:
    flow = [f"input >> {relation} >> a"]
    assert statuses(await EngineBench({"a": echo}).run(flow, field)) == {"a": "success"}
    assert statuses(await EngineBench({"a": echo}).run(flow, {})) == {"a": "skipped"}


async def test_every_edge_out_of_a_node_sees_the_same_output() -> None:
    bench = EngineBench({"a": data({"x": 1}), "b": echo, "c": echo})
    config = {"b": {"got": "{{a.data.x}}"}, "c": {"got": "{{a.data.x}}"}}
    await bench.run(["input >> PIPE >> a", "a >> PIPE >> b", "a >> PIPE >> c"], config=config)
    assert bench.inputs_of("b") == bench.inputs_of("c") == [{"got": 1}]


BRANCHES = ["input >> PIPE >> q", "q >> ON_TRUE >> yes", "q >> ON_FALSE >> no"]


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        pytest.param(TRUE, {"q": "success", "yes": "success", "no": "skipped", "join": "success"}, id="one branch"),
        pytest.param(NEITHER, {"q": "success", "yes": "skipped", "no": "skipped", "join": "skipped"}, id="no branch"),
    ],
)
async def test_a_join_runs_if_one_parent_did(outcome: Any, expected: dict[str, str]) -> None:
    bench = EngineBench({"q": outcome, "yes": echo, "no": echo, "join": echo})
    record = await bench.run([*BRANCHES, "yes >> PIPE >> join", "no >> PIPE >> join"])
    assert statuses(record) == expected


async def test_a_join_runs_once_however_many_parents_it_has() -> None:
    names = [f"p{i}" for i in range(12)]
    bench = EngineBench({**dict.fromkeys(names, data({})), "join": echo})
    flow = [line for name in names for line in (f"input >> PIPE >> {name}", f"{name} >> PIPE >> join")]
    await bench.run(flow)
    assert len(bench.inputs_of("join")) == 1


async def test_a_skip_goes_on_to_what_depends_on_it() -> None:
    bench = EngineBench({"q": FALSE, "yes": echo, "after": echo, "far": echo, "no": echo})
    record = await bench.run([*BRANCHES, "yes >> PIPE >> after", "after >> ON_FAIL >> far"])
    expected = {"q": "success", "yes": "skipped", "after": "skipped", "far": "skipped", "no": "success"}
    assert statuses(record) == expected


async def test_two_edges_between_the_same_nodes_fire_once() -> None:
    bench = EngineBench({"a": TRUE, "b": echo})
    await bench.run(["input >> PIPE >> a", "a >> ON_TRUE >> b", "a >> IF(a.data.result) >> b"])
    assert len(bench.inputs_of("b")) == 1


CANNOT = ["input >> PIPE >> a", "a >> IF(length(a.data.n) > `0`) >> b"]


async def test_an_expression_that_cannot_be_evaluated_is_a_failure_of_its_node() -> None:
    bench = EngineBench({"a": data({"n": 1}), "b": echo})
    record = await bench.run(CANNOT)
    assert record.error is not None
    assert (record.error.code, record.error.details["node"]) == ("EXPRESSION_FAILED", "a")
    assert statuses(record) == {"a": "failed", "b": "skipped"}


@pytest.mark.parametrize("target", ["b", "output"])
async def test_the_handler_of_the_node_gets_what_cannot_be_evaluated(target: str) -> None:
    bench = EngineBench({"a": data({"n": 1}), "b": echo, "beside": echo, "alarm": echo})
    flow = [CANNOT[0], f"a >> IF(length(a.data.n) > `0`) >> {target}", "a >> PIPE >> beside", "a >> ON_FAIL >> alarm"]
    config = {"alarm": {"code": "{{a.error.code}}", "n": "{{a.data.n}}"}}
    record = await bench.run([*flow, "a >> PIPE >> b"], config=config)
    assert (record.error, bench.inputs_of("alarm")) == (None, [{"code": "EXPRESSION_FAILED", "n": 1}])
    assert statuses(record) == {"a": "failed", "b": "skipped", "beside": "skipped", "alarm": "success"}


async def test_an_expression_on_the_trigger_that_cannot_be_evaluated_fails_the_run() -> None:
    record = await EngineBench({"a": echo}).run(["input >> IF(length(input.n) > `0`) >> a"], {"n": 1})
    assert record.error is not None
    assert (record.error.code, record.error.details["node"]) == ("EXPRESSION_FAILED", "input")
    assert statuses(record) == {"a": "skipped"}


@pytest.mark.parametrize(
    ("lines", "config", "expected"),
    [
        pytest.param(["input >> PIPE >> a"], {}, "of a", id="the last node"),
        pytest.param(["input >> PIPE >> a", "a >> PIPE >> output", "a >> PIPE >> b"], {}, "of a", id="the node named"),
        pytest.param(["input >> PIPE >> a", "input >> PIPE >> b"], {}, {"a": "of a", "b": "of b"}, id="several"),
        pytest.param(["input >> PIPE >> output"], {}, {"k": "v"}, id="the trigger's input"),
        pytest.param(
            ["input >> PIPE >> t", "t >> TRUE >> a", "t >> FALSE >> b"], {}, "of a", id="of branches the one that ran"
        ),
        pytest.param(
            ["input >> PIPE >> t", "t >> TRUE >> a", "t >> FALSE >> b", "a >> PIPE >> end", "b >> PIPE >> end"],
            {},
            "of a",
            id="of named branches too",
        ),
        pytest.param(["input >> PIPE >> t", "t >> FALSE >> output"], {}, None, id="none"),
        pytest.param(
            ["input >> PIPE >> f", "f >> FAIL >> output"],
            {},
            {"error": {"code": "BAD", "message": "It went wrong."}},
            id="a failure",
        ),
        pytest.param(["input >> PIPE >> a", "a >> FAIL >> b"], {}, "of a", id="a handler that has nothing to do"),
        pytest.param(["input >> PIPE >> f", "f >> FAIL >> b"], {}, "of b", id="a handler that has"),
        pytest.param(["input >> PIPE >> a", "a >> IF(input.k == 'z') >> b"], {}, "of a", id="a condition not met"),
        pytest.param(["input >> PIPE >> a", "a >> IF(input.k == 'v') >> b"], {}, "of b", id="a condition met"),
        pytest.param(["input >> PIPE >> t", "t >> FALSE >> b"], {}, {"result": True}, id="a branch not taken"),
        pytest.param(
            ["input >> PIPE >> a", "input >> IF(input.k == 'z') >> b"], {}, "of a", id="a side branch not taken"
        ),
        pytest.param(
            ["input >> PIPE >> f", "f >> PIPE >> a", "f >> FAIL >> b", "b >> FAIL >> a"],
            {},
            "of b",
            id="handlers of handlers",
        ),
    ],
)
async def test_the_answer(lines: list[str], config: Any, expected: Any) -> None:
    bench = EngineBench({"a": data("of a"), "b": data("of b"), "t": TRUE, "f": FAILED})
    assert (await bench.run(lines, {"k": "v"}, config=config)).data == expected
