"""Undos: which run when a run fails, in what order, with what input, and what the record says of them."""

from collections.abc import Mapping
from typing import Any

import pytest

from arcrun.engine.budget import RunLimits
from arcrun.engine.engine import Trigger
from arcrun.engine.record import RunRecord
from arcrun.engine.trigger import TriggerKind
from arcrun.limits import MAX_ANSWER_BYTES, MAX_LIVE_BYTES, MAX_UNDO_MS
from arcrun.workflows.plan import PLAN_FORMAT, SHAPES_FORMAT, load_plan
from fakes.engine import RUN_ID, EngineBench, data, echo, failure, in_turn, statuses, taking

pytestmark = pytest.mark.anyio

BENCH: Mapping[str, Any] = {
    **{name: data({"id": name}) for name in "abc"},
    "slow": taking(50, data({"id": "slow"})),
    "bad": failure("BAD"),
    "late": taking(100, failure("LATE")),
    "drop": echo,
    "echo": echo,
    "stuck": taking(10 * MAX_UNDO_MS),
}


def undo(**more: Any) -> dict[str, Any]:
    """A config by which a node's undo tells its id."""
    return {"undo": {"component": "drop", **more}}


def undoing(*names: str) -> dict[str, Any]:
    return {name: undo(of=f"{{{{{name}.data.id}}}}") for name in names}


async def run(bench: EngineBench, flow: list[str], sent: Any = None, **more: Any) -> RunRecord:
    return await bench.run(flow, sent, **more)


def dropped(bench: EngineBench) -> list[Any]:
    return [given["of"] for given in bench.inputs_of("drop")]


async def test_a_failed_run_undoes_what_has_succeeded_in_reverse_order() -> None:
    bench = EngineBench(BENCH)
    flow = ["input >> PIPE >> a", "a >> PIPE >> b", "b >> PIPE >> c", "c >> PIPE >> bad"]
    record = await run(bench, flow, config=undoing("a", "b", "c"))
    assert (record.status, record.undone, dropped(bench)) == ("failed", "complete", ["c", "b", "a"])
    assert [(entry.node, entry.component, entry.status) for entry in record.undos] == [
        ("c", "drop", "success"),
        ("b", "drop", "success"),
        ("a", "drop", "success"),
    ]
    assert record.to_json()["undone"] == "complete"
    stored = record.to_stored()
    assert (stored["undone"], stored["undos"][0]["input"]) == ("complete", {"of": "c"})


@pytest.mark.parametrize(
    "flow",
    [
        pytest.param(["input >> PIPE >> a", "a >> PIPE >> b"], id="a success"),
        pytest.param(["input >> PIPE >> a", "a >> PIPE >> bad", "bad >> ON_FAIL >> b"], id="a handled failure"),
        pytest.param(["input >> PIPE >> a", "input >> PIPE >> slow", "a >> PIPE >> stop"], id="a stop"),
    ],
)
async def test_a_run_that_succeeds_undoes_nothing(flow: list[str]) -> None:
    bench = EngineBench(BENCH)
    record = await run(bench, flow, config=undoing("a"))
    assert (record.status, record.undone, record.undos, dropped(bench)) == ("success", "", (), [])
    assert not {"undone", "undos"} & {*record.to_json(), *record.to_stored()}


async def test_what_failed_was_skipped_or_was_cancelled_is_not_undone() -> None:
    bench = EngineBench(BENCH)
    flow = [
        "input >> PIPE >> bad",
        "bad >> PIPE >> b",
        "bad >> ON_FAIL >> a",
        "a >> PIPE >> c",
        "input >> PIPE >> slow",
    ]
    behaviours = {**BENCH, "c": failure("LATER")}
    bench = EngineBench(behaviours)
    record = await run(bench, flow, config=undoing("bad", "b", "slow", "c", "a"))
    assert (record.error and record.error.code, dropped(bench)) == ("LATER", ["a"])


async def test_a_failed_run_without_undos_says_nothing_of_them() -> None:
    record = await run(EngineBench(BENCH), ["input >> PIPE >> a", "a >> PIPE >> bad"])
    assert (record.status, record.undone) == ("failed", "")


async def test_independent_nodes_are_undone_side_by_side_and_those_before_them_afterwards() -> None:
    bench = EngineBench({**BENCH, "drop": taking(100)})
    flow = ["input >> PIPE >> a", "a >> PIPE >> b", "a >> PIPE >> c", "b >> PIPE >> d", "c >> PIPE >> d"]
    record = await run(bench, flow, config={**undoing("a", "b", "c"), "d": {"component": "bad"}})
    assert {entry.node: (entry.start_ms, entry.duration_ms) for entry in record.undos} == {
        **{"b": (0, 100), "c": (0, 100)},
        "a": (100, 100),
    }


async def test_nodes_that_run_one_after_the_other_are_undone_in_the_order_of_their_ends() -> None:
    bench = EngineBench({**BENCH, "a": taking(30, data({"id": "a"})), "b": taking(10, data({"id": "b"}))})
    flow = ["input >> PIPE >> a", "input >> PIPE >> b", "input >> PIPE >> late"]
    await run(bench, flow, config=undoing("a", "b"))
    assert dropped(bench) == ["a", "b"]


async def test_an_undo_reads_what_was_before_its_node_and_its_own_output() -> None:
    bench = EngineBench(BENCH)
    config = {"b": undo(of="{{a.data.id}}{{b.data.id}}{{input.x}}{{b.success}}"), "c": {"component": "bad"}}
    await run(bench, ["input >> PIPE >> a", "a >> PIPE >> b", "b >> PIPE >> c"], {"x": 7}, config=config)
    assert dropped(bench) == ["ab7true"]


async def test_an_undo_takes_a_value() -> None:
    bench = EngineBench(BENCH)
    await run(bench, ["input >> PIPE >> a", "a >> PIPE >> bad"], config={"a": undo(take="a", of=1)})
    assert bench.inputs_of("drop") == [{"id": "a", "of": 1}]


async def test_a_node_whose_condition_fails_after_its_effect_is_undone() -> None:
    bench = EngineBench({**BENCH, "a": data({"id": "a", "list": 5})})
    flow = ["input >> PIPE >> a", "a >> FOREACH x IN a.data.list >> b"]
    record = await run(bench, flow, config=undoing("a"))
    assert (record.error and record.error.code, dropped(bench)) == ("INVALID_ITEMS", ["a"])


async def test_an_undo_is_retried_by_its_policy_and_its_failure_is_reported_and_holds_up_no_other() -> None:
    bench = EngineBench({**BENCH, "flaky": in_turn(failure("X", retriable=True), data(1)), "broken": failure("Y")})
    config = {
        "a": undo(of="a"),
        "b": {"undo": {"component": "broken"}},
        "c": {"undo": {"component": "flaky", "retry": {"max_attempts": 2}}},
    }
    flow = ["input >> PIPE >> a", "a >> PIPE >> b", "b >> PIPE >> c", "c >> PIPE >> bad"]
    record = await run(bench, flow, config=config)
    assert (record.error and record.error.code, record.undone, dropped(bench)) == ("BAD", "partial", ["a"])
    told = {
        entry.node: (entry.status.value, entry.attempts, entry.error and entry.error.code) for entry in record.undos
    }
    assert told == {"c": ("success", 2, None), "b": ("failed", 1, "Y"), "a": ("success", 1, None)}


async def test_a_loop_s_elements_are_undone_each_with_its_own_values_the_last_ones_first() -> None:
    bench = EngineBench(BENCH)
    flow = ["input >> FOREACH x IN input.items >> a", "input >> CONTINUE >> bad"]
    record = await run(bench, flow, {"items": [1, 2, 3]}, config={"a": undo(of="{{x}}{{a.data.id}}{{x_index}}")})
    assert dropped(bench) == ["3a2", "2a1", "1a0"]
    [entry] = record.undos
    assert entry.iterations is not None
    assert (entry.node, entry.iterations.to_json()) == ("a", {"success": 3, "failed": 0, "skipped": 0})


@pytest.mark.parametrize(("concurrency", "took_ms"), [(1, 300), (3, 100)])
async def test_a_loop_s_elements_are_undone_as_many_at_once_as_they_ran(concurrency: int, took_ms: float) -> None:
    bench = EngineBench({**BENCH, "drop": taking(100)})
    flow = ["input >> FOREACH x IN input.items >> a", "input >> CONTINUE >> bad"]
    config = {"input": {"foreach": {"concurrency": concurrency}}, "a": undo(of="{{x}}")}
    record = await run(bench, flow, {"items": [1, 2, 3]}, config=config)
    assert record.duration_ms == took_ms


async def test_an_element_that_fails_does_not_undo_what_the_loop_tolerates() -> None:
    bench = EngineBench({**BENCH, "some": in_turn(data(1), failure("BAD"), data(3))})
    flow = ["input >> FOREACH x IN input.items >> a", "a >> PIPE >> some"]
    config = {"input": {"foreach": {"on_error": "continue"}}, "a": undo(of="{{x}}")}
    record = await run(bench, flow, {"items": [1, 2, 3]}, config=config)
    assert (record.status, dropped(bench)) == ("success", [])


INNER = {"flow": ["input >> PIPE >> a", "a >> PIPE >> b"], "config": undoing("a", "b")}


async def test_a_sub_workflow_that_has_succeeded_is_undone_with_the_run_that_called_it() -> None:
    bench = EngineBench(BENCH, workflows={"inner": INNER})
    flow = ["input >> PIPE >> c", "c >> CALLS_SUBFLOW >> inner", "inner >> PIPE >> bad"]
    record = await run(bench, flow, config=undoing("c"))
    assert (record.undone, dropped(bench)) == ("complete", ["b", "a", "c"])
    assert [entry.node for entry in record.undos] == ["inner.b", "inner.a", "c"]


async def test_an_undo_of_the_node_that_calls_a_workflow_stands_for_those_inside() -> None:
    bench = EngineBench(BENCH, workflows={"inner": INNER})
    record = await run(
        bench, ["input >> CALLS_SUBFLOW >> inner", "inner >> PIPE >> bad"], config={"inner": undo(of="all")}
    )
    assert (record.undone, dropped(bench)) == ("complete", ["all"])


async def test_a_sub_workflow_that_fails_is_undone_at_once_also_if_its_failure_is_handled() -> None:
    inner = {**INNER, "flow": [*INNER["flow"], "b >> PIPE >> bad"]}
    bench = EngineBench(BENCH, workflows={"inner": inner})
    flow = ["input >> PIPE >> c", "c >> CALLS_SUBFLOW >> inner", "inner >> ON_FAIL >> echo"]
    record = await run(bench, flow, config={**undoing("c"), "echo": {"of": "handled"}})
    assert (record.status, record.undone, dropped(bench)) == ("success", "complete", ["b", "a"])


async def test_each_failed_attempt_of_a_sub_workflow_is_undone() -> None:
    bench = EngineBench(
        {**BENCH, "some": in_turn(failure("X", retriable=True), data(1))},
        workflows={"inner": {"flow": ["input >> PIPE >> a", "a >> PIPE >> some"], "config": undoing("a")}},
    )
    flow = ["input >> CALLS_SUBFLOW >> inner", "inner >> PIPE >> bad"]
    record = await run(bench, flow, config={"inner": {"retry": {"max_attempts": 2}}})
    assert (record.undone, dropped(bench)) == ("complete", ["a", "a"])


async def test_a_sub_workflow_that_takes_too_long_is_undone_before_its_node_fails() -> None:
    inner = {"flow": ["input >> PIPE >> a", "a >> PIPE >> slow"], "config": undoing("a")}
    bench = EngineBench(BENCH, workflows={"inner": inner})
    flow = ["input >> CALLS_SUBFLOW >> inner", "inner >> ON_FAIL >> echo"]
    record = await run(bench, flow, config={"inner": {"timeout_ms": 10}, "echo": {"code": "{{inner.error.code}}"}})
    assert (record.data, record.undone, dropped(bench)) == ({"code": "NODE_TIMEOUT"}, "complete", ["a"])


async def test_a_sub_workflow_that_was_under_way_is_undone_with_the_run() -> None:
    inner = {"flow": ["input >> PIPE >> a", "a >> PIPE >> slow"], "config": undoing("a")}
    bench = EngineBench({**BENCH, "soon": taking(20, failure("SOON"))}, workflows={"inner": inner})
    record = await run(bench, ["input >> CALLS_SUBFLOW >> inner", "input >> PIPE >> soon"])
    assert (record.error and record.error.code, record.undone, dropped(bench)) == ("SOON", "complete", ["a"])


async def test_a_run_that_takes_too_long_is_undone() -> None:
    bench = EngineBench(BENCH)
    record = await run(bench, ["input >> PIPE >> a", "a >> PIPE >> slow"], config=undoing("a"), timeout_ms=10)
    assert (record.error and record.error.code, record.undone, dropped(bench)) == ("RUN_TIMEOUT", "complete", ["a"])


async def test_undos_that_take_too_long_are_stopped_and_told() -> None:
    bench = EngineBench(BENCH)
    config = {**undoing("a"), "b": {"undo": {"component": "stuck"}}}
    record = await run(bench, ["input >> PIPE >> a", "a >> PIPE >> b", "b >> PIPE >> bad"], config=config)
    assert (record.undone, record.duration_ms) == ("partial", MAX_UNDO_MS)
    assert {entry.node: (entry.status.value, entry.error and entry.error.code) for entry in record.undos} == {
        "b": ("failed", "CANCELLED"),
        "a": ("skipped", "CANCELLED"),
    }


async def test_the_time_for_undos_may_be_shorter() -> None:
    bench = EngineBench(BENCH)
    flow = ["input >> PIPE >> a", "a >> PIPE >> bad"]
    plan = bench.plan({"name": "w", "flow": flow, "config": {"a": {"undo": {"component": "stuck"}}}})
    record = await bench.engine.run(plan, Trigger(TriggerKind.EXECUTE, {}, undo_ms=30), RUN_ID)
    assert (record.undone, record.duration_ms) == ("partial", 30)


async def test_a_workflow_can_undo() -> None:
    revert = {"flow": ["input >> PIPE >> drop"], "config": {"drop": {"of": "{{input.id}}"}}}
    bench = EngineBench(BENCH, workflows={"revert": revert})
    config = {"a": {"undo": {"workflow": "revert", "input": {"id": "{{a.data.id}}"}}}}
    record = await run(bench, ["input >> PIPE >> a", "a >> PIPE >> bad"], config=config)
    assert (record.undone, dropped(bench)) == ("complete", ["a"])
    assert [(entry.component, len(entry.subflow or ())) for entry in record.undos] == [("workflow:revert", 1)]


async def test_a_node_with_rounds_is_undone_once_with_its_last_output() -> None:
    bench = EngineBench({**BENCH, "n": in_turn(data({"id": 1}), data({"id": 2}))})
    config = {"n": {**undo(of="{{n.data.id}} of {{n.rounds}}"), "repeat": {"until": "n.data.id == `2`", "max": 5}}}
    await run(bench, ["input >> PIPE >> n", "n >> PIPE >> bad"], config=config)
    assert dropped(bench) == ["2 of 2"]


async def test_secrets_of_undos_are_redacted() -> None:
    bench = EngineBench(BENCH, secrets={"token": "secret-0123456789"})
    record = await run(bench, ["input >> PIPE >> a", "a >> PIPE >> bad"], config={"a": undo(of="{{credential.token}}")})
    assert dropped(bench) == ["secret-0123456789"]
    assert "secret-0123456789" not in str(record.to_stored())


async def test_a_node_whose_answer_there_is_no_room_for_is_undone_with_it() -> None:
    large = data({"id": 1, "text": "x" * MAX_LIVE_BYTES})
    bench = EngineBench({**BENCH, "large": large})
    record = await run(bench, ["input >> PIPE >> large", "large >> PIPE >> a"], config=undoing("large"))
    assert (record.error and record.error.code, dropped(bench)) == ("RUN_TOO_LARGE", [1])


async def test_an_answer_that_is_too_large_undoes_the_run() -> None:
    bench = EngineBench({**BENCH, "large": data("x" * (MAX_ANSWER_BYTES + 1))})
    record = await run(bench, ["input >> PIPE >> a", "a >> PIPE >> large"], config=undoing("a"))
    assert (record.error and record.error.code, dropped(bench)) == ("ANSWER_TOO_LARGE", ["a"])


async def test_a_plan_with_undos_says_so_in_its_format_and_is_read_again() -> None:
    bench = EngineBench(BENCH)
    source = {"name": "w", "flow": ["input >> PIPE >> a", "a >> PIPE >> bad"]}
    plan = bench.plan({**source, "config": {"a": undo(of=1, retry={"max_attempts": 5}, timeout_ms=20)}})
    assert (plan.format, load_plan(plan.to_json())) == (SHAPES_FORMAT, plan)
    assert bench.plan(source).format == PLAN_FORMAT
    assert statuses(await run(bench, source["flow"]))  # type: ignore[arg-type]


async def test_what_an_undo_has_called_is_not_undone_itself() -> None:
    """A compensation stays, though the workflow that it is has an undo of its own, and other undos go on after it."""
    revert = {"flow": ["input >> PIPE >> b"], "config": {"b": undo(of="the compensation")}}
    inner = {
        "flow": ["input >> PIPE >> a", "a >> PIPE >> c", "c >> PIPE >> bad"],
        "config": {"a": {"undo": {"component": "slow"}}, "c": {"undo": {"workflow": "revert", "input": 1}}},
    }
    bench = EngineBench({**BENCH, "later": taking(30, failure("LATER"))}, workflows={"inner": inner, "revert": revert})
    record = await run(bench, ["input >> CALLS_SUBFLOW >> inner", "inner >> ON_FAIL >> echo", "input >> PIPE >> later"])
    assert (record.undone, dropped(bench)) == ("complete", [])
    assert [(entry.node, entry.status.value) for entry in record.undos] == [
        ("inner.c", "success"),
        ("inner.a", "success"),
    ]


@pytest.mark.parametrize(
    "flow",
    [
        pytest.param(["soon >> PIPE >> join", "inner >> ON_FAIL >> join"], id="a race that it loses"),
        pytest.param(["soon >> PIPE >> stop"], id="a stop"),
    ],
)
async def test_the_undos_of_a_failed_sub_workflow_are_finished_though_the_run_goes_on_without_it(
    flow: list[str],
) -> None:
    inner = {
        "flow": ["input >> PIPE >> a", "a >> PIPE >> b", "b >> PIPE >> c", "c >> PIPE >> bad"],
        "config": {"a": undo(of="a"), "b": {"undo": {"component": "slow"}}, "c": undo(of="c")},
    }
    bench = EngineBench({**BENCH, "soon": taking(20, data(1)), "join": data(2)}, workflows={"inner": inner})
    join = {"join": {"join": "first", "cancel_rest": True}} if "join" in flow[0] else {}
    record = await run(bench, ["input >> CALLS_SUBFLOW >> inner", "input >> PIPE >> soon", *flow], config=join)
    assert (record.status, record.undone, dropped(bench)) == ("success", "complete", ["c", "a"])
    assert len(bench.inputs_of("slow")) == 2  # the first was cut off: whether it had its effect is not known


async def test_an_undo_reads_what_its_early_join_has_seen() -> None:
    bench = EngineBench(
        {**BENCH, "p": taking(30, data({"id": "p"})), "q": data({"id": "q"}), "late": taking(99, failure())}
    )
    config = {
        "join": {"component": "a", "join": "first", **undo(of='{{p.data.id | default("nothing")}}{{q.data.id?}}')}
    }
    flow = [
        "input >> PIPE >> p",
        "input >> PIPE >> q",
        "p >> PIPE >> join",
        "q >> PIPE >> join",
        "input >> PIPE >> late",
    ]
    await run(bench, flow, config=config)
    assert dropped(bench) == ["nothingq"]


async def test_a_node_whose_rounds_have_succeeded_is_undone_though_it_has_failed() -> None:
    bench = EngineBench({**BENCH, "n": in_turn(data({"id": 1}), data({"id": 2}), failure("BAD"))})
    config = {"n": {**undo(of="{{n.data.id}} of {{n.rounds}}"), "repeat": {"until": "n.data.never", "max": 9}}}
    record = await run(bench, ["input >> PIPE >> n", "n >> PIPE >> a"], config=config)
    assert (record.error and record.error.code, dropped(bench)) == ("BAD", ["2 of 2"])


async def test_a_node_whose_rounds_were_cut_off_is_undone() -> None:
    bench = EngineBench({**BENCH, "n": taking(10, data({"id": 1})), "soon": taking(25, failure("SOON"))})
    config = {"n": {**undo(of="{{n.rounds}}"), "repeat": {"until": "n.data.never", "max": 9}}}
    record = await run(bench, ["input >> PIPE >> n", "input >> PIPE >> soon"], config=config)
    assert (record.error and record.error.code, dropped(bench)) == ("SOON", [2])


async def test_each_failed_undo_of_a_loop_is_told_with_its_index() -> None:
    bench = EngineBench({**BENCH, "drop": in_turn(data(1), failure("A"), data(1), failure("B"), data(1))})
    flow = ["input >> FOREACH x IN input.items >> a", "input >> CONTINUE >> bad"]
    record = await run(bench, flow, {"items": [1, 2, 3, 4]}, config={"a": undo(of="{{x}}")})
    told = [(it.index, it.iterations and it.iterations.failed, it.error and it.error.code) for it in record.undos]
    assert told == [((), 2, "A"), ((2,), None, "A"), ((0,), None, "B")]
    assert [entry.to_json().get("index") for entry in record.undos] == [None, [2], [0]]


async def test_the_index_has_that_of_the_loop_around_a_called_workflow() -> None:
    inner = {"flow": ["input >> FOREACH y IN input.list >> a"], "config": {"a": {"undo": {"component": "broken"}}}}
    bench = EngineBench({**BENCH, "broken": failure("X")}, workflows={"inner": inner})
    flow = ["input >> FOREACH x IN input.items >> each", "each >> CALLS_SUBFLOW >> inner", "input >> CONTINUE >> bad"]
    config = {"each": {"component": "echo", "list": "{{x}}"}}
    record = await run(bench, flow, {"items": [[1], [2, 3]]}, config=config)
    assert [entry.index for entry in record.undos if entry.index] == [(1, 1), (1, 0), (0, 0)]


async def test_the_time_for_undos_is_that_of_all_of_a_run() -> None:
    inner = {"flow": ["input >> PIPE >> a", "a >> PIPE >> bad"], "config": {"a": {"undo": {"component": "stuck"}}}}
    bench = EngineBench(BENCH, workflows={"inner": inner})
    flow = ["input >> PIPE >> b", "b >> CALLS_SUBFLOW >> inner"]
    record = await run(bench, flow, config={"b": {"undo": {"component": "stuck"}}})
    assert (record.duration_ms, record.undone) == (MAX_UNDO_MS, "partial")


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        pytest.param(RunLimits(subrequests=20), "SUBREQUEST_LIMIT", id="subrequests"),
        pytest.param(RunLimits(is_free=True), "CPU_BUDGET", id="processor time"),
    ],
)
async def test_a_run_that_has_used_up_its_budget_is_undone_all_the_same(limits: RunLimits, code: str) -> None:
    """What undos take is set aside when their nodes have succeeded. A called workflow takes two subrequests."""
    inner = {"flow": ["input >> PIPE >> c"]}
    bench = EngineBench(BENCH, workflows={"inner": inner}, limits=limits)
    flow = [
        "input >> PIPE >> a",
        "a >> PIPE >> b",
        "b >> FOREACH x IN input.items >> echo",
        "echo >> CALLS_SUBFLOW >> inner",
    ]
    record = await run(bench, flow, {"items": [*range(60)]}, config=undoing("a", "b"))
    assert (record.error and record.error.code, record.undone, dropped(bench)) == (code, "complete", ["b", "a"])


async def test_undos_hold_only_the_values_that_they_read() -> None:
    """Each element's body answers more than a hundredth of what a run may hold."""
    size = MAX_LIVE_BYTES // 100
    bench = EngineBench({**BENCH, "large": data({"id": 7, "text": "x" * size}), "small": data(None)})
    flow = ["input >> FOREACH x IN input.items >> large", "large >> PIPE >> small", "input >> CONTINUE >> bad"]
    for read, code in ((1, "BAD"), ("{{large.data.id}}", "RUN_TOO_LARGE")):
        record = await run(bench, flow, {"items": [*range(120)]}, config={"large": undo(of=read)})
        assert record.error is not None
        assert (record.error.code, record.undone) == (code, "complete")


async def test_what_undos_held_is_free_again() -> None:
    size = MAX_LIVE_BYTES // 4
    inner = {"flow": ["input >> PIPE >> large", "large >> PIPE >> bad"], "config": undoing("large")}
    bench = EngineBench({**BENCH, "large": data({"id": 1, "text": "x" * size})}, workflows={"inner": inner})
    flow = ["input >> FOREACH x IN input.items >> each", "each >> CALLS_SUBFLOW >> inner", "input >> CONTINUE >> echo"]
    config = {
        "input": {"foreach": {"on_error": "continue"}},
        "each": {"component": "a"},
        "echo": {"of": "{{x.errors}}"},
    }
    record = await run(bench, flow, {"items": [*range(9)]}, config=config)
    assert [each["error"]["code"] for each in record.data["of"]] == ["BAD"] * 9
    assert dropped(bench) == [1] * 9


async def test_a_run_that_somebody_cancels_is_undone() -> None:
    bench, asked = EngineBench({**BENCH, "slow": taking(60_000)}), list[str]()

    async def watch(run_id: str) -> bool:
        asked.append(run_id)
        return len(asked) == 3

    plan = bench.plan({"name": "w", "flow": ["input >> PIPE >> a", "a >> PIPE >> slow"], "config": undoing("a")})
    record = await bench.engine.run(plan, Trigger(TriggerKind.NAME, {}), RUN_ID, watch=watch)
    assert (record.status, record.undone, dropped(bench)) == ("cancelled", "complete", ["a"])
    assert (asked, round(record.duration_ms)) == ([RUN_ID] * 3, 6_000)


async def test_a_run_with_few_subrequests_left_is_not_watched() -> None:
    bench = EngineBench({**BENCH, "slow": taking(20_000)}, limits=RunLimits(20))
    asked = list[str]()

    async def watch(run_id: str) -> bool:
        asked.append(run_id)
        return False

    plan = bench.plan({"name": "w", "flow": ["input >> PIPE >> slow"]})
    record = await bench.engine.run(plan, Trigger(TriggerKind.NAME, {}), RUN_ID, watch=watch)
    assert (record.status, len(asked) < 9) == ("success", True)
