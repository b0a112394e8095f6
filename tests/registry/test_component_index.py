"""Proves the index of components over SQLite: visibility, search by words, order and pages."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arcrun.durable_objects import migrate
from fakes.ports.sql import SqliteSql
from registry.index import ComponentIndex
from registry.registry_object import MIGRATIONS

MIA, OWNER = "author:mia", "owner"
EVERYTHING: dict[str, Any] = {
    "words": [],
    "category": None,
    "visibility": None,
    "sort": "name",
    "limit": 50,
    "offset": 0,
}


class Index(ComponentIndex):
    def __init__(self) -> None:
        self.sql = SqliteSql()
        migrate(self.sql, MIGRATIONS)
        super().__init__(self.sql)

    def put(self, canonical_id: str, owner: str = OWNER, number: int = 1, **changes: Any) -> dict[str, str]:
        name = f"{owner}/{canonical_id}/{number}"
        version = {
            "submission_id": f"sub:{name}",
            "owner": owner,
            "canonical_id": canonical_id,
            "number": number,
            "sha256": f"wasm:{name}",
            "contract_sha256": f"contract:{name}",
            "submitted_at": f"2026-01-0{number}",
            "category": "data",
            "words": canonical_id,
            "summary": {"display_name": name},
        }
        return self.add({**version, **changes})

    def publish(self, canonical_id: str, owner: str = OWNER, number: int = 1, **changes: Any) -> str:
        self.put(canonical_id, owner, number, **changes)
        return self.settle(canonical_id, owner, number)

    def settle(self, canonical_id: str, owner: str, number: int = 1, visibility: str = "public") -> str:
        decision = {"decision": "approved", "reason": "", "key_id": "k", "decided_at": "2026"}
        return self.decide(f"sub:{owner}/{canonical_id}/{number}", visibility, decision)

    def names(self, principal: str = OWNER, sees_all: bool = False, **query: Any) -> list[str]:
        found = self.search(principal, sees_all, {**EVERYTHING, **query})["components"]
        return [component["display_name"] for component in found]


@pytest.fixture
def index() -> Iterator[Index]:
    made = Index()
    yield made
    made.sql.close()


def test_a_version_is_taken_once(index: Index) -> None:
    assert index.put("a") == {"outcome": "added", "submission_id": "sub:owner/a/1"}
    assert index.put("a", submission_id="another") == {"outcome": "same", "submission_id": "sub:owner/a/1"}
    for other in ("sha256", "contract_sha256"):
        assert index.put("a", OWNER, 1, submission_id="another", **{other: "x"})["outcome"] == "version_exists"
    assert index.put("a", number=2)["outcome"] == "added"


def test_two_authors_have_the_same_id_until_one_is_public(index: Index) -> None:
    index.put("a", MIA)
    assert index.put("a", OWNER)["outcome"] == "added"
    assert index.settle("a", MIA) == "decided"
    assert index.settle("a", OWNER) == "id_taken"
    assert index.put("a", OWNER, 2)["outcome"] == "id_taken"
    assert index.put("a", MIA, 2)["outcome"] == "added"


@pytest.mark.parametrize(
    ("principal", "sees_all", "found"),
    [
        pytest.param(OWNER, False, "owner/a/1", id="one's own, though another is public"),
        pytest.param(MIA, False, "author:mia/a/2", id="the author's newest, approved or not"),
        pytest.param("author:eve", False, "author:mia/a/1", id="others the newest public one"),
        pytest.param("reviewer", True, "author:mia/a/2", id="the reviewer the newest of all"),
    ],
)
def test_whose_component_an_id_is(index: Index, principal: str, sees_all: bool, found: str) -> None:
    index.put("a", OWNER)
    index.publish("a", MIA, 1)
    index.put("a", MIA, 2)
    shown = index.find(principal, sees_all, "a", None)
    assert shown is not None
    assert shown["display_name"] == found
    assert index.names(principal, sees_all) == [found]


def test_a_version_is_found_by_its_number_as_far_as_it_may_be_seen(index: Index) -> None:
    index.publish("a", MIA, 1)
    index.put("a", MIA, 2)
    assert index.find(OWNER, False, "a", 2) is None
    assert [version["version"] for version in index.list_versions(OWNER, False, "a")] == ["v1"]
    assert [version["version"] for version in index.list_versions(MIA, False, "a")] == ["v2", "v1"]
    assert index.list_versions("author:eve", False, "b") == []


def test_an_approval_that_is_taken_back_hides_it_again(index: Index) -> None:
    index.publish("a", MIA)
    assert index.names() == ["author:mia/a/1"]
    index.settle("a", MIA, visibility="author_only")
    assert index.names() == []
    assert index.names(MIA) == ["author:mia/a/1"]
    found = index.find_submission(MIA, False, "sub:author:mia/a/1")
    assert found is not None
    assert len(found["decisions"]) == 2
    assert index.find_submission(OWNER, False, "sub:author:mia/a/1") is None


def test_words_are_searched_all_of_them_anywhere(index: Index) -> None:
    index.put("a", words="send a letter\n寄信 100%")
    index.put("b", words="receive a letter")
    assert index.names(words=["letter", "send"]) == ["owner/a/1"]
    assert index.names(words=["寄信"]) == ["owner/a/1"]
    assert index.names(words=["%"]) == ["owner/a/1"]
    assert index.names(words=["l%r"]) == index.names(words=["_"]) == []


def test_categories_visibilities_and_pages(index: Index) -> None:
    for i in range(5):
        index.publish(f"p{i}", category="api" if i % 2 else "data")
    index.put("q")
    assert index.names(category="api") == ["owner/p1/1", "owner/p3/1"]
    assert index.names(visibility="author_only") == ["owner/q/1"]
    page = index.search(OWNER, False, {**EVERYTHING, "limit": 2, "offset": 4})
    assert ([it["canonical_id"] for it in page["components"]], page["total"]) == (["p4", "q"], 6)


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("name", ["a", "b", "c"]),
        ("newest", ["b", "a", "c"]),
        ("runs", ["c", "a", "b"]),
        ("success_rate", ["a", "c", "b"]),
        ("duration", ["a", "c", "b"]),
    ],
)
def test_orders(index: Index, sort: str, order: list[str]) -> None:
    for name, runs, successes, duration_ms in (("a", 2, 2, 8.0), ("c", 10, 5, 90.0)):
        index.sql.execute(
            "INSERT INTO run_totals VALUES (?, ?, 'v1', ?, ?, ?)", OWNER, name, runs, successes, duration_ms
        )
    for name in ("c", "b", "a"):
        index.put(name, submitted_at="2026-02" if name == "b" else "2026-01")
    found = index.search(OWNER, False, {**EVERYTHING, "sort": sort})["components"]
    assert [component["canonical_id"] for component in found] == order


@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "b"]), st.sampled_from([OWNER, MIA]), st.integers(1, 3), st.booleans()),
        max_size=12,
    )
)
def test_only_own_and_public_components_are_visible(steps: list[tuple[str, str, int, bool]]) -> None:
    index = Index()
    visible: dict[tuple[str, str, int], bool] = {}
    for name, owner, number, approves in steps:
        if index.put(name, owner, number)["outcome"] == "added":
            visible[name, owner, number] = False
        if approves and (name, owner, number) in visible and index.settle(name, owner, number) == "decided":
            visible[name, owner, number] = True
    for name in ("a", "b"):
        for principal in (OWNER, MIA, "author:eve"):
            own = [key for key in visible if key[:2] == (name, principal)]
            public = [key for key, is_public in visible.items() if key[0] == name and is_public]
            best = max(own or public, key=lambda key: key[2], default=None)
            found = index.find(principal, False, name, None)
            assert (found and found["display_name"]) == (best and f"{best[1]}/{name}/{best[2]}")
        assert len({key[1] for key, is_public in visible.items() if key[0] == name and is_public}) <= 1
    index.sql.close()
