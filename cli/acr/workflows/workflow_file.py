"""Reads workflow files as text, which the executor parses."""

from pathlib import Path

from acr.config.project_file import FILE_NAME
from acr.config.project_paths import read_regular, require_inner
from acr.errors import CliError

SUFFIXES = (".yaml", ".yml")
SECRETS_FILE = "credentials.yaml"
_OTHERS = (FILE_NAME, SECRETS_FILE, "contract.yaml")
TEST_MARK = ".test"
TEST_SUFFIXES = tuple(f"{TEST_MARK}{suffix}" for suffix in SUFFIXES)


def read_workflow_file(path: Path) -> str:
    """The file's text, its TypeScript without types. Raises CliError."""
    try:
        text = read_regular(require_inner(path), path)
    except UnicodeDecodeError as error:
        raise CliError(f"{path} is not UTF-8 (byte {error.start}).", "Save it as UTF-8.", "NOT_UTF8") from None
    except OSError as error:
        message, advice = f"{path} cannot be read: {error.strerror}.", "Check the path and its permissions."
        raise CliError(message, advice, "FILE_UNREADABLE") from None
    if "language" not in text:
        return text
    from acr.workflows.typed_code import strip_types_of  # noqa: PLC0415 - few workflows have any

    return strip_types_of(text, path)


def is_test_file(path: Path) -> bool:
    return path.name.endswith(TEST_SUFFIXES)


def is_other_file(path: Path) -> bool:
    """Whether its name says that it is YAML of another kind: settings, secrets, a contract, a test."""
    return path.name in _OTHERS or is_test_file(path) or path.name.startswith(".")
