"""TypeScript in a workflow's file: types become blanks where the file is read, so that all that follows sees JavaScript
with the lines and columns of the file.
"""

from pathlib import Path

import pytest

from acr.errors import CliError
from acr.workflows.workflow_file import read_workflow_file

HEAD = """\
name: typed
flow: ["input >> PIPE >> sum", "sum >> PIPE >> output"]
config:
  sum:
    component: code
    language: ts
"""


def read(tmp_path: Path, text: str) -> str:
    path = tmp_path / "typed.yaml"
    path.write_text(text, encoding="utf-8")
    return read_workflow_file(path)


@pytest.mark.parametrize(
    ("source", "stripped"),
    [
        (
            "    source: |\n      const x = input.x as number;\n      return x;\n",
            "    source: |\n      const x = input.x          ;\n      return x;\n",
        ),
        (
            "    source: |\n      interface A { b: string }\n      return '{{x}}' as string;\n",
            "    source: |\n\n      return '{{x}}'          ;\n",
        ),
        (
            "    source: |\n      const f = (a: any) => a;\n      export default (input: any): number => f(input.x);\n",
            "    source: |\n      const f = (a     ) => a;\n      export default (input     )         => f(input.x);\n",
        ),
        ("    source: return input.x as number\n", "    source: return input.x          \n"),
        ("    source: |\n      return 'naïve 😀'\n", "    source: |\n      return 'naïve 😀'\n"),
    ],
    ids=["a body", "a type first", "a module", "one line", "nothing to remove"],
)
def test_types_become_blanks(tmp_path: Path, source: str, stripped: str) -> None:
    tail = "    input: {x: 1}\n"
    assert read(tmp_path, f"{HEAD}{source}{tail}") == f"{HEAD}{stripped}{tail}"


def test_what_was_stripped_stays_as_it_is(tmp_path: Path) -> None:
    once = read(tmp_path, f"{HEAD}    source: |\n      type A = string;\n      return input.x as A;\n")
    assert read(tmp_path, once) == once


def test_javascript_is_left_alone(tmp_path: Path) -> None:
    text = f"{HEAD}    source: |\n      return input.x as number;\n".replace("language: ts", "language: js")
    assert read(tmp_path, text) == text


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ("    source: |\n      const a = 1;\n      enum A { B }\n", "9:7"),
        ("    source: |\n      const a: = 1;\n", "8:16"),
        ("    source: |\n      export default (a: ) => 1;\n", "8:26"),
    ],
    ids=["an enum", "a syntax error", "in a module"],
)
def test_what_cannot_be_removed_has_its_place(tmp_path: Path, source: str, place: str) -> None:
    with pytest.raises(CliError) as caught:
        read(tmp_path, HEAD + source)
    assert caught.value.code == "SYNTAX_ERROR"
    assert caught.value.message.startswith(f"{tmp_path / 'typed.yaml'}:{place}: ")
    assert bool(caught.value.hint) is ("enum" in source)


def test_it_must_be_a_block(tmp_path: Path) -> None:
    with pytest.raises(CliError) as caught:
        read(tmp_path, f"{HEAD}    source: >\n      return\n      1 as number\n")
    assert "must be the file's" in caught.value.message
