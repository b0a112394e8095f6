"""Whom a workflow follows, and who follows it, in what `acr show` prints: of workflows of a chain, and of no others."""

from typing import Any

import pytest

from acr.output.workflows import describe_stored

STORED: dict[str, Any] = {
    **{"name": "ship", "version": 1, "latest": 1, "updated_at": "2026-11-26T00:00:00.000Z", "file": None},
    **{"webhook_url": "https://x", "calls": [], "called_by": [], "paused": None},
}


def test_a_workflow_is_shown_with_its_chain(capsys: pytest.CaptureFixture[str]) -> None:
    describe_stored({**STORED, "after": ["orders", "returns"], "followed_by": ["bill"]}, 1)
    lines = [line.strip() for line in capsys.readouterr().err.splitlines()]
    assert {"after     orders, returns", "followers bill"} <= {*lines}
    describe_stored({**STORED, "failure_of": ["orders"]}, 1)
    assert "handles   failures of orders" in capsys.readouterr().err
    describe_stored({**STORED, "failure_of": ["*"]}, 1)
    assert "handles   failures of all other workflows" in capsys.readouterr().err
    describe_stored(STORED, 1)
    printed = capsys.readouterr().err
    assert "after" not in printed
    assert "followers" not in printed
