"""How long randomized tests search. ARCRUN_SEARCH=50 pytest tests/core/test_x.py has 50 times the examples."""

import os

TIMES = int(os.environ.get("ARCRUN_SEARCH", "1"))


def examples(short: int) -> int:
    """`short` are those of an ordinary run."""
    return short * TIMES
