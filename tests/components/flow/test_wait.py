"""wait asks the host to sleep, once, for exactly the time given."""

from typing import Any

import pytest

from components import wasm_harness as harness


class SleeplessHost(harness.StubHost):
    def reply(self, name: str, request: Any) -> dict[str, Any]:
        super().reply(name, request)
        return {"ok": False, "error": {"code": "CAPABILITY_NOT_DECLARED", "message": "No `sleep`."}}


@pytest.mark.parametrize("ms", [1, 250, 30_000])
def test_the_host_sleeps(ms: int) -> None:
    result = harness.run("wait", {"ms": ms})
    assert result.data == {"waited_ms": ms}
    assert result.host.requests == [("sleep", {"ms": ms})]


def test_no_time_needs_no_host() -> None:
    result = harness.run("wait", {"ms": 0})
    assert result.data == {"waited_ms": 0}
    assert result.host.requests == []


def test_a_refusal_of_the_host_is_handed_on() -> None:
    error = harness.run("wait", {"ms": 5}, SleeplessHost()).error
    assert error == {"code": "CAPABILITY_NOT_DECLARED", "message": "No `sleep`."}


@pytest.mark.parametrize("ms", [-1, 30_001, 0.5, 1e300], ids=str)
def test_times_out_of_range(ms: float) -> None:
    result = harness.run("wait", {"ms": ms})
    assert result.error["code"] == "INVALID_INPUT"
    assert result.error["message"].startswith("`ms` must be a whole number from 0 to 30000, not ")
    assert result.host.requests == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "`ms` must be a whole number from 0 to 30000, but it is missing."),
        ({"ms": "5"}, '`ms` must be a whole number from 0 to 30000, not "5".'),
        ({"ms": True}, "`ms` must be a whole number from 0 to 30000, not true."),
    ],
)
def test_wrong_fields(given: dict[str, Any], message: str) -> None:
    assert harness.run("wait", given).error == {"code": "INVALID_INPUT", "message": message}
