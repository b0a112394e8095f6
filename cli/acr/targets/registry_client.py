"""The registry over HTTP. Each method is a request."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx

from acr.errors import AnswerError, CliError
from acr.targets.service_client import Answer, ServiceClient, require_data
from acr.targets.settings import RegistryTarget
from arcrun.registry.package import Package

MAX_PAGE = 200


class RegistryClient(ServiceClient):
    def __init__(self, target: RegistryTarget, transport: httpx.BaseTransport | None = None) -> None:
        super().__init__(target.url, target.api_key, "registry", transport)
        self._reviewer_key, self.signing_key = target.reviewer_key, target.signing_key

    def submit(self, package: Package) -> Answer:
        """Its data: {"submission_id", "steps", ...}. The details of a refusal have the steps too."""
        files = {"contract": package.contract_text.encode(), "wasm": package.module}
        return self.send("POST", "/submit", files=files)

    def show_submission(self, submission_id: str) -> Answer:
        return self.send("GET", f"/submit/{quote(submission_id, safe='')}")

    def decide(self, submission_id: str, verb: str, reason: str) -> Answer:
        """`verb` is "approve" or "reject". Raises CliError without a reviewer's key."""
        headers = self._as_reviewer()
        path = f"/submit/{quote(submission_id, safe='')}/{verb}"
        return self.send("PATCH", path, headers=headers, json={"reason": reason})

    def search(self, **query: str) -> Iterator[dict[str, Any]]:
        """All components that match, as far as the key may see them. Raises AnswerError."""
        cursor: str | None = "0"
        while cursor is not None:
            page = {**query, "limit": str(MAX_PAGE), "cursor": cursor}
            data = require_data(self.send("GET", "/components", params=page))
            yield from data["components"]
            cursor = data["cursor"]

    def show(self, canonical_id: str, version: str | None) -> Answer:
        """Its data: the version, with its contract, attestation and statistics."""
        return self.send("GET", _path_of(canonical_id), params=_version(version))

    def list_versions(self, canonical_id: str) -> Answer:
        return self.send("GET", f"{_path_of(canonical_id)}/versions")

    def read_module(self, canonical_id: str, version: str | None) -> bytes:
        """Raises AnswerError."""
        response = self.fetch("GET", f"{_path_of(canonical_id)}/module", params=_version(version))
        if response.is_success:
            return response.content
        raise AnswerError(self.read_answer(response))

    def list_statistics(self) -> dict[str, dict[str, Any]]:
        """By component, listed or not: what the caller's runs count. Raises AnswerError."""
        found = require_data(self.send("GET", "/analytics"))["components"]
        return {component["canonical_id"]: component for component in found}

    def read_key(self, *, as_reviewer: bool = False) -> dict[str, str]:
        """{"algorithm", "key_id", "public_key"} of the attestations. Raises AnswerError, and NotLoggedInError."""
        headers = self._as_reviewer() if as_reviewer else {}
        key: dict[str, str] = require_data(self.send("GET", "/submit/key", headers=headers))
        return key

    def _as_reviewer(self) -> dict[str, str]:
        if not self._reviewer_key:
            raise CliError("Only the reviewer decides, and no reviewer's key is known.", "Set ARCRUN_REVIEWER_KEY.")
        return {"X-Arcrun-API-Key": self._reviewer_key}


def _path_of(canonical_id: str) -> str:
    return f"/components/{quote(canonical_id, safe='')}"


def _version(version: str | None) -> dict[str, str]:
    return {"version": version} if version else {}
