"""Replays and retries over the engine: what is taken over is not run again, what follows is, and what no record has is
missed before anything runs.
"""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from arcrun.engine.engine import Trigger
from arcrun.engine.record import RunRecord
from arcrun.engine.trigger import TriggerKind
from arcrun.errors import ConflictError, NotFoundError
from arcrun.limits import MAX_TRACE_BYTES
from arcrun.replays.choice import Taken, take_before, take_succeeded
from arcrun.replays.needs import require_known
from arcrun.replays.replay import Replay
from arcrun.workflows.plan import Plan
from fakes.engine import RUN_ID, EngineBench, data, echo, failure, in_turn, statuses, taking

pytestmark = pytest.mark.anyio

CHAIN: dict[str, Any] = {
    "flow": ["input >> PIPE >> a", "a >> PIPE >> b", "b >> PIPE >> c"],
    "config": {
        "a": {"component": "tell", "text": "{{input.text}}"},
        "b": {"component": "shaky", "text": "{{a.data.text}}"},
        "c": {"component": "tell", "text": "{{a.data.text}} {{b.data.text}}"},
    },
}
GIVEN = {"text": "hi"}
DIAMOND = ["input >> PIPE >> a", "input >> PIPE >> b", "a >> PIPE >> c", "b >> PIPE >> c"]


def build(**behaviours: Any) -> EngineBench:
    return EngineBench({"tell": echo, "shaky": in_turn(failure(), data({"text": "there"})), **behaviours})


def plan_of(bench: EngineBench, source: Mapping[str, Any]) -> Plan:
    """The plan of a source, whose config may have a component's name for a node."""
    config = {name: {"component": each} if isinstance(each, str) else each for name, each in source["config"].items()}
    return bench.plan({"name": "w", **source, "config": config})


async def run(bench: EngineBench, plan: Plan, given: Any = GIVEN, replay: Replay | None = None) -> RunRecord:
    return await bench.engine.run(plan, Trigger(TriggerKind.REPLAY, given, replay=replay), RUN_ID)


def stored(record: RunRecord) -> dict[str, Any]:
    """The record as it is read again."""
    told: dict[str, Any] = json.loads(json.dumps(record.to_stored()))
    return told


def load(taken: Taken) -> Replay:
    """The replay as an instance reads it from its start."""
    return Replay.load(json.loads(json.dumps(Replay("origin", taken.nodes, taken.loops, taken.stopped).to_json())))


async def retry(bench: EngineBench, source: Mapping[str, Any], given: Any = GIVEN) -> tuple[RunRecord, RunRecord]:
    plan = plan_of(bench, source)
    first = await run(bench, plan, given)
    taken = take_succeeded(plan, stored(first))
    require_known(plan, taken)
    return first, await run(bench, plan, given, load(taken))


async def replay_from(bench: EngineBench, source: Mapping[str, Any], start: str, given: Any = GIVEN) -> RunRecord:
    plan = plan_of(bench, source)
    taken = take_before(plan, stored(await run(bench, plan, given)), start)
    require_known(plan, taken)
    return await run(bench, plan, given, load(taken))


def taken_in(record: RunRecord) -> set[str]:
    return {entry.node for entry in record.trace if entry.is_taken_over}


async def test_a_retry_runs_what_has_failed_and_what_follows_it() -> None:
    bench = build()
    first, second = await retry(bench, CHAIN)
    assert (first.status, second.status, second.data) == ("failed", "success", {"text": "hi there"})
    assert (taken_in(second), second.replay_of) == ({"a"}, "origin")
    assert bench.inputs_of("tell") == [{"text": "hi"}, {"text": "hi there"}]  # `a` once, `c` once
    [taken, *_] = stored(second)["trace"]
    assert {**taken, "start_ms": 0} == {
        "node": "a",
        "component": "tell",
        "status": "success",
        "attempts": 0,
        "start_ms": 0,
        "duration_ms": 0.0,
        "taken_over": True,
        "output": {"success": True, "data": {"text": "hi"}},
    }


async def test_a_replay_from_a_node_takes_over_only_what_is_before_it() -> None:
    source = {"flow": [*DIAMOND, "input >> PIPE >> d"], "config": dict.fromkeys("abcd", "tell")}
    bench = build()
    record = await replay_from(bench, source, "c")
    assert (taken_in(record), statuses(record)) == ({"a", "b"}, dict.fromkeys("abcd", "success"))
    assert len(bench.inputs_of("tell")) == 4 + 2


async def test_a_retry_of_a_retry_takes_over_what_both_have_done() -> None:
    bench = build(shaky=in_turn(failure(), failure(), data({"text": "there"})))
    plan = plan_of(bench, CHAIN)
    record = await run(bench, plan)
    for _ in range(2):
        record = await run(bench, plan, replay=load(take_succeeded(plan, stored(record))))
    assert (record.data, taken_in(record)) == ({"text": "hi there"}, {"a"})
    assert len(bench.inputs_of("tell")) == 2


async def test_conditions_behind_what_is_taken_over_decide_as_before() -> None:
    flow = [
        "input >> PIPE >> a",
        "a >> IF(a.data.text == 'hi') >> b",
        "a >> IF(a.data.text == 'ho') >> c",
        "b >> PIPE >> d",
        "c >> PIPE >> d",
    ]
    source = {"flow": flow, "config": {**dict.fromkeys("abc", "tell"), "a": CHAIN["config"]["a"], "d": "shaky"}}
    first, second = await retry(build(), source)
    assert statuses(first)["d"] == "failed"
    assert statuses(second) == {"a": "success", "b": "success", "c": "skipped", "d": "success"}


async def test_a_failure_that_was_handled_is_taken_over_as_a_failure() -> None:
    source = {
        "flow": ["input >> PIPE >> a", "a >> ON_FAIL >> b", "b >> PIPE >> c"],
        "config": {"a": "broken", "b": {"component": "tell", "text": "{{a.error.code}}"}, "c": "shaky"},
    }
    bench = build(broken=in_turn(failure("GONE"), data({})))
    _, second = await retry(bench, source)
    assert (second.status, taken_in(second)) == ("success", {"a", "b"})
    assert statuses(second) == {"a": "failed", "b": "success", "c": "success"}
    assert (len(bench.inputs_of("broken")), second.trace[0].error and second.trace[0].error.code) == (1, "GONE")


async def test_what_was_undone_runs_again() -> None:
    undo = {"component": "tell", "text": "undo"}
    source = {**CHAIN, "config": {**CHAIN["config"], "a": {**CHAIN["config"]["a"], "undo": undo}}}
    bench = build()
    first, second = await retry(bench, source)
    assert (first.undone, second.status, taken_in(second)) == ("complete", "success", set())
    texts = [given["text"] for given in bench.inputs_of("tell")]
    assert texts == ["hi", "undo", "hi", "hi there"]


async def test_what_a_called_workflow_has_undone_itself_is_no_reason_to_run_it_again() -> None:
    inner = {
        "flow": ["input >> PIPE >> x", "x >> PIPE >> y"],
        "config": {"x": {"component": "tell", "undo": {"component": "tell"}}, "y": {"component": "broken"}},
    }
    source = {
        "flow": ["input >> CALLS_SUBFLOW >> sub", "sub >> ON_FAIL >> a", "a >> PIPE >> b"],
        "config": {"sub": {"workflow": "inner", "input": {}}, "a": "tell", "b": "shaky"},
    }
    bench = build(broken=failure())
    bench.workflows = {"inner": inner}
    first, second = await retry(bench, source)
    assert (first.undone, second.status, taken_in(second)) == ("complete", "success", {"sub", "a"})
    assert len(bench.inputs_of("broken")) == 1


async def test_what_a_stop_kept_from_running_is_decided_again() -> None:
    source = {
        "flow": ["input >> PIPE >> a", "a >> IF(input.stops) >> stop", "a >> PIPE >> b", "b >> PIPE >> c"],
        "config": dict.fromkeys("abc", "tell"),
    }
    bench = build()
    plan = plan_of(bench, source)
    first = await run(bench, plan, {"stops": True})
    taken = take_before(plan, stored(first), "c")
    second = await run(bench, plan, {"stops": False}, load(taken))
    assert statuses(first) == {"a": "success", "b": "skipped", "c": "skipped"}
    assert (statuses(second), taken_in(second)) == (dict.fromkeys("abc", "success"), {"a"})


async def test_a_loop_that_has_ended_is_taken_over_and_one_that_has_failed_runs_again() -> None:
    flow = ["input >> FOREACH x IN input.list >> a", "input >> CONTINUE >> b", "b >> FOREACH y IN b.data.list >> c"]
    source = {"flow": flow, "config": {"a": "tell", "b": {"component": "tell", "list": [1, 2]}, "c": "shaky"}}
    bench = build()
    _, second = await retry(bench, source, {"list": [1, 2, 3]})
    assert (second.status, taken_in(second)) == ("success", {"a", "b"})
    assert len(bench.inputs_of("tell")) == 3 + 1
    assert len(bench.inputs_of("shaky")) == 1 + 2


async def test_a_called_workflow_counts_as_one_node() -> None:
    bench = build()
    bench.workflows = {"inner": {"flow": ["input >> PIPE >> x"], "config": {"x": {"component": "tell"}}}}
    source = {
        "flow": ["input >> PIPE >> a", "a >> CALLS_SUBFLOW >> sub", "sub >> PIPE >> b"],
        "config": {"a": "tell", "sub": {"workflow": "inner", "input": {"n": 1}}, "b": "shaky"},
    }
    _, second = await retry(bench, source)
    assert (second.status, taken_in(second), len(bench.inputs_of("tell"))) == ("success", {"a", "sub"}, 2)


async def test_a_branch_that_a_failure_cut_off_runs_again() -> None:
    source = {"flow": DIAMOND, "config": {"a": "slow", "b": "shaky", "c": "tell"}}
    bench = build(slow=taking(500), shaky=in_turn(failure(), data({})))
    first, second = await retry(bench, source)
    assert statuses(first) == {"a": "failed", "b": "failed", "c": "skipped"}
    assert (second.status, taken_in(second)) == ("success", set())


async def test_what_a_join_did_not_need_is_not_run_for_it_again() -> None:
    source = {
        "flow": ["input >> PIPE >> a", "input >> PIPE >> b", "a >> PIPE >> c", "b >> PIPE >> c", "c >> PIPE >> d"],
        "config": {
            "a": "tell",
            "b": "slow",
            "c": {"component": "tell", "join": "first", "cancel_rest": True},
            "d": "shaky",
        },
    }
    bench = build(slow=taking(500))
    _, second = await retry(bench, source)
    assert (second.status, taken_in(second)) == ("success", {"a", "b", "c"})
    assert len(bench.inputs_of("slow")) == 1


@pytest.mark.parametrize(
    ("source", "start", "named"),
    [
        pytest.param({**CHAIN, "config": {**CHAIN["config"], "b": "tell"}}, "c", "a", id="a value that was cut"),
        pytest.param(
            {"flow": ["input >> PIPE >> a", "a >> IF(a.data.text) >> b", "b >> PIPE >> c"], "config": CHAIN["config"]},
            "b",
            "a",
            id="a condition",
        ),
        pytest.param(
            {
                "flow": ["input >> PIPE >> a", "a >> FOREACH x IN a.data.list >> b"],
                "config": {"a": {"component": "tell", "text": "{{input.text}}", "list": [1]}, "b": "tell"},
            },
            "b",
            "a",
            id="the list of a loop",
        ),
        pytest.param(
            {
                "flow": ["input >> PIPE >> a", "a >> PIPE >> b"],
                "config": {"a": CHAIN["config"]["a"], "b": {"component": "tell", "take": "a.data"}},
            },
            "b",
            "a",
            id="what is taken",
        ),
        pytest.param(
            {
                "flow": ["input >> PIPE >> a", "a >> PIPE >> b", "a >> PIPE >> output"],
                "config": {"a": CHAIN["config"]["a"], "b": "tell"},
            },
            "b",
            "a",
            id="the answer",
        ),
    ],
)
async def test_a_value_that_the_record_lacks_is_missed_before_anything_runs(
    source: Mapping[str, Any], start: str, named: str
) -> None:
    bench = EngineBench({"tell": echo, "shaky": echo})
    plan = plan_of(bench, source)
    record = stored(await run(bench, plan, {"text": "x" * (MAX_TRACE_BYTES + 1)}))
    with pytest.raises(ConflictError) as refused:
        require_known(plan, take_before(plan, record, start))
    assert (refused.value.code, refused.value.details) == ("REPLAY_NOT_POSSIBLE", {"node": named})
    assert "no room" in refused.value.message


async def test_a_value_that_nobody_needs_may_be_missing() -> None:
    source = {
        "flow": ["input >> PIPE >> a", "a >> PIPE >> b"],
        "config": {"a": CHAIN["config"]["a"], "b": {"component": "tell", "text": "short"}},
    }
    record = await replay_from(build(), source, "b", {"text": "x" * (MAX_TRACE_BYTES + 1)})
    assert (record.data, taken_in(record)) == ({"text": "short"}, {"a"})
    [taken, _] = stored(record)["trace"]
    assert taken["output"]["_truncated"]


async def test_a_secret_is_missed_where_it_was_and_nowhere_else() -> None:
    bench = EngineBench({"tell": echo}, secrets={"key": "the-secret-value"})
    config = {
        "a": {"component": "tell", "secret": "{{credential.key}}", "id": 7},
        "b": {"component": "tell", "id": "{{a.data.id}}"},
        "c": {"component": "tell", "id": "{{a.data.secret}}"},
    }
    flow = ["input >> PIPE >> a", "a >> PIPE >> b", "b >> PIPE >> c"]
    assert (await replay_from(bench, {"flow": flow[:2], "config": {"a": config["a"], "b": config["b"]}}, "b")).data == {
        "id": 7
    }
    with pytest.raises(ConflictError, match="`c` needs what `a` answered, and it has a secret in it"):
        await replay_from(bench, {"flow": flow, "config": config}, "b")


async def test_what_a_loop_has_gathered_is_missed() -> None:
    source = {
        "flow": ["input >> FOREACH x IN input.list >> a", "input >> CONTINUE >> b", "b >> PIPE >> c"],
        "config": {"a": "tell", "b": "tell", "c": {"component": "tell", "n": "{{x.results}}"}},
    }
    with pytest.raises(ConflictError, match="needs what the loop over `x` has gathered"):
        await replay_from(build(), source, "c", {"list": [1]})
    record = await replay_from(build(), source, "a", {"list": [1]})  # the loop itself
    assert (record.status, taken_in(record)) == ("success", set())


@pytest.mark.parametrize(
    ("start", "error", "message"),
    [
        pytest.param("c", ConflictError, "The replay cannot begin with `c`: `b` has failed", id="behind a failure"),
        pytest.param("z", NotFoundError, "There is no node `z`", id="unknown"),
    ],
)
async def test_where_a_replay_cannot_begin(start: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        await replay_from(build(), CHAIN, start)


async def test_undone_nodes_cannot_be_taken_over() -> None:
    undo = {"component": "tell", "text": "undo"}
    source = {**CHAIN, "config": {**CHAIN["config"], "a": {**CHAIN["config"]["a"], "undo": undo}}}
    with pytest.raises(ConflictError, match="what `a` had done was undone"):
        await replay_from(build(), source, "b")


async def test_a_replay_undoes_only_what_it_has_done_itself() -> None:
    config = {
        "a": {"component": "tell", "text": "a", "undo": {"component": "tell", "text": "undo a"}},
        "b": {"component": "tell", "text": "b", "undo": {"component": "tell", "text": "undo b"}},
        "c": "shaky",
    }
    bench = build(shaky=in_turn(data({}), failure()))
    record = await replay_from(bench, {"flow": CHAIN["flow"], "config": config}, "b")
    assert (record.status, record.undone) == ("failed", "complete")
    assert [given["text"] for given in bench.inputs_of("tell")] == ["a", "b", "b", "undo b"]


async def test_rounds_of_a_node_are_taken_over_with_it() -> None:
    source = {
        "flow": ["input >> PIPE >> a", "a >> PIPE >> b"],
        "config": {
            "a": {"component": "count", "repeat": {"until": "a.data.n == `2`", "max": 5}},
            "b": {"component": "tell", "n": "{{a.rounds}}"},
        },
    }
    bench = build(count=in_turn(data({"n": 1}), data({"n": 2})))
    assert (await replay_from(bench, source, "b")).data == {"n": 2}


LOOP_AND_JOIN: dict[str, Any] = {
    "flow": [
        "input >> FOREACH x IN input.list >> a",
        "input >> CONTINUE >> b",
        "input >> PIPE >> c",
        "b >> PIPE >> d",
        "c >> PIPE >> d",
        "d >> PIPE >> e",
    ],
    "config": {
        "a": "slow",
        "b": "tell",
        "c": "tell",
        "d": {"component": "tell", "join": "first", "cancel_rest": True},
        "e": "shaky",
    },
}


async def test_a_loop_that_a_join_has_cancelled_is_not_run_for_it_again() -> None:
    bench = build(slow=taking(500))
    first, second = await retry(bench, LOOP_AND_JOIN, {"list": [1, 2]})
    assert (second.status, taken_in(second)) == ("success", {"a", "c", "d"})  # the join cancels `b` once more
    assert (statuses(first)["b"], statuses(second)["b"], len(bench.inputs_of("slow"))) == ("skipped", "skipped", 1)


async def test_a_replay_does_not_begin_with_a_join_that_may_have_cancelled_a_loop() -> None:
    with pytest.raises(ConflictError, match="does not say that the loop over `x` has ended"):
        await replay_from(build(slow=taking(500), shaky=echo), LOOP_AND_JOIN, "d", {"list": [1, 2]})


async def test_a_loop_that_another_version_had_not_is_no_loop_that_has_ended() -> None:
    bench = build()
    older = plan_of(bench, {"flow": ["input >> PIPE >> b", "b >> PIPE >> c"], "config": {"b": "tell", "c": "tell"}})
    flow = ["input >> FOREACH x IN input.list >> a", "input >> CONTINUE >> b", "b >> PIPE >> c"]
    newer = plan_of(bench, {"flow": flow, "config": {"a": "tell", "b": "tell", "c": "tell"}})
    record = stored(await run(bench, older, {"list": [1]}))
    with pytest.raises(ConflictError, match="the record has no `a`"):
        take_before(newer, record, "c")


async def test_a_node_that_another_version_had_not_is_missed() -> None:
    bench = build()
    older = plan_of(bench, {"flow": ["input >> PIPE >> b"], "config": {"b": "tell"}})
    newer = plan_of(bench, {"flow": ["input >> PIPE >> a", "a >> PIPE >> b"], "config": {"a": "tell", "b": "tell"}})
    with pytest.raises(ConflictError, match="the record has no `a`"):
        take_before(newer, stored(await run(bench, older)), "b")
