"""A command on a pseudo-terminal: what it shows there, what is typed, and Ctrl-C."""

import fcntl
import os
import pty
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

COLUMNS, LINES = 80, 24
TIMEOUT_S = 60


class Terminal:
    """Runs a command on a terminal of 80 columns, in a `with`, which ends it. `shown` is all that it has shown."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], folder: Path | None = None) -> None:
        self._leader, follower = pty.openpty()
        fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        sized = {name: text for name, text in environment.items() if name not in ("COLUMNS", "LINES")}
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env={**sized, "TERM": "xterm"},
            stdin=follower,
            stdout=follower,
            stderr=follower,
            start_new_session=True,
        )
        os.close(follower)
        self.shown = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._leader)

    def read_until(self, text: str) -> None:
        until = time.monotonic() + TIMEOUT_S
        while text not in self.shown:
            assert time.monotonic() < until, self.shown
            assert self._read(), f"The command ended before it showed {text!r}: {self.shown}"

    def type(self, text: str) -> None:
        os.write(self._leader, f"{text}\n".encode())

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        os.kill(self.process.pid, signal.SIGINT)

    def end(self) -> int:
        """Read what is left. Returns the exit code."""
        while self._read():
            pass
        return self.process.wait(TIMEOUT_S)

    def _read(self) -> bool:
        try:
            piece = os.read(self._leader, 10_000)
        except OSError:  # the command has ended
            return False
        self.shown += piece.decode(errors="replace")
        return bool(piece)
