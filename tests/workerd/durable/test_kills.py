"""Accepted and durable runs go on after everything was killed. `scripts/soak --durable` kills more often."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from workerd.durable.soak import CountingServer, build_workflows, counting_server, soak, trigger, until_ended
from workerd.local_platform import running_platform

pytestmark = pytest.mark.workerd


@pytest.fixture
def server() -> Iterator[CountingServer]:
    with counting_server() as server:
        yield server


def test_what_was_accepted_is_executed_and_finished_steps_are_not_repeated(
    tmp_path: Path, server: CountingServer
) -> None:
    """In flows with a loop, retries, a called workflow, a wait, a decision and an event."""
    assert soak(tmp_path, server, kills=3, durable=3, accepted=50) == []


def test_a_failing_request_without_retry_is_sent_once(tmp_path: Path, server: CountingServer) -> None:
    with running_platform(tmp_path) as platform, platform.executor as client:
        for workflow in build_workflows(server.url):
            client.post("/webhooks", json={"workflow": workflow})
        run_id = trigger(client, "failing", "once", "?async=1")
        [record] = until_ended(platform, [run_id], 30).values()
    assert (record["status"], server.begun["/once/fails"]) == ("failed", 1)
