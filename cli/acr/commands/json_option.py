"""Options whose value is JSON, given as it is, from a file or from stdin."""

from pathlib import Path
from typing import Any

import click

from acr.commands.arguments import STDIN
from acr.config.project_paths import read_regular, require_inner
from arcrun.json_text import JsonLimitError, parse_json

STDIN_VALUES = ("-", "@-", f"@{STDIN}")


def read_json_option(text: str, option: str) -> Any:
    """`text` is JSON, `@` and a file's path, or one of STDIN_VALUES. Raises click.BadParameter."""
    if text in STDIN_VALUES:
        text = f"@{STDIN}"
    try:
        return parse_json(_read_file(Path(text[1:])) if text.startswith("@") else text)
    except OSError as error:
        raise click.BadParameter(f"{text[1:]}: {error.strerror}", param_hint=option) from None
    except JsonLimitError as error:
        raise click.BadParameter(f"{error}", param_hint=option) from None
    except ValueError as error:
        raise click.BadParameter(f"not JSON: {error}", param_hint=option) from None


def _read_file(path: Path) -> str:
    return read_regular(require_inner(path), path)
