"""What starts by itself starts as its rules say: each time once or counted as left out, each failure told and each
success followed once, whatever becomes of alarms, isolates and objects.
"""

import pytest
from simulation.starts import simulate_starts

from fakes.ports.searches import examples

SEEDS = examples(60)
PART = 30


@pytest.mark.parametrize("first", range(0, SEEDS, PART))
def test_workflows_start_as_their_rules_say(first: int) -> None:
    pasts = [simulate_starts(seed) for seed in range(first, first + PART)]
    assert sum(len({effect.run for effect in past.effects}) for past in pasts) > 5 * PART
