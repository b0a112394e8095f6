"""Proves that a list of runs from two places has each run once, newest first, however it is cut into pages."""

from collections.abc import Sequence
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arcrun.engine.record import Verdict
from arcrun.errors import ArcrunError
from executor.hosted.merged_list import ENDED, Part, Place, merge

ids = st.lists(st.integers(0, 60), unique=True, max_size=25)


def id_of(number: int) -> str:
    return f"{number:03d}"


def verdicts(found: Sequence[str]) -> list[Verdict]:
    return [cast(Verdict, {"id": run_id}) for run_id in found]


class TwoPlaces:
    """KV, whose pages have `page` runs at least and are cut anywhere, and the RunLog, which looks through so many."""

    def __init__(self, quick: Sequence[int], logged: Sequence[int], page: int, scanned: int) -> None:
        self._quick = sorted(map(id_of, quick), reverse=True)
        self._logged = sorted(map(id_of, logged), reverse=True)
        self._page, self._scanned = page, scanned

    def list_quick(self, at: Place) -> Part:
        first = int(at.quick or 0)
        runs = self._quick[first : first + self._page]
        following = first + self._page
        left = [run for run in runs if not at.below or run < at.below]
        return Part(verdicts(left), str(following) if following < len(self._quick) else None)

    def list_logged(self, before: str, limit: int) -> Part:
        looked = [run for run in self._logged if not before or run < before][: min(limit, self._scanned)]
        has_more = bool(looked) and looked[-1] != self._logged[-1]
        return Part(verdicts(looked), looked[-1] if has_more else None)

    def list_all(self, limit: int) -> list[list[str]]:
        pages, cursor = list[list[str]](), None
        while True:
            at = Place.read(cursor)
            quick = ENDED if at.quick is None else self.list_quick(at)
            logged = ENDED if at.logged is None else self.list_logged(at.logged, limit)
            page, following = merge(at, quick, logged, limit)
            pages.append([run["id"] for run in page])
            cursor = following.render()
            if cursor is None:
                return pages
            assert len(pages) < 500, "it comes to no end"


@settings(max_examples=300, deadline=None)
@given(quick=ids, logged=ids, limit=st.integers(1, 12), page=st.integers(1, 9), scanned=st.integers(1, 9))
def test_each_run_comes_once_and_newer_ones_first(
    quick: list[int], logged: list[int], limit: int, page: int, scanned: int
) -> None:
    logged = [number for number in logged if number not in quick]
    pages = TwoPlaces(quick, logged, page, scanned).list_all(limit)
    assert [run for page in pages for run in page] == sorted(map(id_of, {*quick, *logged}), reverse=True)
    assert all(len(page) <= limit for page in pages)


@pytest.mark.parametrize(
    "cursor", ["", "x", "[]", "[1,2,3]", '["a"]', "{}", '{"a":1}', "null", "7", "[" * 5_000, "[null,null,null]"]
)
def test_a_cursor_that_is_none_is_refused(cursor: str) -> None:
    with pytest.raises(ArcrunError) as refused:
        Place.read(cursor)
    assert refused.value.code == "INVALID_CURSOR"
