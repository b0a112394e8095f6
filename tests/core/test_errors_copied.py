"""Every error can be copied with what it says, whatever its class takes to build one."""

import copy
from collections.abc import Iterator

import pytest

from arcrun.errors import ArcrunError, RateLimitedError, RunCancelledError


def list_classes(base: type[ArcrunError] = ArcrunError) -> Iterator[type[ArcrunError]]:
    for each in base.__subclasses__():
        yield each
        yield from list_classes(each)


@pytest.mark.parametrize("kind", list(dict.fromkeys(list_classes())))
def test_an_error_is_copied(kind: type[ArcrunError]) -> None:
    error = kind.__new__(kind)
    ArcrunError.__init__(error, "message", code="CODE", details={"a": 1})
    copied = copy.copy(error)
    assert (type(copied), copied.to_json(), str(copied)) == (kind, error.to_json(), "message")
    copied.details = {}
    assert error.details == {"a": 1}


def test_those_that_take_other_arguments_too() -> None:
    assert copy.copy(RunCancelledError()).code == "RUN_CANCELLED"
    assert copy.copy(RateLimitedError(7)).retry_after_s == 7
