"""The command line's errors: a message, the next step and an exit code."""

from typing import Any


class CliError(Exception):
    """`hint` is the next step; `code` identifies the error for programs, and may be empty. Exit codes: 1 failed,
    2 usage, 4 not logged in.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "", code: str = "") -> None:
        super().__init__(message)
        self.message, self.hint, self.code = message, hint, code


class NotLoggedInError(CliError):
    exit_code = 4


class AnswerError(CliError):
    """A Worker's refusal. `answer` is its JSON: {"success": false, "error": {...}}."""

    def __init__(self, answer: dict[str, Any]) -> None:
        error = answer["error"]
        super().__init__(error["message"], next(iter(error.get("next_actions", [])), ""))
        self.answer = answer
