"""Write docs/components/ from the contracts, docs/diagnostics.md from the catalogue, docs/limits.md from the limits.

python scripts/build_docs.py            writes them
python scripts/build_docs.py --check    exits 1 if one of them is out of date
"""

import sys
from collections.abc import Iterator

from component_pages import cell, render_component_pages
from limits_page import render_limits
from stage import ROOT

from arcrun.workflows.diagnostics import CATALOGUE

DOCS = ROOT / "docs"
ERRORS = DOCS / "components/errors.md"  # written by hand


def main() -> None:
    pages = {
        **render_component_pages(),
        "diagnostics.md": render_diagnostics(),
        "limits.md": render_limits(),
    }
    texts = {DOCS / name: "\n".join(lines) + "\n" for name, lines in pages.items()}
    stray = sorted({*(DOCS / "components").glob("*.md")} - texts.keys() - {ERRORS})
    if "--check" in sys.argv:
        wrong = [path for path, text in texts.items() if not path.is_file() or path.read_text("utf-8") != text]
        if names := [path.relative_to(ROOT).as_posix() for path in (*wrong, *stray)]:
            sys.exit(f"{', '.join(names)}: out of date. Run: .venv/bin/python scripts/build_docs.py")
        return
    for path in stray:
        path.unlink()
    for path, text in texts.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


def render_diagnostics() -> Iterator[str]:
    yield "# Diagnostics"
    yield ""
    yield "The findings that `acr validate`, `POST /validate` and a push report for a workflow. Each has file, line,"
    yield "column, code, message, hint and `severity`. An error rejects the workflow; a warning names what can fail"
    yield "at run time. Generated from `arcrun/workflows/diagnostics.py` by `scripts/build_docs.py`."
    yield ""
    yield "| code | what it means | what to do |"
    yield "| --- | --- | --- |"
    for code, (meaning, remedy) in CATALOGUE.items():
        yield f"| `{code}` | {cell(meaning)} | {cell(remedy)} |"


if __name__ == "__main__":
    main()
