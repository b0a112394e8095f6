"""Proves that following a request through the code, from the webhook's handler to the run's record, takes few files:
code that changes together is kept together.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from executor import run_handlers
from executor.records.logged_runs import LoggedRuns
from fakes.components import exited
from fakes.executor import build_bench, build_client

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).resolve().parents[2]
MOST_FILES = 25
OURS = tuple(f"{ROOT / part}/" for part in ("core", "workers"))
WORKFLOW = {
    "name": "three",
    "flow": ["input >> PIPE >> a", "a >> PIPE >> b", "b >> PIPE >> c", "c >> PIPE >> output"],
    "config": {"a": {"text": "{{input.text}}"}, "b": {"text": "{{a.data.text}}"}, "c": {"text": "{{b.data.text}}"}},
}


class Way:
    """The files whose functions run from the call of `begin` until `end` returns; imports are not counted."""

    def __init__(self, begin: Callable[..., Any], end: Callable[..., Any]) -> None:
        self._begin, self._end = begin.__code__, end.__code__
        self._is_on = False
        self.files: set[str] = set()
        self.has_ended = False

    def note(self, frame: FrameType, event: str, _argument: object) -> None:
        """Callback for sys.setprofile."""
        code = frame.f_code
        if code is self._begin:
            self._is_on = not self.has_ended
        if self._is_on and event == "call" and code.co_filename.startswith(OURS):
            self.files.add(code.co_filename)
        if code is self._end and event == "return":
            self._is_on, self.has_ended = False, True


async def test_a_request_crosses_few_files_on_its_way_to_the_record() -> None:
    bench = build_bench(dict.fromkeys("abc", exited({"success": True, "data": {"text": "hello"}})))
    way = Way(run_handlers.trigger, LoggedRuns.add)
    async with build_client(bench.service) as client:
        token = (await client.post("/webhooks", json={"workflow": WORKFLOW})).json()["data"]["token"]
        for counts in (False, True):  # the first request fills the caches
            sys.setprofile(way.note if counts else None)
            try:
                answer = await client.post(f"/webhooks/{token}/trigger", json={"text": "hello"})
            finally:
                sys.setprofile(None)
            await bench.background.finish()
    assert (answer.status_code, answer.json()["data"]) == (200, {"text": "hello"})
    assert way.has_ended
    passed = {Path(file).name for file in way.files}
    assert {"run_handlers.py", "service.py", "scheduler.py", "components.py", "runs.py"} <= passed
    assert len(way.files) <= MOST_FILES, "\n".join(sorted(way.files))
