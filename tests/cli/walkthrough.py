"""Follows a page as a reader does: writes the files that it shows, runs the commands as they stand, and compares what
the page shows below them with what they print.

- A block with a title is a file. Lines that begin with `$ ` are commands, the lines below them what the terminal shows;
  in blocks of `sh` every line is a command. Nothing is skipped but blocks that begin with NEEDS_ACCOUNT.
- `…` in a line that is shown stands for any text, and on a line of its own for any lines. What it stood for in a word
  such as `7b37…` is put into later commands in its place. Durations, fuel (`25.2k`) and the bars that draw them differ.
- A command whose comment says "second terminal" keeps running until the end; the next one follows once it shows what
  the page shows.
"""

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from cli.docs.documents import Block

ANYTHING = "…"
KEEPS_RUNNING = "second terminal"
PATIENCE_S = 120
_VARIABLE = re.compile(rf"[\w-]*{ANYTHING}")
_FIGURE = re.compile(r"\d+(?:\.\d+)?(?: m?s|[kM])\b")
_BAR = re.compile(r"[▏▎▍▌▋▊▉█]+")


@dataclass(frozen=True)
class Step:
    """A command of a page, and the lines that it shows."""

    command: str
    shown: tuple[str, ...]

    @property
    def keeps_running(self) -> bool:
        return KEEPS_RUNNING in self.command.partition(" #")[2]


def read_steps(block: Block) -> Iterator[Step]:
    """The commands of a block, each with the lines below it."""
    if block.language == "sh":
        yield from (Step(command, ()) for command in block.commands)
        return
    commands, shown = block.commands, re.split(r"^\$ .*(?:\\\n.*)*\n?", block.text, flags=re.MULTILINE)
    assert not shown[0].strip(), f"{block.page}: there is no command above {shown[0]!r}"
    for command, lines in zip(commands, shown[1:], strict=True):
        yield Step(command, tuple(lines.splitlines()))


def match_lines(shown: tuple[str, ...], printed: str) -> dict[str, str] | None:
    """What the words with `…` in `shown` stood for, None if `printed` is something else. Spaces count as one."""
    if not shown:
        return {}  # the page shows nothing of it
    names: dict[str, str] = {}
    pattern = "".join(r"(?:[^\n]*\n)*?" if line == ANYTHING else f"{_build_pattern(line, names)}\n" for line in shown)
    tidy = "".join(f"{' '.join(line.split())}\n" for line in printed.splitlines() if line.strip())
    found = re.fullmatch(pattern, tidy)
    return {word: found[group] for word, group in names.items()} if found else None


def _build_pattern(line: str, names: dict[str, str]) -> str:
    """A pattern for a line. Adds {word with `…`: name of its group} to `names`; a word that comes again is the same."""
    parts, end = [], 0
    line = " ".join(line.split())
    for found in re.finditer(rf"{_VARIABLE.pattern}|{_FIGURE.pattern}|\s?{_BAR.pattern}", line):
        parts.append(re.escape(line[end : found.start()]))
        word, end = found[0], found.end()
        if not word.endswith(ANYTHING):
            parts.append(_FIGURE.pattern if _FIGURE.fullmatch(word) else rf"(?:\s?{_BAR.pattern})?")
        elif word == ANYTHING:
            parts.append(r"[^\n]*?")
        elif word in names:
            parts.append(f"(?P={names[word]})")
        else:
            names[word] = f"word{len(names)}"
            parts.append(rf"(?P<{names[word]}>[^\s\"'/]+)")
    return "".join([*parts, re.escape(line[end:])])


@dataclass
class Terminal:
    """Runs the commands of a page, beginning in `folder`; `cd` stays in force."""

    folder: Path
    environment: Mapping[str, str]
    words: dict[str, str] = field(default_factory=dict)
    running: list[tuple[subprocess.Popen[str], threading.Thread]] = field(default_factory=list)
    seen: str = ""

    def follow(self, block: Block) -> None:
        if block.needs_account:
            return
        if block.title:
            (self.folder / block.title).write_text(block.text, encoding="utf-8")
        for step in read_steps(block) if block.commands else ():
            self.run(step, block.page)

    def run(self, step: Step, page: str) -> None:
        command = step.command
        for word, value in self.words.items():
            command = command.replace(word, value)
        assert ANYTHING not in command, f"{page}: {command}: nothing before shows what this stands for"
        printed, matched = self._leave_running(command, step) if step.keeps_running else self._finish(command, step)
        self.seen += f"$ {command}\n{printed}"
        shown = "\n".join(step.shown)
        assert matched is not None, f"{page}: {command}\nshows:\n{shown}\nbut prints:\n{printed}"
        self.words |= matched

    def _finish(self, command: str, step: Step) -> tuple[str, dict[str, str] | None]:
        place = self.folder / ".place"
        script = f"{command}\ncode=$?; pwd > '{place}'; exit $code"
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )
        assert done.returncode == 0, f"{command}: exit code {done.returncode}\n{done.stdout}"
        self.folder = Path(place.read_text().strip())
        place.unlink()
        return done.stdout, match_lines(step.shown, done.stdout)

    def _leave_running(self, command: str, step: Step) -> tuple[str, dict[str, str] | None]:
        assert step.shown, f"{command}: the page must show what it prints once one can go on"
        process = subprocess.Popen(
            ["bash", "-c", f"exec {command}"],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        lines: list[str] = []
        reader = threading.Thread(target=_collect, args=(process, lines), daemon=True)
        reader.start()
        self.running.append((process, reader))
        deadline = time.monotonic() + PATIENCE_S
        while (matched := match_lines(step.shown, "".join(lines))) is None:
            is_waiting = process.poll() is None and time.monotonic() < deadline
            assert is_waiting, f"{command}:\n{''.join(lines)}"
            time.sleep(0.05)
        return "".join(lines), matched

    def close(self) -> None:
        """Press Ctrl-C in each terminal where something runs."""
        for process, _ in self.running:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGINT)
        for process, reader in self.running:
            process.wait(30)
            reader.join(30)
        self.running.clear()


def _collect(process: subprocess.Popen[str], lines: list[str]) -> None:
    """Add what the process prints to `lines`, until its end."""
    assert process.stdout is not None
    with process.stdout:
        lines.extend(process.stdout)


@contextmanager
def open_terminal(folder: Path, environment: Mapping[str, str]) -> Iterator[Terminal]:
    folder.mkdir(parents=True, exist_ok=True)
    terminal = Terminal(folder, {**environment, "PWD": os.fspath(folder)})
    try:
        yield terminal
    finally:
        terminal.close()
