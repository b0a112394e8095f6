"""Reads the documents: their fenced blocks, and the commands that these show."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PAGES = [
    *("README.md", "CONTRIBUTING.md", "SECURITY.md"),
    *sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md")),
]
# The first line of a block that nobody can follow without an account. Such blocks stand in sections named "Deploy".
NEEDS_ACCOUNT = "# needs a Cloudflare account"
_FENCE = re.compile(
    r'^(?P<indent> *)```(?P<language>\w*)(?: title="(?P<title>[^"]+)")?\n(?P<text>.*?)^ *```', re.S | re.M
)
_HEADING = re.compile(r"^#{1,6} (.+)$", re.M)
_OPERATORS = {"|", "||", "&&", ";", "&", "(", ")", ">", ">>", "<"}


@dataclass(frozen=True)
class Block:
    """A fenced block: its page, the heading above it, and what the fence says of it."""

    page: str
    section: str
    language: str
    title: str
    text: str

    @property
    def needs_account(self) -> bool:
        return self.text.startswith(NEEDS_ACCOUNT)

    @property
    def commands(self) -> list[str]:
        """The command lines of a block in `sh` or `console`, with their comments, continued lines joined."""
        if self.language not in ("sh", "console"):
            return []
        lines = re.sub(r"\\\n\s*(?:> )?", "", self.text).splitlines()
        if self.language == "console":
            return [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
        return [line for line in lines if line.strip() and not line.lstrip().startswith("#")]


def read_blocks(page: str) -> Iterator[Block]:
    text = (ROOT / page).read_text(encoding="utf-8")
    fences = list(_FENCE.finditer(text))
    headings = [
        found for found in _HEADING.finditer(text) if not any(f.start() < found.start() < f.end() for f in fences)
    ]
    for fence in fences:
        section = next((found[1] for found in reversed(headings) if found.start() < fence.start()), "")
        content = re.sub(f"^{fence['indent']}", "", fence["text"], flags=re.M)
        yield Block(page, section, fence["language"], fence["title"] or "", content)


def split_acr_calls(line: str) -> Iterator[list[str]]:
    """The arguments of each call of `acr` in a command line of the shell."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    for word in [*lexer, ";"]:
        if word not in _OPERATORS:
            words.append(word)
            continue
        while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
            words.pop(0)
        if words[:1] == ["acr"]:
            yield words[1:]
        words = []
