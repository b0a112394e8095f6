"""Proves that templates with filters, and YAML 1.2, mean in a Worker what they mean in CPython."""

from typing import Any

import pytest

from workerd.local_platform import LocalPlatform

pytestmark = pytest.mark.workerd

WORKFLOW = """
name: w
flow: ["input >> PIPE >> made"]
config:
  made:
    component: set
    values:
      time: 12:30
      no: NO
      code: 0123
      price: '{{input.price | multiply(3) | round(1)}}'
      share: |
        {{input.share?}}
      day: |
        {{input.at | date("%A, %-d %B %Y", "+02:00")}}
      names: '{{input.orders | sort("id") | map("name") | join(", ") | html_escape}}'
      "{{input.key}}": '{{"}}" | base64}}'
"""


def test_a_workflow_with_filters(platform: LocalPlatform) -> None:
    given: dict[str, Any] = {
        "price": 0.1,
        "share": 0.25,
        "at": "2026-03-09T23:30:00Z",
        "orders": [{"id": 2, "name": "B>"}, {"id": 1, "name": "A"}],
        "key": "k",
    }
    with platform.executor as client:
        answer = client.post("/execute", json={"workflow": WORKFLOW, "input": given}).json()
    assert answer["data"] == {
        "time": "12:30",
        "no": "NO",
        "code": "0123",
        "price": 0.3,
        "share": 0.25,
        "day": "Tuesday, 10 March 2026",
        "names": "A, B&gt;",
        "k": "fX0=",
    }
