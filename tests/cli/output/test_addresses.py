"""Mail addresses in what commands print: of workflows that have one, and of no others."""

from typing import Any

import pytest

from acr.output.workflows import describe_stored, render_addresses

ADDRESS = "invoices+abcdefghijklmnopqrst@example.net"
STORED: dict[str, Any] = {
    **{"name": "invoices", "version": 1, "latest": 1, "updated_at": "2026-11-26T00:00:00.000Z", "file": None},
    **{"webhook_url": "https://x", "calls": [], "called_by": [], "paused": None},
}


def test_a_list_ends_with_addresses(capsys: pytest.CaptureFixture[str]) -> None:
    render_addresses([STORED, {**STORED, "email_address": ADDRESS}])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[-1] for line in lines if "@" in line] == [ADDRESS]
    assert "whoever knows it can send" in " ".join(lines)
    render_addresses([STORED])
    assert capsys.readouterr().out == ""


def test_a_workflow_is_shown_with_its_address(capsys: pytest.CaptureFixture[str]) -> None:
    describe_stored({**STORED, "email_address": ADDRESS}, 1)
    assert f"email     {ADDRESS}" in capsys.readouterr().err
    describe_stored(STORED, 1)
    assert "email" not in capsys.readouterr().err
