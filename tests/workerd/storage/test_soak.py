"""Kills the runtime under load: the short form of scripts/soak."""

from pathlib import Path

import pytest

from executor.records.logged_runs import GATHER_MS
from workerd.soak import BEFORE_ANSWER, DEFAULT, soak

pytestmark = [pytest.mark.workerd, pytest.mark.quiet]

KILLS = 10
WRITING_MS = 100  # the time to write a batch, with eight clients and a busy machine


def test_what_was_answered_is_kept_though_the_runtime_is_killed(tmp_path: Path) -> None:
    result = soak(tmp_path / "platform", KILLS)
    assert result.faults == []
    assert (result.kills, min(result.answered[BEFORE_ANSWER], result.answered[DEFAULT]) > 100) == (KILLS, True)
    assert max(result.lost_ms, default=0) <= GATHER_MS + WRITING_MS
