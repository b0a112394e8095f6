"""The seeds that tests try: a few in a row, and those that have shown something. ARCRUN_SEARCH=5 tries five times as
many in a row, `scripts/simulate` any number.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from fakes.ports.searches import examples


def parts_of_search(short: int, *, first: int = 0, telling: Iterable[int] = ()) -> Sequence[Any]:
    """Parameters, each some seeds to try: `short` of them in an ordinary run, after those that are `telling`."""
    rows = [range(begin, begin + short) for begin in range(first, first + examples(short), short)]
    told = sorted(set(telling) - {seed for row in rows for seed in row})
    return [pytest.param([*told, *row] if row is rows[0] else [*row], id=str(row[0])) for row in rows]
