"""The local runtime's process, with the real Node and scripts of its own."""

import signal
import threading
import time
from pathlib import Path
from typing import Any, NoReturn

import pytest

from acr.local.runtime_process import RuntimeProcess


def start(folder: Path, script: str) -> RuntimeProcess:
    path = folder / "script.mjs"
    path.write_text(script)
    return RuntimeProcess(path, folder / "plan.json", folder / "cache")


def test_events_are_read_whole_in_whatever_pieces_they_come(tmp_path: Path) -> None:
    script = """
      const say = (text) => new Promise((done) => process.stdout.write(text, done));
      for (const text of ['{"event": "re', 'ady", "service": "\\u00e4"}\\n{"event"', ': "reloaded"}\\n']) {
        await say(text);
        await new Promise((done) => setTimeout(done, 50));
      }"""
    process = start(tmp_path, script)
    try:
        assert list(process.events()) == [{"event": "ready", "service": "ä"}, {"event": "reloaded"}]
    finally:
        process.stop()


class _ToldError(Exception):
    pass


def test_a_signal_that_another_thread_gets_is_handled_although_nothing_is_said(tmp_path: Path) -> None:
    """The system may give Ctrl-C to any thread; the reading one must not sleep on."""

    def tell(_signal: int, _frame: Any) -> NoReturn:
        raise _ToldError

    process = start(tmp_path, "process.stdin.resume();")
    before = signal.signal(signal.SIGUSR1, tell)
    began_s = time.monotonic()
    other = threading.Timer(0.2, lambda: signal.pthread_kill(threading.get_ident(), signal.SIGUSR1))
    try:
        other.start()
        with pytest.raises(_ToldError):
            list(process.events())
        assert time.monotonic() - began_s < 10
    finally:
        signal.signal(signal.SIGUSR1, before)
        other.join()
        process.stop()
