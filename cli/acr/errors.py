"""The command line's errors: a message, the next step and an exit code."""

from typing import Any


class CliError(Exception):
    """`hint` is the next step; `code` identifies the error for programs: where it is empty, --json has the class's
    `usual_code`. Exit codes: 1 failed, 2 usage, 4 not logged in.
    """

    exit_code = 1
    usual_code = "FAILED"
    is_retriable = False

    def __init__(self, message: str, hint: str = "", code: str = "") -> None:
        super().__init__(message)
        self.message, self.hint, self.code = message, hint, code

    @property
    def next_actions(self) -> list[str]:
        return [self.hint] if self.hint else []

    def to_answer(self) -> dict[str, Any]:
        """The JSON answer, of the same shape as a Worker's refusal."""
        error = {
            "code": self.code or self.usual_code,
            "message": self.message,
            "retriable": self.is_retriable,
            "next_actions": self.next_actions,
            "details": {},
        }
        return {"success": False, "error": error}


class NotLoggedInError(CliError):
    exit_code = 4
    usual_code = "NOT_LOGGED_IN"


class NoPlatformError(NotLoggedInError):
    """No platform runs or is configured."""


class TargetError(CliError):
    """What is said of a target is wrong."""

    exit_code = 2
    usual_code = "TARGET_UNKNOWN"


class NoAnswerError(CliError):
    """A service does not answer."""

    usual_code = "NO_ANSWER"
    is_retriable = True


class DeclinedError(CliError):
    """The user answered no; nothing was changed."""

    usual_code = "DECLINED"


class AnswerError(CliError):
    """A Worker's refusal. `answer` is its JSON: {"success": false, "error": {...}}."""

    def __init__(self, answer: dict[str, Any]) -> None:
        error = answer["error"]
        super().__init__(error["message"], next(iter(error.get("next_actions", [])), ""), error["code"])
        self.answer = answer

    @property
    def next_actions(self) -> list[str]:
        actions: list[str] = self.answer["error"].get("next_actions", [])
        return actions

    def to_answer(self) -> dict[str, Any]:
        return self.answer
