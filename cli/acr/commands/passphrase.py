"""The passphrase of an export's stores."""

import os
import sys

from acr.errors import CliError
from acr.output.terminal import ask

VARIABLE = "ARCRUN_EXPORT_PASSPHRASE"


def read_passphrase(*, is_new: bool) -> str:
    """From the environment, or typed in. Raises CliError PASSPHRASE_MISSING."""
    if given := os.environ.get(VARIABLE):
        return given
    if not sys.stdin.isatty():
        raise CliError("The stores need a passphrase.", f"Set {VARIABLE}.", "PASSPHRASE_MISSING")
    return str(ask("Passphrase of the stores", hide_input=True, confirmation_prompt=is_new))
