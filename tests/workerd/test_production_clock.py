"""Proves `acr dev --production-clock` from outside: workflows run as usual, and pure computation takes no time."""

from pathlib import Path

import pytest

from workerd.local_platform import running_platform

pytestmark = pytest.mark.workerd

WORKFLOW = {
    "name": "clocked",
    "flow": ["input >> PIPE >> compute", "compute >> PIPE >> pause", "pause >> PIPE >> output"],
    "config": {
        "compute": {"component": "string_ops", "operation": "upper", "input": "x"},
        "pause": {"component": "wait", "ms": 80},
    },
}


def test_a_node_that_computes_takes_no_time_and_one_that_waits_does(tmp_path: Path) -> None:
    with running_platform(tmp_path, "--production-clock") as platform, platform.executor as client:
        answers = [client.post("/execute?trace=1", json={"workflow": WORKFLOW, "input": {}}).json() for _ in range(3)]
    assert [answer.get("error") for answer in answers] == [None] * 3
    durations = [{entry["node"]: entry["duration_ms"] for entry in answer["trace"]} for answer in answers]
    assert [duration["compute"] for duration in durations[1:]] == [0, 0]  # the first waits for its code
    assert all(duration["pause"] >= 79 for duration in durations)
