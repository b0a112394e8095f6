"""What was accepted is run to its end, once for a key, by a version that is current, and its record is true, whenever
isolates end and objects begin anew.
"""

import pytest
from simulation.acceptance import simulate_platform

from fakes.ports.searches import examples

SEEDS = examples(200)
PART = 100


@pytest.mark.parametrize("first", range(0, SEEDS, PART))
def test_what_is_accepted_is_run_as_it_was_promised(first: int) -> None:
    histories = [simulate_platform(seed) for seed in range(first, first + PART)]
    assert sum(len(history.accepted) for history in histories) > PART
