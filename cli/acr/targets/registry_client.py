"""A client of the registry's HTTP API."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx

from acr.errors import AnswerError, CliError
from acr.targets.service_client import TIMEOUT_S, Answer, ServiceClient, require_data
from acr.targets.settings import RegistryTarget
from arcrun.registry.package import Package

MAX_PAGE = 200
MAX_TOLD = 5
SUBMISSION_PREFIX = "sub_"
SUBMISSION_ID_CHARACTERS, LEAST_CHARACTERS = len(SUBMISSION_PREFIX) + 24, len(SUBMISSION_PREFIX) + 6


class RegistryClient(ServiceClient):
    def __init__(
        self, target: RegistryTarget, transport: httpx.BaseTransport | None = None, timeout_s: float = TIMEOUT_S
    ) -> None:
        super().__init__(target.url, target.api_key, "registry", transport, timeout_s)
        self._reviewer_key, self.signing_key = target.reviewer_key, target.signing_key

    def submit(self, package: Package) -> Answer:
        """The data is {"submission_id", "steps", ...}. A refusal's details also have the steps."""
        kind = "javascript" if package.is_javascript else "wasm"
        files = {"contract": package.contract_text.encode(), kind: package.module}
        return self.send("POST", "/submit", files=files)

    def show_submission(self, submission_id: str) -> Answer:
        return self.send("GET", f"/submit/{quote(submission_id, safe='')}")

    def find_submission_id(self, text: str) -> str:
        """The id that alone begins with `text`, among the components that the API key may see; else `text` itself, so
        that the registry answers. Raises CliError SUBMISSION_ID_AMBIGUOUS, and AnswerError.
        """
        if not LEAST_CHARACTERS <= len(text) < SUBMISSION_ID_CHARACTERS:
            return text
        ids = {str(component.get("submission_id")) for component in self.search()}
        found = sorted(submission_id for submission_id in ids if submission_id.startswith(text))
        if len(found) > 1:
            raise CliError(
                f"More than one submission begins with {text}: {', '.join(found[:MAX_TOLD])}",
                "Type more of it.",
                "SUBMISSION_ID_AMBIGUOUS",
            )
        return found[0] if found else text

    def decide(self, submission_id: str, verb: str, reason: str) -> Answer:
        """`verb` is "approve" or "reject". Raises CliError if there is no reviewer's key."""
        headers = self._as_reviewer()
        path = f"/submit/{quote(submission_id, safe='')}/{verb}"
        return self.send("PATCH", path, headers=headers, json={"reason": reason})

    def search(self, **query: str) -> Iterator[dict[str, Any]]:
        """Yield all matching components that the API key may see. Raises AnswerError."""
        cursor: str | None = "0"
        while cursor is not None:
            page = {**query, "limit": str(MAX_PAGE), "cursor": cursor}
            data = require_data(self.send("GET", "/components", params=page))
            yield from data["components"]
            cursor = data["cursor"]

    def show(self, canonical_id: str, version: str | None) -> Answer:
        """The data is the version, with its contract, attestation and statistics."""
        return self.send("GET", _path_of(canonical_id), params=_version(version))

    def list_versions(self, canonical_id: str) -> Answer:
        return self.send("GET", f"{_path_of(canonical_id)}/versions")

    def read_module(self, canonical_id: str, version: str | None) -> bytes:
        """The WebAssembly module. Raises AnswerError."""
        response = self.fetch("GET", f"{_path_of(canonical_id)}/module", params=_version(version))
        if response.is_success:
            return response.content
        raise AnswerError(self.read_answer(response))

    def list_statistics(self) -> dict[str, dict[str, Any]]:
        """Statistics of the caller's runs by canonical id, of listed and unlisted components. Raises AnswerError."""
        found = require_data(self.send("GET", "/analytics"))["components"]
        return {component["canonical_id"]: component for component in found}

    def read_key(self, *, as_reviewer: bool = False) -> dict[str, str]:
        """The attestations' {"algorithm", "key_id", "public_key"}. Raises AnswerError and NotLoggedInError."""
        headers = self._as_reviewer() if as_reviewer else {}
        key: dict[str, str] = require_data(self.send("GET", "/submit/key", headers=headers))
        return key

    def _as_reviewer(self) -> dict[str, str]:
        if not self._reviewer_key:
            raise CliError("This needs the reviewer's key, and none is set.", "Set ARCRUN_REVIEWER_KEY.")
        return {"X-Arcrun-API-Key": self._reviewer_key}


def _path_of(canonical_id: str) -> str:
    return f"/components/{quote(canonical_id, safe='')}"


def _version(version: str | None) -> dict[str, str]:
    return {"version": version} if version else {}
