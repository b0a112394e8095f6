"""Write entities.h: the named character references of HTML, from Python's html.entities.

    python components/html/generate_entities.py

One text of entries, sorted by name and so grouped by the first letter: the name as it is written, without the
ampersand, a byte 1, what it stands for in UTF-8, and a byte 0. `entity_starts` has where the entries of a letter begin.
"""

from html.entities import html5
from pathlib import Path

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
WIDTH = 110


def main() -> None:
    entries = dict.fromkeys(LETTERS, b"")
    for name in sorted(html5):
        entries[name[0]] += name.encode("ascii") + b"\x01" + html5[name].encode() + b"\x00"
    starts, at = [], 0
    for letter in LETTERS:
        starts.append(at)
        at += len(entries[letter])
    starts.append(at)
    content = b"".join(entries.values())
    lines = [
        "// Written by generate_entities.py.",
        f"static const unsigned short entity_starts[{len(starts)}] = {{",
        *(f"    {', '.join(map(str, starts[i : i + 12]))}," for i in range(0, len(starts), 12)),
        "};",
        f"static const unsigned char entities[{len(content)}] = {{",
        *(f"    {','.join(map(str, content[i : i + 28]))}," for i in range(0, len(content), 28)),
        "};",
    ]
    Path(__file__).with_name("entities.h").write_text("\n".join(lines) + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
