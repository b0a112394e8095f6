"""The quotas' usage in `acr usage`."""

import pytest

from acr.output.usage import render_usage

ROWS = {"name": "rows_written", "used": 90_000, "most": 100_000, "is_estimate": True}
KV = {"name": "kv_writes", "used": 192, "most": None, "is_estimate": False}


def test_a_table_and_the_warnings(capsys: pytest.CaptureFixture[str]) -> None:
    usage = [ROWS, KV]
    render_usage({"plan": "free", "usage": usage, "unwritten": {"count": 3, "last_at": "", "reason": "No more rows."}})
    out, err = capsys.readouterr()
    assert ("~90,000" in out, "100,000" in out, "by the month" in out) == (True, True, True)
    assert err.splitlines() == [
        "Warning: rows written to Durable Objects today: ~90,000 of 100,000.",
        "Warning: 3 records could not be written: No more rows.",
    ]


def test_a_tenants_runs_are_in_a_namespace_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    render_usage({"plan": "paid", "usage": []})
    assert "your own KV namespace" in capsys.readouterr().out
