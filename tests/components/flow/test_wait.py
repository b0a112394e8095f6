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


@pytest.mark.parametrize("ms", [-1, 31_536_000_001, 0.5, 1e300], ids=str)
def test_times_out_of_range(ms: float) -> None:
    result = harness.run("wait", {"ms": ms})
    assert result.error["code"] == "INVALID_INPUT"
    assert result.error["message"].startswith("`ms` must be a whole number from 0 to 31536000000, not ")
    assert result.host.requests == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "`ms` must be a number of milliseconds, but it is missing; `for` or `until` may stand for it."),
        ({"ms": "5"}, '`ms` must be a whole number from 0 to 31536000000, not "5".'),
        ({"ms": True}, "`ms` must be a whole number from 0 to 31536000000, not true."),
    ],
)
def test_wrong_fields(given: dict[str, Any], message: str) -> None:
    assert harness.run("wait", given).error == {"code": "INVALID_INPUT", "message": message}


@pytest.mark.parametrize(
    ("text", "ms"), [("7ms", 7), ("2s", 2_000), ("0m", 0), ("30s", 30_000), ("0h", 0), ("0d", 0), ("0w", 0)]
)
def test_a_duration_with_its_unit(text: str, ms: int) -> None:
    assert harness.run("wait", {"for": text}).data == {"waited_ms": ms}


@pytest.mark.parametrize("text", ["", "2", "s", "1.5h", "-1s", "2 d", "2D", "53w", "366d", "99999999999s"])
def test_what_is_no_duration(text: str) -> None:
    result = harness.run("wait", {"for": text})
    assert result.error["code"] == "INVALID_INPUT"
    assert result.error["message"].startswith("`for` must be a whole number with ms, s, m, h, d or w, such as 2d")


@pytest.mark.parametrize(
    "given", [{"ms": 30_001}, {"for": "31s"}, {"for": "52w"}, {"until": "2027-03-01T09:00:00Z"}], ids=str
)
def test_what_only_a_durable_run_waits_for(given: dict[str, Any]) -> None:
    result = harness.run("wait", given)
    assert (result.error["code"], result.host.requests) == ("NEEDS_DURABLE", [])
