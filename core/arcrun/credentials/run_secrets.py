"""The secrets of one run: each that is read for it is remembered, and scrubbed from all that the run says."""

from collections.abc import Mapping
from typing import Any

from arcrun.credentials.injection import Reveal
from arcrun.credentials.redaction import Redactor
from arcrun.errors import ArcrunError


class RunSecrets:
    """One for each run. It scrubs every secret read so far; a run that reads none pays nothing."""

    def __init__(self, reveal: Reveal) -> None:
        self._reveal = reveal
        self._secrets: dict[str, None] = {}
        self._redactor = Redactor()

    async def reveal(self, name: str) -> str:
        """The secret stored under `name`. Raises what the vault raises."""
        secret = await self._reveal(name)
        if secret not in self._secrets:
            self._secrets[secret] = None
            self._redactor = Redactor(self._secrets)
        return secret

    def scrub(self, value: Any) -> Any:
        """A JSON value, or a text, without the secrets."""
        return self._redactor.scrub(value)

    def scrub_error(self, error: ArcrunError) -> ArcrunError:
        """The same error, its message, next steps and details without the secrets."""
        details: Mapping[str, Any] = self._redactor.scrub(error.details)
        error.message = self._redactor.scrub_text(error.message)
        error.args = (error.message,)
        error.next_actions = tuple(self._redactor.scrub_text(action) for action in error.next_actions)
        error.details = dict(details)
        return error
