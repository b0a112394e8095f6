"""Proves which quotas of a plan are told as nearly used up."""

from typing import Any

import pytest

from arcrun.run_log.usage import find_nearly_used_up


def figure(name: str, used: int, most: int | None, is_estimate: bool = False) -> dict[str, Any]:
    return {"name": name, "used": used, "most": most, "is_estimate": is_estimate}


MIB = 1024 * 1024
ROWS, KV = figure("rows_written", 79_999, 100_000, True), figure("kv_writes", 192, 1_000)


@pytest.mark.parametrize(
    ("each", "said"),
    [
        pytest.param(ROWS, [], id="below"),
        pytest.param(
            {**ROWS, "used": 80_000}, ["rows written to Durable Objects today: ~80,000 of 100,000."], id="four fifths"
        ),
        pytest.param({**KV, "used": 2_000}, ["writes of verdicts to KV today: 2,000 of 1,000."], id="beyond"),
        pytest.param({**ROWS, "used": 10**9, "most": None}, [], id="by the month"),
        pytest.param(
            figure("stored_bytes", 900 * MIB, 1024 * MIB), ["records of runs, MiB: 900.0 of 1,024.0."], id="storage"
        ),
        pytest.param(figure("of tomorrow", 9, 10), ["of tomorrow: 9 of 10."], id="a figure of a later version"),
    ],
)
def test_nearly_used_up_quotas_are_reported(each: dict[str, Any], said: list[str]) -> None:
    assert find_nearly_used_up([KV, each]) == said
