"""A list of runs from two places, newest first: pages that cannot be cut (KV), and pages that begin at any id (RunLog).

A run is shown once nothing newer can still come from the other place.
"""

import json
from collections.abc import Sequence
from typing import NamedTuple

from arcrun.engine.record import Verdict
from arcrun.errors import build_cursor_error
from arcrun.json_text import parse_json

_BEYOND = "~"  # sorts behind every id


class Place(NamedTuple):
    """Where the next page begins. `quick` is the cursor of a page, "" of the first, None at the end; of that page only
    runs with ids less than `below` are left, if it is not empty. `logged` is the same as `below`, None at the end.
    """

    quick: str | None = ""
    below: str = ""
    logged: str | None = ""

    @classmethod
    def read(cls, cursor: str | None) -> "Place":
        """Raises RequestError INVALID_CURSOR."""
        if cursor is None:
            return cls()
        try:
            told = parse_json(cursor)
        except ValueError:
            raise build_cursor_error() from None
        match told:
            case [str() | None as quick, str() as below, str() | None as logged]:
                return cls(quick, below, logged)
        raise build_cursor_error()

    def render(self) -> str | None:
        return None if self.quick is None and self.logged is None else json.dumps(self, separators=(",", ":"))


class Part(NamedTuple):
    """Runs of one place, newest first, and where it goes on, None at its end."""

    runs: Sequence[Verdict]
    following: str | None


ENDED = Part((), None)


def merge(at: Place, quick: Part, logged: Part, limit: int) -> tuple[list[Verdict], Place]:
    """A page of at most `limit` runs, and the next place. The parts are what lies behind `at`."""
    floor = max(_find_floor(quick), logged.following or "")
    merged = sorted((*quick.runs, *logged.runs), key=_id_of, reverse=True)
    page = [run for run in merged if run["id"] >= floor][:limit]
    last = page[-1]["id"] if page else _BEYOND
    quick_told, logged_told = _count_told(quick, last), _count_told(logged, last)
    if quick_told < len(quick.runs):
        following = Place(at.quick, quick.runs[quick_told - 1]["id"] if quick_told else at.below)
    else:
        following = Place(quick.following)
    if logged_told < len(logged.runs):
        return page, following._replace(logged=logged.runs[logged_told - 1]["id"] if logged_told else at.logged)
    return page, following._replace(logged=logged.following)


def _find_floor(quick: Part) -> str:
    """From which id on all its runs are known."""
    if quick.following is None:
        return ""
    return quick.runs[-1]["id"] if quick.runs else _BEYOND


def _count_told(part: Part, last: str) -> int:
    return sum(run["id"] >= last for run in part.runs)


def _id_of(run: Verdict) -> str:
    return run["id"]
