"""`repeat`: rounds until an expression is met, what they see and collect, waits, failures, cancellation, the record."""

import asyncio
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import pytest

from arcrun.limits import MAX_ELEMENTS, MAX_SHOWN_ROUNDS
from fakes.components import Input
from fakes.engine import EngineBench, data, echo, failure, statuses
from fakes.ports.virtual_time import VirtualTimeLoop

pytestmark = pytest.mark.anyio

FLOW = ["input >> PIPE >> pages"]
PAGES = [[1, 2], [3], [], [4, 5]]


async def page(given: Input) -> Mapping[str, Any]:
    """Page `cursor` of PAGES, and the next one's cursor."""
    at = int(given.get("cursor") or 0)
    return data({"items": PAGES[at], **({"next": at + 1} if at + 1 < len(PAGES) else {})})


PAGING = {"cursor": "{{previous.next?}}", "repeat": {"until": "!(pages.data.next)", "max": 10}}


def paging(**repeat: Any) -> dict[str, Any]:
    return {"pages": {**PAGING, "repeat": {**PAGING["repeat"], **repeat}}}  # type: ignore[dict-item]


async def test_paging_collects_the_items_of_all_pages() -> None:
    bench = EngineBench({"pages": page, "use": echo})
    config = {
        **paging(collect="pages.data.items"),
        "use": {"all": "{{pages.collected}}", "rounds": "{{pages.rounds}}", "last": "{{pages.data.items}}"},
    }
    record = await bench.run([*FLOW, "pages >> PIPE >> use"], config=config)
    assert record.error is None
    assert bench.inputs_of("pages") == [{"cursor": None}, {"cursor": 1}, {"cursor": 2}, {"cursor": 3}]
    assert bench.inputs_of("use") == [{"all": [1, 2, 3, 4, 5], "rounds": 4, "last": [4, 5]}]


async def test_previous_in_until_is_what_the_round_has_answered() -> None:
    bench = EngineBench({"pages": page})
    record = await bench.run(FLOW, config=paging(until="!(previous.next)"))
    assert (record.error, len(bench.inputs_of("pages"))) == (None, 4)


async def test_a_round_sees_how_many_there_were_and_what_they_have_collected() -> None:
    bench = EngineBench({"pages": page})
    config = {
        "pages": {
            "cursor": "{{pages.rounds}}",
            "seen": "{{pages.collected}}",
            "repeat": {
                "until": "length(pages.collected) >= `3` && pages.rounds == `2`",
                "max": 9,
                "collect": "pages.data.items",
            },
        }
    }
    record = await bench.run(FLOW, config=config)
    assert record.error is None
    assert bench.inputs_of("pages") == [{"cursor": 0, "seen": []}, {"cursor": 1, "seen": [1, 2]}]
    [entry] = record.render_trace()
    assert [it["input"]["seen"] for it in entry["rounds"]["trace"]] == [[], [1, 2]]
    assert entry["output"]["collected"] == [1, 2, 3]


async def test_beyond_max_the_node_fails_and_can_be_handled() -> None:
    bench = EngineBench({"pages": page, "alarm": echo})
    record = await bench.run(FLOW, config=paging(max=3))
    assert record.error is not None
    assert (record.error.code, record.error.details) == ("REPEAT_EXHAUSTED", {"rounds": 3, "node": "pages"})
    handled = await bench.run(
        [*FLOW, "pages >> ON_FAIL >> alarm"],
        config={**paging(max=3), "alarm": {"code": "{{pages.error.code}}"}},
    )
    assert handled.error is None
    assert bench.inputs_of("alarm") == [{"code": "REPEAT_EXHAUSTED"}]


async def test_beyond_max_it_may_go_on_with_the_last_output() -> None:
    bench = EngineBench({"pages": page})
    record = await bench.run(FLOW, config=paging(max=2, on_max="continue", collect="pages.data.items"))
    assert (record.error, record.data) == (None, {"items": [3], "next": 2})


@pytest.mark.parametrize(
    ("repeat", "waits"),
    [
        pytest.param({}, [0, 0, 0], id="none"),
        pytest.param({"wait_ms": 1000}, [1000, 1000, 1000], id="fixed"),
        pytest.param({"wait_ms": 1000, "backoff": "exponential"}, [1000, 2000, 4000], id="exponential"),
        pytest.param({"wait_ms": 200_000, "backoff": "exponential"}, [200_000, 300_000, 300_000], id="bounded"),
    ],
)
def test_the_waits_between_rounds(repeat: dict[str, Any], waits: list[int]) -> None:
    begun: list[float] = []

    async def note(given: Input) -> Mapping[str, Any]:
        begun.append(asyncio.get_running_loop().time() * 1000)
        return await page(given)

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        bench = EngineBench({"pages": note})
        record = runner.run(bench.run(FLOW, config=paging(**repeat), timeout_ms=900_000))
    assert record.error is None
    assert [later - before for before, later in pairwise(begun)] == pytest.approx(waits, abs=5)


async def test_each_round_has_its_retries_and_a_failing_round_ends_it() -> None:
    answers = [failure("BUSY"), data({"next": 1}), failure("BUSY"), failure("BUSY")]

    async def flaky(_: Input) -> Mapping[str, Any]:
        return answers.pop(0)

    config = {
        "pages": {
            "repeat": {"until": "!(pages.data.next)", "max": 9, "collect": "pages.data"},
            "retry": {"max_attempts": 2, "initial_ms": 0, "on": ["BUSY"]},
        }
    }
    record = await EngineBench({"pages": flaky}).run(FLOW, config=config)
    [entry] = record.trace
    assert record.error is not None
    assert (record.error.code, entry.attempts, answers) == ("BUSY", 4, [])
    assert entry.rounds is not None
    assert [(it.status, it.attempts) for it in entry.rounds.first] == [("success", 2), ("failed", 2)]


async def test_the_record_has_each_round_and_the_sums() -> None:
    record = await EngineBench({"pages": page}).run(FLOW, config=paging(collect="pages.data.items"))
    [entry] = record.render_trace()
    assert (entry["attempts"], entry["rounds"]["count"]) == (4, 4)
    rounds = entry["rounds"]["trace"]
    assert [(it["round"], it["status"], it["output"]["data"]["items"]) for it in rounds] == [
        (number, "success", items) for number, items in enumerate(PAGES, 1)
    ]
    assert entry["output"] == {"success": True, "data": {"items": [4, 5]}, "rounds": 4, "collected": [1, 2, 3, 4, 5]}


async def test_of_many_rounds_the_first_and_the_last_are_kept() -> None:
    async def count(given: Input) -> Mapping[str, Any]:
        return data({"n": given["n"] + 1})

    config = {"pages": {"n": "{{previous.n | default(0)}}", "repeat": {"until": "pages.data.n == `100`", "max": 100}}}
    record = await EngineBench({"pages": count}).run(FLOW, config=config)
    [entry] = record.render_trace()
    numbers = [it["round"] for it in entry["rounds"]["trace"]]
    kept = MAX_SHOWN_ROUNDS
    assert (entry["rounds"]["count"], numbers) == (100, [*range(1, kept + 1), *range(101 - kept, 101)])
    assert [it["output"]["data"]["n"] for it in entry["rounds"]["trace"]] == numbers


async def test_secrets_are_scrubbed_from_rounds() -> None:
    async def leak(given: Input) -> Mapping[str, Any]:
        return data({"seen": given["key"]})

    bench = EngineBench({"pages": leak}, secrets={"k": "secret-0123456789"})
    config = {"pages": {"key": "{{credential.k}}", "repeat": {"until": "pages.data.seen == 'x'", "max": 2}}}
    record = await bench.run(FLOW, config=config)
    assert "secret-0123456789" not in str(record.render_trace())
    assert record.trace[0].rounds is not None
    assert record.trace[0].rounds.count == 2


async def test_a_called_workflow_repeats_with_its_trace_in_each_round() -> None:
    fetch = {"flow": FLOW, "config": {"pages": {"cursor": "{{input.cursor}}"}}}
    bench = EngineBench({"pages": page}, workflows={"fetch": fetch})
    config = {
        "fetch": {
            "input": {"cursor": "{{previous.next?}}"},
            "repeat": {"until": "!(fetch.data.next)", "max": 5, "collect": "fetch.data.items"},
        }
    }
    record = await bench.run(["input >> CALLS_SUBFLOW >> fetch"], config=config)
    [entry] = record.render_trace()
    assert (record.error, entry["output"]["collected"]) == (None, [1, 2, 3, 4, 5])
    assert [[inner["node"] for inner in it["trace"]] for it in entry["rounds"]["trace"]] == [["pages"]] * 4


async def test_in_a_loop_each_element_repeats_on_its_own() -> None:
    async def count(given: Input) -> Mapping[str, Any]:
        return data({"n": (given.get("n") or given["start"]) + 1})

    flow = ["input >> FOREACH x IN input.starts >> poll"]
    repeat = {"until": "poll.data.n >= `10`", "max": 20, "collect": "poll.data.n"}
    config = {"poll": {"start": "{{x}}", "n": "{{previous.n?}}", "repeat": repeat}, "input": {"foreach": {}}}
    config.pop("input")
    record = await EngineBench({"poll": count}).run(flow, {"starts": [7, 9]}, config=config)
    assert (record.error, record.data) == (None, [{"n": 10}, {"n": 10}])
    assert record.trace[0].attempts == 4
    assert record.trace[0].iterations is not None
    assert record.trace[0].iterations.success == 2


@pytest.mark.parametrize(
    ("repeat", "code"),
    [
        pytest.param({"until": "length(pages.data.next) == `1`"}, "EXPRESSION_FAILED", id="until"),
        pytest.param({"collect": "pages.data.nothing"}, "UNRESOLVED_REFERENCE", id="collect"),
    ],
)
async def test_what_cannot_be_evaluated_is_a_failure_of_the_node(repeat: dict[str, Any], code: str) -> None:
    bench = EngineBench({"pages": page, "alarm": echo})
    record = await bench.run([*FLOW, "pages >> ON_FAIL >> alarm"], config=paging(**repeat))
    assert record.error is None
    assert statuses(record) == {"pages": "failed", "alarm": "success"}
    assert record.trace[0].error is not None
    assert record.trace[0].error.code == code


async def test_more_than_can_be_collected_is_a_failure() -> None:
    async def many(_: Input) -> Mapping[str, Any]:
        return data({"items": list(range(MAX_ELEMENTS // 2 + 1)), "next": 1})

    record = await EngineBench({"pages": many}).run(FLOW, config=paging(collect="pages.data.items"))
    assert record.error is not None
    assert record.error.code == "TOO_MANY_ITEMS"


def test_the_end_of_the_run_ends_the_rounds() -> None:
    config = {"pages": {"repeat": {"until": "pages.data.next == 'x'", "max": 1000, "wait_ms": 1000}}}
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        record = runner.run(EngineBench({"pages": page}).run(FLOW, config=config, timeout_ms=3_500))
    assert record.error is not None
    [entry] = record.trace
    assert (record.error.code, entry.status, entry.error and entry.error.code) == ("RUN_TIMEOUT", "failed", "CANCELLED")
    assert entry.rounds is not None
    assert entry.rounds.count == 4
