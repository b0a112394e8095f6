"""A client of a hosted platform's auth Worker: registers, shows and deletes an account, and rotates its API key."""

from typing import Any

import httpx

from acr.errors import NoAnswerError, NotLoggedInError
from acr.targets.service_client import read_answer, require_data

TIMEOUT_S = 90  # a registration makes some twenty requests to Cloudflare


class AccountClient:
    """`url` is auth's address. Every method returns the answer's `data` and raises AnswerError or CliError."""

    def __init__(self, url: str, api_key: str | None = None, transport: httpx.BaseTransport | None = None) -> None:
        self._url = url.rstrip("/")
        headers = {"X-Arcrun-API-Key": api_key} if api_key else {}
        self._http = httpx.Client(
            base_url=self._url, headers=headers, trust_env=False, timeout=TIMEOUT_S, transport=transport
        )

    def register(self, email: str, account_id: str, kv_namespace_id: str, token: str, data_key: str) -> dict[str, Any]:
        """Returns {"tenant_id", "api_key"}. The secrets are sent in headers, which are not logged."""
        body = {"email": email, "account_id": account_id, "kv_namespace_id": kv_namespace_id}
        return self._send(
            "POST", "/register", json=body, headers={"CF-Api-Token": token, "X-Arcrun-Data-Key": data_key}
        )

    def show(self) -> dict[str, Any]:
        return self._send("GET", "/me")

    def rotate_key(self, grace_s: int) -> dict[str, Any]:
        """Returns {"tenant_id", "api_key", "keys"}."""
        return self._send("POST", "/me/api-key/rotate", params={"grace_s": grace_s})

    def delete(self) -> dict[str, Any]:
        return self._send("DELETE", "/me")

    def _send(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        try:
            response = self._http.request(method, path, **request)
        except httpx.HTTPError as error:
            raise NoAnswerError(f"{self._url} does not answer: {error}", "Check the address: --api-url") from None
        if response.status_code == 401:
            raise NotLoggedInError(f"{self._url} refused the API key.", "Register again: acr init --standard")
        data: dict[str, Any] = require_data(read_answer(response, self._url, "auth Worker"))
        return data
