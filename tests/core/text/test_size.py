"""The weight of a value is counted in short steps, and counting stops beyond the maximum."""

from typing import Any

import pytest

from arcrun.interruptible import run_steps
from arcrun.json_size import STEP_VALUES, Size, size_of, size_of_in_steps


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, Size(8, 1)),
        ("text", Size(6, 1)),
        ([], Size(2, 1)),
        ([1, 2], Size(22, 3)),
        ({"a": "b"}, Size(12, 3)),
        ([[1]] * 10_000, Size(20_002 + 10_000 * 12, 20_001)),
    ],
)
def test_the_size_of_a_value(value: Any, expected: Size) -> None:
    assert size_of(value) == run_steps(size_of_in_steps(value)) == expected


@pytest.mark.parametrize("value", [[1] * 50_000, [{"a": [1, 2]}] * 10_000, {f"k{i}": i for i in range(30_000)}])
def test_a_step_is_short_and_all_is_counted(value: Any) -> None:
    steps = list(size_of_in_steps(value))
    assert len(steps) >= size_of(value).values // (2 * STEP_VALUES)


def test_counting_ends_where_there_is_more_than_the_most() -> None:
    assert size_of([1] * 50_000, most_values=100).values == 101
