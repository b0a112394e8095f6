"""Finds the forms of secrets (secret_forms.py) in a string, in steps. The result is that of one regular expression with
a branch for each form, which would take one stretch however long the string is.

A regular expression cannot be interrupted, and how far it looks beyond the end of a window is unknown. So only the
short openings are searched in windows; where one is found, the whole form is tried on the whole string.
"""

import re
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from heapq import heapify, heappop, heapreplace
from typing import NamedTuple, TypeAlias

from arcrun.credentials.secret_forms import LINE_BREAK, MAX_OPENING, Form
from arcrun.interruptible import Steps

# Per unit of arcrun/interruptible.py: characters of a string that are searched for openings, or for a literal;
# characters of a regular expression that are compiled; forms that are tried at one place, and characters of a form.
SEARCHED, FOUND, COMPILED, TRIED, COMPARED = 100, 3_000, 1, 32, 500
WRITTEN = 15  # units of writing a form, plus one per character
WINDOW, LONG_WINDOW = 8 * 1024, 128 * 1024  # characters
MOST_UNITS = 500  # without a step
MAX_GROUP = 3_000  # characters of a regular expression of several forms
_FEEDS = ("\n", "\\n", "0A", "0a")  # each line break contains one of them

Spans: TypeAlias = "array[int]"  # begin, end, begin, end ... from left to right


class Hit(NamedTuple):
    """A match. Of matches with the same start, the one with the lowest `order` is taken."""

    start: int
    order: int
    end: int


class Scanner:
    """A regular expression, and the beginnings of its matches: each match begins with one of them."""

    def __init__(
        self,
        beginnings: Iterable[str],
        sources: Sequence[str],
        orders: Sequence[int] = (0,),
        length: int = 0,
        later: Sequence[str] = (),
    ) -> None:
        """`sources` are alternatives with the given `orders`; `later` must follow one after the other. `length` is the
        approximate maximum length of a match.
        """
        self._beginnings, self._sources, self._orders, self._later = beginnings, sources, orders, later
        self._later_patterns: list[re.Pattern[str]] = []
        self._units = 1 + len(sources) // TRIED + length // COMPARED

    @cached_property
    def _starts(self) -> re.Pattern[str]:
        return re.compile(_write_alternatives(self._beginnings))

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        return re.compile("|".join(f"{source}()" for source in self._sources))  # the group identifies the alternative

    def search(self, text: str, at: int) -> Steps[Hit | None]:
        """The first match that begins at `at` or later."""
        search, length, units = self._starts.search, len(text), 1
        while at < length:
            stop, began = at + WINDOW, at
            while (found := search(text, at, stop + MAX_OPENING)) is not None:
                beginning = found.start()
                if beginning >= stop:
                    break
                if "pattern" not in self.__dict__:
                    yield sum(map(len, self._sources)) // COMPILED
                hit = self.pattern.match(text, beginning)
                units += self._units
                if hit is not None:
                    end = (yield from self._match_later(text, hit.end())) if self._later else hit.end()
                    if end:
                        yield units + (beginning - began) // SEARCHED
                        return Hit(beginning, self._orders[(hit.lastindex or 1) - 1], end)
                if units >= MOST_UNITS:
                    yield units
                    units = 0
                at = beginning + 1
            units += WINDOW // SEARCHED
            if units >= MOST_UNITS:
                yield units
                units = 0
            at = stop
        yield units
        return None

    def _match_later(self, text: str, at: int) -> Steps[int]:
        """The end of the match; 0 if `later` does not match."""
        for i, source in enumerate(self._later):
            if i == len(self._later_patterns):
                self._later_patterns.append(re.compile(source))
                yield len(source) // COMPILED
            found = self._later_patterns[i].match(text, at)
            if found is None:
                return 0
            at = found.end()
        return at


def _write_alternatives(texts: Iterable[str]) -> str:
    """A regular expression for any of the strings, by common prefixes, so that a mismatch rules out many at once."""
    by_first: dict[str, list[str]] = {}
    for text in texts:
        by_first.setdefault(text[0], []).append(text[1:])
    return "|".join(
        re.escape(first) + ("" if "" in rest else f"(?:{_write_alternatives(rest)})")
        for first, rest in sorted(by_first.items())
    )


@dataclass(frozen=True)
class Group:
    """Forms that are tried together, each with its index among all forms."""

    scanner: Scanner
    forms: frozenset[int]


class FormSet:
    """Forms in the order in which they are tried at one place."""

    def __init__(self) -> None:
        self._groups: list[Group] = []
        self.everything = frozenset[int]()

    @classmethod
    def build(cls, forms: Iterable[Form]) -> Steps["FormSet"]:
        made, count = cls(), 0
        by_head: dict[str, list[tuple[int, Form]]] = {}
        for order, form in enumerate(forms):
            by_head.setdefault(form.head, []).append((order, form))
            count = order + 1
            yield WRITTEN + form.length
        made.everything = frozenset(range(count))
        for head, members in by_head.items():
            for group in _group(head, members):
                made._groups.append(group)
                yield len(group.forms)
        return made

    def find(self, text: str, active: frozenset[int]) -> Steps[Spans]:
        """The spans of the forms in `active`, which alone can occur, without overlaps, leftmost first."""
        scanners = [group.scanner for group in self._groups if group.forms & active]
        return (yield from _find_all(text, scanners))


def _group(head: str, members: list[tuple[int, Form]]) -> Iterable[Group]:
    some: list[tuple[int, Form]] = []
    size = 0
    for member in members:
        if member[1].later:
            yield _build_group(head, [member])
            continue
        if some and size + len(head) + len(member[1].rest) > MAX_GROUP:
            yield _build_group(head, some)
            some, size = [], 0
        some.append(member)
        size += len(head) + len(member[1].rest)
    if some:
        yield _build_group(head, some)


def _build_group(head: str, members: list[tuple[int, Form]]) -> Group:
    orders, forms = zip(*members, strict=True)
    beginnings = frozenset[str]().union(*(form.openings for form in forms))
    sources = [head + form.rest for form in forms]
    length = max(form.length for form in forms)
    return Group(Scanner(beginnings, sources, orders, length, forms[0].later), frozenset(orders))


def _find_all(text: str, scanners: Sequence[Scanner]) -> Steps[Spans]:
    """The matches that one scanner of all alternatives would find."""
    spans: Spans = array("q")
    upcoming: list[tuple[Hit, int]] = []
    for i, scanner in enumerate(scanners):
        if (hit := (yield from scanner.search(text, 0))) is not None:
            upcoming.append((hit, i))
    heapify(upcoming)
    end = 0
    while upcoming:
        hit, i = upcoming[0]
        if hit.start >= end:
            spans.extend((hit.start, hit.end))
            end = hit.end
        if (following := (yield from scanners[i].search(text, end))) is None:
            heappop(upcoming)
        else:
            heapreplace(upcoming, (following, i))
    return spans


def find_literals(text: str, literals: Sequence[str], is_possible: Callable[[int], bool]) -> Steps[frozenset[int]]:
    """The indexes of the literals that occur in the string, and of those that `is_possible` without occurring."""
    found, units = set[int](), 0
    for i, literal in enumerate(literals):
        units += 1
        for at in range(0, len(text) or 1, LONG_WINDOW):
            if text.find(literal, at, at + LONG_WINDOW + len(literal)) >= 0:
                found.add(i)
                break
            units += min(len(text), LONG_WINDOW) // FOUND
        else:
            if is_possible(i):
                found.add(i)
        if units >= MOST_UNITS:
            yield units
            units = 0
    yield units
    return frozenset(found)


def _pairs(spans: Spans) -> Iterable[tuple[int, int]]:
    ends = iter(spans)
    return zip(ends, ends, strict=True)


def replace_spans(text: str, spans: Spans, mark: str) -> Steps[str]:
    done, kept, end = list[str](), list[str](), 0
    for start, stop in _pairs(spans):
        kept.append(text[end:start])
        end = stop
        if len(kept) == MOST_UNITS:
            done.append(mark.join(kept))
            kept = []
            yield MOST_UNITS // 2
    return mark.join([*done, *kept, text[end:]])


_BREAKS = Scanner(("\n", "\r", "=\n", "=\r", "=\\", "=%", "\\n", "\\r", "\\\\", "%0", "%2"), [LINE_BREAK.pattern])


class Lines(NamedTuple):
    """A string without its line breaks. `spans` is where they were, `removed` the characters removed before each, and
    in all.
    """

    text: str
    spans: Spans
    removed: Spans

    def spread(self, found: Spans) -> Spans:
        """The spans in `found` that cross a line break, as spans of the original string."""
        spread: Spans = array("q")
        for start, end in _pairs(found):
            first, last = bisect_right(self.spans, start), bisect_left(self.spans, end)
            if first < last:
                spread.extend((start + self.removed[first], end + self.removed[last]))
        return spread


def may_break(text: str) -> bool:
    return any(feed in text for feed in _FEEDS)


# Positions after which a string can be cut without cutting a line break: after letters that no break contains, or
# before a break.
_CUT = re.compile(r"[b-ce-mo-qsu-zB-CE-Z]|[an0-9At](?=\n)")


def _find_breaks(text: str) -> Steps[Spans]:
    spans: Spans = array("q")
    at, length = 0, len(text)
    while at < length:
        cut = _CUT.search(text, at + WINDOW, at + 2 * WINDOW)
        if cut is None and at + 2 * WINDOW < length:
            return (yield from _find_all(text, [_BREAKS]))
        end = length if cut is None else cut.end()
        before = len(spans)
        for found in LINE_BREAK.finditer(text, at, end):
            spans.extend(found.span())
        yield 1 + (end - at) // SEARCHED + (len(spans) - before) // 2
        at = end
    return spans


def join_lines(text: str) -> Steps[Lines | None]:
    """The string without its line breaks; None if it has none."""
    if not may_break(text):
        return None
    breaks = yield from _find_breaks(text)
    if not breaks:
        return None
    spans, removed = array("q"), array("q", [0])
    for start, end in _pairs(breaks):
        spans.append(start - removed[-1])
        removed.append(removed[-1] + end - start)
        if len(spans) % MOST_UNITS == 0:
            yield MOST_UNITS // 2
    return Lines((yield from replace_spans(text, breaks, "")), spans, removed)
