"""The record of a node in a loop: sums, and the records of at most three iterations."""

from dataclasses import dataclass, field

import pytest

from arcrun.engine.context import Ledger, TraceBudget
from arcrun.engine.record import Iterations, NodeRecord, NodeStatus
from arcrun.limits import MAX_TRACE_BYTES
from fakes.flows import plan_of

PLAN = plan_of("input >> FOREACH x IN input.items >> a")
S, F, N = NodeStatus.SUCCESS, NodeStatus.FAILED, NodeStatus.SKIPPED


@dataclass
class End:
    status: NodeStatus
    number: int = 0
    start_ms: float = 0
    duration_ms: float = 0
    attempts: int = 1
    fuel: int | None = None
    bytes: int = 0
    node: str = "a"
    asked: list[int] = field(default_factory=list)

    def record(self, _room_bytes: int) -> NodeRecord:
        self.asked.append(self.number)
        return NodeRecord("a", "a", self.status, output={"data": self.number}, bytes=self.bytes)


def trace_of(*ends: End, order: tuple[int, ...] | None = None) -> NodeRecord:
    ledger = Ledger(TraceBudget())
    for index in order or range(len(ends)):
        ledger.add(ends[index], (index,))
    [entry] = ledger.trace(PLAN)
    return entry


@pytest.mark.parametrize(
    ("statuses", "shown", "counts"),
    [
        pytest.param([S, S], 0, (2, 0, 0), id="the first success"),
        pytest.param([S, F, F], 1, (1, 2, 0), id="the first failure before a success"),
        pytest.param([N, S], 1, (1, 0, 1), id="a success before what was skipped"),
        pytest.param([N, N], 0, (0, 0, 2), id="skipped"),
    ],
)
def test_one_iteration_stands_for_all(statuses: list[NodeStatus], shown: int, counts: tuple[int, int, int]) -> None:
    ends = [End(status, number) for number, status in enumerate(statuses)]
    for order in (tuple(range(len(ends))), tuple(reversed(range(len(ends))))):
        entry = trace_of(*ends, order=order)
        assert (entry.output, entry.iterations) == ({"data": shown}, Iterations(*counts))


def test_sums_are_those_of_all_and_times_of_those_that_ran() -> None:
    entry = trace_of(End(N, attempts=0), End(S, 1, 5, 3, 2, 10), End(F, 2, 4, 1, 3), End(S, 3, 6, 9, 1, 7))
    assert (entry.attempts, entry.fuel, entry.start_ms, entry.duration_ms) == (6, 17, 4, 11)


def test_no_record_is_made_that_is_not_kept() -> None:
    asked = list[int]()
    trace_of(*(End(F if number % 3 == 2 else S, number, asked=asked) for number in range(300)))
    assert asked == [0, 2]


def test_what_there_is_no_room_for_is_kept_without_its_values() -> None:
    entry = trace_of(End(S, bytes=MAX_TRACE_BYTES + 1))
    assert entry.to_json()["output"]["_truncated"]
