"""A deploy in the middle of a durable run: this build goes on with one that an earlier build began, over its data.

The data is what `acr dev` of that build had left after a kill -9 while the run waited: the tables of the RunLog had
four migrations then, and a start was of format 1.
"""

import tarfile
from pathlib import Path

import pytest

from workerd.durable.soak import until_ended
from workerd.local_platform import ROOT, running_platform

pytestmark = pytest.mark.workerd

STATE = ROOT / "tests/fixtures/state_of_an_earlier_build.tar.xz"
RUN_ID = "01M8F2H94Z003130X64DXPQM52"
KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="  # under which it was stored, and nothing else is


def test_a_run_that_an_earlier_build_began_goes_on_where_it_was(tmp_path: Path) -> None:
    with tarfile.open(STATE) as archive:
        archive.extractall(tmp_path, filter="data")
    with running_platform(tmp_path, ARCRUN_ENCRYPTION_KEY=KEY) as platform, platform.executor as client:
        [record] = until_ended(platform, [RUN_ID], 40).values()
        listed = client.get("/webhooks").json()["data"]["workflows"]
        retried = client.post(f"/runs/{RUN_ID}/replay", json={})
    assert (record["status"], record["data"]) == ("success", {"text": "from the build before 5000"})
    [first, pause, _] = record["trace"]
    assert first["start_ms"] < 1_000 < pause["duration_ms"]
    assert [workflow["name"] for workflow in listed] == ["lasting"]
    assert retried.status_code == 202
