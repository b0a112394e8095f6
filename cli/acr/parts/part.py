"""The rows of `acr parts`: components by the names that workflows use, from all sources, with their statistics."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from acr.parts.own_components import OwnComponent, summarize
from arcrun.analytics import ComponentStatistics
from arcrun.contracts.groups import OTHERS, find_group

STATISTICS = tuple(ComponentStatistics().to_json())


@dataclass(frozen=True)
class Part:
    """A component's row. `words` is the text to search; `visibility`, `submission_id` and `submitted_at` are the
    registry submission's; `group` is that of arcrun.contracts.groups.

    `statistics` cover all versions, as JSON; None if unknown.
    """

    reference: str
    category: str
    version: str
    source: str
    credentials: tuple[str, ...]
    summary: str
    words: str
    visibility: str | None = None
    submission_id: str | None = None
    submitted_at: str | None = None
    statistics: Mapping[str, Any] | None = None
    group: str = OTHERS

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.reference,
            "category": self.category,
            "version": self.version,
            "source": self.source,
            "credentials": list(self.credentials),
            "description": self.summary,
            "visibility": self.visibility,
            "submission_id": self.submission_id,
            "statistics": self.statistics,
        }


def build_part(entry: OwnComponent) -> Part:
    contract = entry.contract
    credentials = tuple(credential.key for credential in contract.credentials_required)
    words = _join(contract.canonical_id, contract.display_name, contract.description, contract.tags, contract.aliases)
    return Part(
        *(entry.reference, contract.category, contract.version, entry.source, credentials, entry.summary, words),
        group=find_group(contract.category, contract.tags),
    )


def read_part(listed: Mapping[str, Any]) -> Part:
    """The part for an entry of the registry's list."""
    return Part(
        listed["canonical_id"],
        listed["category"],
        listed["version"],
        "registry",
        tuple(listed["credentials_required"]),
        summarize(listed["description"]),
        _join(*(listed[name] for name in ("canonical_id", "display_name", "description", "tags", "aliases"))),
        listed["visibility"],
        listed["submission_id"],
        listed["submitted_at"],
        pick_statistics(listed),
        find_group(listed["category"], listed["tags"]),
    )


def pick_statistics(found: Mapping[str, Any]) -> dict[str, Any]:
    """{"total_runs", "success_rate", "avg_duration_ms", "p95_duration_ms"}"""
    return {name: found[name] for name in STATISTICS}


def add_registry(parts: Iterable[Part], listed: Iterable[Mapping[str, Any]], counted: Mapping[str, Any]) -> list[Part]:
    """`parts` with their statistics, plus the registry's components whose names are not taken.

    `listed` is the registry's list; `counted` are the caller's statistics by id, also of unlisted components.
    """
    known = {component["canonical_id"]: component for component in listed}
    own = [part if "@" in part.reference else _add_statistics(part, known, counted) for part in parts]
    names = {part.reference for part in own}
    return [*own, *(read_part(found) for name, found in known.items() if name not in names)]


def _add_statistics(part: Part, known: Mapping[str, Any], counted: Mapping[str, Any]) -> Part:
    found = known.get(part.reference) or counted.get(part.reference) or ComponentStatistics().to_json()
    return replace(
        part, statistics=pick_statistics(found), submitted_at=known.get(part.reference, {}).get("submitted_at")
    )


def matches(part: Part, text: str, category: str | None) -> bool:
    """Whether each word of `text` is in id, name, description, tags or aliases, as in the registry's search."""
    return category in (None, part.category) and all(word in part.words for word in text.casefold().split())


def sort_parts(parts: Iterable[Part], order: str) -> list[Part]:
    """Sort as the registry does. `order` is one of SORTS; parts without a figure come last."""
    return sorted(sorted(parts, key=lambda part: part.reference), key=SORTS[order])


def _figure(name: str, sign: int) -> Callable[[Part], tuple[Any, ...]]:
    """A sort key by a figure, descending if `sign` is -1, then by number of runs, descending."""

    def key(part: Part) -> tuple[Any, ...]:
        statistics = part.statistics or {}
        figure, runs = statistics.get(name), statistics.get("total_runs") or 0
        return (figure is None, sign * (figure or 0), -runs)

    return key


def _newest_first(part: Part) -> tuple[Any, ...]:
    return (part.submitted_at is None, [-ord(character) for character in part.submitted_at or ""])


SORTS: Mapping[str, Callable[[Part], Any]] = {
    "name": lambda part: part.reference,
    "runs": _figure("total_runs", -1),
    "success_rate": _figure("success_rate", -1),
    "duration": _figure("avg_duration_ms", 1),
    "newest": _newest_first,
}


def _join(component_id: str, name: str, description: str, tags: Iterable[str], aliases: Iterable[str]) -> str:
    return "\n".join((component_id, name, description, *tags, *aliases)).casefold()
