"""Proves how `acr parts` joins local components with a registry's list and statistics, and searches and sorts them."""

from typing import Any

import pytest

from acr.parts.own_components import OwnComponent
from acr.parts.part import SORTS, Part, add_registry, build_part, matches, sort_parts
from arcrun.contracts.parse import parse_contract
from fixtures.modules import build_contract

NEVER = {"total_runs": 0, "success_rate": None, "avg_duration_ms": None, "p95_duration_ms": None}


def own(reference: str, **changes: Any) -> Part:
    component_id = reference.partition("@")[0]
    return build_part(OwnComponent(reference, "bucket", parse_contract(build_contract(component_id, **changes))))


def listed(component_id: str, runs: int = 0, rate: float | None = None, average: float | None = None) -> dict[str, Any]:
    """An entry of GET /components."""
    return {
        **build_contract(component_id),
        "tags": [],
        "aliases": [],
        "owner": "owner",
        "visibility": "public",
        "submission_id": f"sub_{component_id}",
        "submitted_at": "2026-11-24T05:00:00.000Z",
        "credentials_required": ["token"],
        **{"total_runs": runs, "success_rate": rate, "avg_duration_ms": average, "p95_duration_ms": average},
    }


def statistics_of(parts: list[Part]) -> dict[str, int | None]:
    return {part.reference: part.statistics["total_runs"] if part.statistics else None for part in parts}


def test_each_id_is_listed_once_with_its_statistics() -> None:
    counted = {"mine": {"canonical_id": "mine", **NEVER, "total_runs": 4}, "both": {**NEVER, "total_runs": 9}}
    parts = add_registry(
        [own("both"), own("both@v1"), own("mine"), own("new")], [listed("both", 7), listed("far")], counted
    )
    assert [(part.reference, part.source) for part in parts] == [
        *[(name, "bucket") for name in ("both", "both@v1", "mine", "new")],
        ("far", "registry"),
    ]
    # The statistics of a single version are unknown here, so none are shown for it.
    assert statistics_of(parts) == {"both": 7, "both@v1": None, "mine": 4, "new": 0, "far": 0}
    assert parts[3].statistics == NEVER


def test_a_registry_s_components_have_visibility_and_submission() -> None:
    [part] = add_registry([], [listed("far", 2, 0.5, 1.5)], {})
    shown = part.to_json()
    assert (shown["visibility"], shown["submission_id"], shown["credentials"]) == ("public", "sub_far", ["token"])
    assert shown["statistics"] == {"total_runs": 2, "success_rate": 0.5, "avg_duration_ms": 1.5, "p95_duration_ms": 1.5}
    [own_part] = add_registry([own("far")], [listed("far")], {})
    assert (own_part.visibility, own_part.submission_id) == (None, None)


@pytest.mark.parametrize(
    ("text", "category", "found"),
    [
        ("", None, True),
        ("ZEBRA", None, True),
        ("zebra stripes", None, True),
        ("zebra lion", None, False),
        ("say", None, True),
        ("", "data", True),
        ("zebra", "logic", False),
    ],
)
def test_all_words_must_match(text: str, category: str | None, found: bool) -> None:
    part = own("say_hello", tags=["Zebra"], description="Has stripes.", category="data")
    assert matches(part, text, category) is found


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("name", ["fast", "often", "old", "unknown"]),
        ("runs", ["often", "old", "fast", "unknown"]),
        ("success_rate", ["often", "old", "fast", "unknown"]),
        ("duration", ["fast", "often", "old", "unknown"]),
        ("newest", ["often", "old", "fast", "unknown"]),
    ],
)
def test_orders(order: str, expected: list[str]) -> None:
    components = [
        {**listed("old", 5, 0.9, 30.0), "submitted_at": "2025-01-01T00:00:00.000Z"},
        {**listed("often", 50, 0.9, 20.0), "submitted_at": "2026-01-01T00:00:00.000Z"},
        {**listed("fast", 1, 0.5, 1.0), "submitted_at": "2024-01-01T00:00:00.000Z"},
    ]
    parts = [*add_registry([], components, {}), own("unknown")]
    assert [part.reference for part in sort_parts(parts, order)] == expected
    assert order in SORTS
