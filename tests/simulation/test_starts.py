"""What starts by itself starts as its rules say: each time once or counted as left out, each failure told and each
success followed once, whatever becomes of alarms, isolates and objects.
"""

from collections.abc import Sequence

import pytest
from simulation.searches import parts_of_search
from simulation.starts import simulate_starts
from simulation.variants import START_VARIANTS, seeds_that_show


@pytest.mark.parametrize("seeds", parts_of_search(12, telling=seeds_that_show(START_VARIANTS)))
def test_workflows_start_as_their_rules_say(seeds: Sequence[int]) -> None:
    pasts = [simulate_starts(seed) for seed in seeds]
    assert sum(len({effect.run for effect in past.effects}) for past in pasts) > 5 * len(seeds)
