"""Reports JSON answers that are not shaped like arcrun's: from another service, or a record that a tenant wrote.

Commands read answers as documented, without checks. Errors that an unexpected shape causes are explained here.
"""

import os

from acr.errors import CliError

# What reading an unexpected shape raises: missing fields, wrong types, nesting beyond the stack.
SHAPE_FAULTS = (LookupError, TypeError, AttributeError, ValueError, RecursionError, OverflowError)
_answered: list[str] = []  # the address that answered last; a process runs one command


def note_answer(url: str) -> None:
    _answered[:] = [url]


def forget_answers() -> None:
    _answered.clear()


def explain_shape(fault: Exception) -> CliError | None:
    """The error to show for one of SHAPE_FAULTS; None if no service has answered yet or ACR_DEBUG=1 is set."""
    if not _answered or os.environ.get("ACR_DEBUG") == "1":
        return None
    return CliError(
        f"The answer of {_answered[0]} is not one of arcrun's ({type(fault).__name__}).",
        "Check that this version of arcrun runs there. ACR_DEBUG=1 shows where its answer was not understood.",
        code="ANSWER_NOT_UNDERSTOOD",
    )
