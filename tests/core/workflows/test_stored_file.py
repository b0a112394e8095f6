"""Proves which paths are the same file, and what is sent of a long one."""

import pytest

from arcrun.limits import MAX_FILE_CHARACTERS
from arcrun.workflows.stored_file import is_same_file, shorten_file_name


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("greet.yaml", "greet.yaml", True),
        ("greet.yaml", "examples/workflows/greet.yaml", True),
        ("./greet.yaml", "workflows//greet.yaml", True),
        ("a/greet.yaml", "b/greet.yaml", False),
        ("greet.yaml", "other/my-greet.yaml", False),
        ("greet.yaml", "greet.yml", False),
        ("workflows/greet.yaml", "greet.yaml/workflows/greet.yaml", True),
        ("greet.yaml", "greet.yaml/x", False),
    ],
)
def test_the_same_file(one: str, other: str, expected: bool) -> None:
    assert (is_same_file(one, other), is_same_file(other, one)) == (expected, expected)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("flows/greet.yaml", "flows/greet.yaml"),
        ("x" * MAX_FILE_CHARACTERS, "x" * MAX_FILE_CHARACTERS),
        (f"{'d' * 500}/{'e' * 500}/greet.yaml", f"{'e' * 500}/greet.yaml"),
        (f"{'d' * 600}/greet.yaml", "greet.yaml"),
        ("x" * 600 + ".yaml", "x" * 507 + ".yaml"),
    ],
)
def test_of_a_long_path_the_end_is_sent(path: str, expected: str) -> None:
    assert shorten_file_name(path) == expected
    assert is_same_file(path, expected) or "/" not in path
