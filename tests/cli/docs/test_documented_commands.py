"""Every command that a page shows exists, with its options; every block of JSON is JSON."""

import json
import re

import click
import pytest
from cli.docs.documents import PAGES, ROOT, Block, read_blocks, split_acr_calls

from acr.main import acr

BLOCKS = [block for page in PAGES for block in read_blocks(page)]
# The language writes `command` for what this version has; history and decisions may name what is gone.
INLINE = re.compile(r"(?<!`)`(acr [a-z][^`\n]*)`(?!`)")
WITHOUT_INLINE = ("docs/adr/",)
GENERATED = "docs/cli.md"


def name_cases(blocks: list[Block]) -> list[object]:
    return [pytest.param(block, id=f"{block.page} {i}") for i, block in enumerate(blocks)]


def check_call(arguments: list[str], *, is_whole: bool = True) -> None:
    """Parse the arguments as `acr` does, without running anything. Raises click.UsageError."""
    command: click.Command = acr
    context = click.Context(acr, info_name="acr")
    while isinstance(command, click.Group):
        options, rest, _ = command.make_parser(context).parse_args(list(arguments))
        if not rest:
            assert options.get("help") or command.invoke_without_command or not is_whole, arguments
            return
        found = command.get_command(context, rest[0])
        if found is None:
            raise click.UsageError(f"There is no command {rest[0]!r}: acr {' '.join(arguments)}")
        command, arguments = found, rest[1:]
        context = click.Context(command, info_name=rest[0], parent=context, **command.context_settings)
    values, extra, _ = command.make_parser(context).parse_args(list(arguments))
    if extra:
        raise click.UsageError(f"{command.name} takes no {extra[0]!r}")
    for parameter in command.get_params(context):
        given = values.get(parameter.name or "")
        if is_whole and parameter.required and not (isinstance(given, (str, tuple)) and given):
            raise click.UsageError(f"{command.name} wants {parameter.name}")
        if isinstance(parameter.type, click.Choice) and isinstance(given, str) and not given.isupper():
            parameter.type.convert(given, parameter, context)


@pytest.mark.parametrize("block", name_cases([block for block in BLOCKS if block.commands]))
def test_the_commands_of_a_block_exist(block: Block) -> None:
    for line in block.commands:
        for arguments in split_acr_calls(line):
            check_call(arguments)


OWN_FILE = re.compile(r"(?<![\w./])(?:scripts|benchmarks|examples|tests)/[\w./-]+")


@pytest.mark.parametrize("block", name_cases([block for block in BLOCKS if block.commands]))
def test_the_files_of_the_repository_that_a_command_names_exist(block: Block) -> None:
    named = [path for line in block.commands for path in OWN_FILE.findall(line.partition(" #")[0])]
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", [page for page in PAGES if not page.startswith(WITHOUT_INLINE) and page != GENERATED])
def test_the_commands_in_the_text_exist(page: str) -> None:
    """Those may be abridged, so that arguments may be missing."""
    for found in INLINE.finditer((ROOT / page).read_text(encoding="utf-8")):
        for arguments in split_acr_calls(found[1].replace("...", "").replace("…", "")):
            check_call(arguments, is_whole=False)


@pytest.mark.parametrize("block", name_cases([block for block in BLOCKS if block.language == "json"]))
def test_a_block_of_json_is_json(block: Block) -> None:
    json.loads(block.text)


def test_every_block_says_what_it_is() -> None:
    assert {block.language for block in BLOCKS} <= {"sh", "console", "json", "yaml", "js", ""}


@pytest.mark.parametrize(
    ("line", "refusal"),
    [
        ("acr pusch greet.yaml", "no command"),
        ("acr push greet.yaml --nowhere", "No such option"),
        ("cd x && acr list one two", "takes no 'two'"),
        ("echo y | acr parts scaffold", "wants component_id"),
        ("acr parts scaffold x --lang cobol", "cobol"),
    ],
)
def test_a_wrong_command_is_found(line: str, refusal: str) -> None:
    [arguments] = split_acr_calls(line)
    with pytest.raises(click.UsageError, match=refusal):
        check_call(arguments)


TOLD = ("docs/troubleshooting.md", "docs/components/errors.md", "docs/webhooks.md")
CODE = re.compile(r"`([A-Z]+(?:_[A-Z]+)+)`")
MESSAGE = re.compile(r"^\| `([^`]*[a-z] [^`]*)`", re.MULTILINE)  # what a table's row begins with, unless it is a code


def read_sources() -> str:
    files = [path for room in ("core", "cli", "workers") for path in (ROOT / room).rglob("*.py")]
    files += [*(ROOT / "components").rglob("*.zig"), *(ROOT / "workers/edge").glob("*.mjs")]
    return "\n".join(path.read_text(encoding="utf-8") for path in files if "python_modules" not in path.parts)


def test_the_codes_and_messages_that_pages_explain_exist() -> None:
    sources, missing = read_sources(), []
    for page in TOLD:
        text = (ROOT / page).read_text(encoding="utf-8")
        missing += [(page, code) for code in CODE.findall(text) if code not in sources]
    for message in MESSAGE.findall((ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8")):
        parts = [part.strip() for part in re.split(r"\.\.\.|\d+", message) if part.strip()]
        missing += [("message", part) for part in parts if part not in sources and not part.startswith("acr:")]
    assert missing == []
