"""Answers that are JSON and nothing that arcrun answers: another service at the address, a record that a tenant wrote.

Commands read answers as their documentation has them. What that raises of one in another shape is told in one place.
"""

import os

from acr.errors import CliError

# What reading an answer of another shape raises: fields that lack, other types, nesting beyond the stack.
SHAPE_FAULTS = (LookupError, TypeError, AttributeError, ValueError, RecursionError, OverflowError)
_answered: list[str] = []  # the address that answered last, in a process that is one command


def note_answer(url: str) -> None:
    _answered[:] = [url]


def forget_answers() -> None:
    _answered.clear()


def explain_shape(fault: Exception) -> CliError | None:
    """What to show of one of SHAPE_FAULTS. None if no service had answered, or ACR_DEBUG=1 asks for the fault."""
    if not _answered or os.environ.get("ACR_DEBUG") == "1":
        return None
    return CliError(
        f"{_answered[0]} answered nothing that arcrun answers ({type(fault).__name__}).",
        "Is that the address of this version of arcrun? ACR_DEBUG=1 shows where its answer was not understood.",
        code="ANSWER_NOT_UNDERSTOOD",
    )
