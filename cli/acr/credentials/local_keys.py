"""The encryption keys of `acr dev`, in files of mode 0600 in `keys` in its --persist folder."""

from pathlib import Path

from acr.config.private_file import write_private
from acr.errors import CliError

CURRENT_KEY, PREVIOUS_KEY = "encryption-key", "previous-encryption-key"


def read_local_keys(folder: Path) -> tuple[str, str | None]:
    """The current key and the previous one, in base64. Raises CliError STATE_GONE if the folder has been deleted."""
    previous = folder / PREVIOUS_KEY
    try:
        current = (folder / CURRENT_KEY).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        message = f"The state folder of `acr dev` is gone: there is no {folder / CURRENT_KEY}."
        raise CliError(message, "Stop `acr dev`, and start it again: acr dev", "STATE_GONE") from None
    return current, previous.read_text(encoding="utf-8").strip() if previous.is_file() else None


def replace_local_key(folder: Path, old: str, new: str) -> None:
    """Save the old key, then replace the current one, so that neither is lost. A running `acr dev` notices."""
    write_private(folder / PREVIOUS_KEY, old)
    write_private(folder / CURRENT_KEY, new)
