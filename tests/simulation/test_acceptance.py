"""What was accepted is run to its end, once for a key, by a version that is current, and its record is true, whenever
isolates end and objects begin anew.
"""

from collections.abc import Sequence

import pytest
from simulation.acceptance import simulate_platform
from simulation.searches import parts_of_search
from simulation.variants import PLATFORM_VARIANTS, seeds_that_show


@pytest.mark.parametrize("seeds", parts_of_search(40, telling=seeds_that_show(PLATFORM_VARIANTS)))
def test_what_is_accepted_is_run_as_it_was_promised(seeds: Sequence[int]) -> None:
    histories = [simulate_platform(seed) for seed in seeds]
    assert sum(len(history.accepted) for history in histories) > len(seeds)
