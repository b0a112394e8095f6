"""`acr test` of a durable workflow: waits of days take no time, and move the clock."""

from pathlib import Path
from typing import Any

import pytest
from cli.conftest import RunAcr

WORKFLOW = """name: later
{durable}flow:
  - input >> PIPE >> pause
  - pause >> PIPE >> now
  - now >> PIPE >> output
config:
  pause: {{component: wait, {wait}}}
  now: {{component: date_ops, operation: now}}
"""
TEST = """now: 2026-09-21T09:00:00Z
tests:
  - name: waits
    expect:
      {expected}
"""


@pytest.mark.parametrize(
    ("wait", "durable", "expected"),
    [
        pytest.param("for: 3d", True, 'data: {result: "2026-09-24T09:00:00Z"}', id="days"),
        pytest.param("until: 2026-12-24T18:00:00Z", True, 'data: {result: "2026-12-24T18:00:00Z"}', id="a time"),
        pytest.param(
            "until: 2026-12-24 18:00, zone: Europe/Berlin",
            True,
            'data: {result: "2026-12-24T17:00:00Z"}',
            id="a time in a zone",
        ),
        pytest.param(
            "ms: '{{input.ms}}'", True, "error: {code: UNRESOLVED_REFERENCE, node: pause}", id="a missing time"
        ),
        pytest.param("until: '{{input | default(\"never\")}}'", True, "error: {node: pause}", id="no time"),
        pytest.param("for: 20s", False, 'data: {result: "2026-09-21T09:00:20Z"}', id="a short one"),
        pytest.param("ms: 1", True, 'data: {result: "2026-09-21T09:00:00.001Z"}', id="a moment"),
    ],
)
def test_a_wait_takes_no_time(run_acr: RunAcr, tmp_path: Path, wait: str, durable: bool, expected: Any) -> None:
    text = WORKFLOW.format(durable="durable: true\n" if durable else "", wait=wait)
    (tmp_path / "later.yaml").write_text(text)
    (tmp_path / "later.test.yaml").write_text(TEST.format(expected=expected))
    said = run_acr("test")
    assert said.code == 0, said
