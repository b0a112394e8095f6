"""The stores of a workflow test: they begin with what the test gives, and end with what it expects."""

from collections.abc import Iterator, Mapping
from typing import Any

from acr.testing.comparison import Difference, compare_values
from acr.testing.model import Expectation
from arcrun.store.memory import MemoryStores
from arcrun.store.operations import Entry
from arcrun.store.protocol import scope_of_shared, scope_of_workflow


class TestStores(MemoryStores):
    __test__ = False  # for pytest

    def fill(self, workflow: str, own: Mapping[str, Any], shared: Mapping[str, Mapping[str, Any]]) -> None:
        """Put values into the store of a workflow, and into shared ones."""
        self._fill(scope_of_workflow(workflow), own)
        for name, values in shared.items():
            self._fill(scope_of_shared(name), values)

    def _fill(self, scope: str, values: Mapping[str, Any]) -> None:
        self.stores[scope] = {key: Entry(value) for key, value in values.items()}

    def compare(self, workflow: str, expected: Expectation) -> Iterator[Difference]:
        """How what the stores have at the end differs from what is expected of them."""
        if expected.store is not None:
            yield from compare_values(expected.store, self.read(scope_of_workflow(workflow)), "store")
        for name, values in expected.shared.items():
            yield from compare_values(values, self.read(scope_of_shared(name)), f"shared_stores.{name}")
