"""By what people look for a component: lists and the documentation show components in these groups."""

from collections.abc import Collection, Iterable, Mapping
from typing import TypeVar

OTHERS = "Others"
# In the order in which they are shown.
_OF_CATEGORIES = {
    "api": "Call a service",
    "data": "Transform data",
    "logic": "Decide and loop",
    "ai": "Use AI",
}
# A tag says more than a category: the first of these that a component has.
_OF_TAGS = {"code": "Write code", "state": "Keep state", "wait": "Wait and ask"}
GROUPS = (
    "Call a service",
    "Transform data",
    "Decide and loop",
    "Wait and ask",
    "Keep state",
    "Use AI",
    "Write code",
    OTHERS,
)
Item = TypeVar("Item")


def find_group(category: str, tags: Collection[str]) -> str:
    """The group of a component, by its contract. One of GROUPS."""
    of_tag = next((group for tag, group in _OF_TAGS.items() if tag in tags), None)
    return of_tag or _OF_CATEGORIES.get(category, OTHERS)


def group_by(grouped: Iterable[tuple[str, Item]]) -> Mapping[str, list[Item]]:
    """The items of each group that has any, from pairs of group and item, whose order they keep."""
    pairs = list(grouped)
    found = {group: [item for name, item in pairs if name == group] for group in GROUPS}
    return {group: items for group, items in found.items() if items}
