"""The executor over HTTP."""

from typing import Any

import httpx

from acr.errors import CliError, NotLoggedInError
from acr.settings import Target

TIMEOUT_S = 120


class ExecutorClient:
    def __init__(self, target: Target) -> None:
        self._url = target.url
        self._http = httpx.Client(
            base_url=target.url, headers={"X-Arcrun-API-Key": target.api_key}, timeout=TIMEOUT_S, trust_env=False
        )

    def push(self, workflow: str) -> dict[str, Any]:
        """Store a workflow. Returns the answer, {"success", "data" | "error"}."""
        return self._post("/webhooks", {"workflow": workflow})

    def execute(self, workflow: str, input_value: Any) -> dict[str, Any]:
        """Run a workflow that is not stored. Returns the run, {"success", "data" | "error", "run_id", "trace"}."""
        return self._post("/execute", {"workflow": workflow, "input": input_value})

    def trigger(self, name: str, input_value: Any) -> dict[str, Any]:
        """Run a stored workflow by its name."""
        return self._post(f"/webhooks/named/{name}/trigger", input_value)

    def _post(self, path: str, body: Any) -> dict[str, Any]:
        try:
            response = self._http.post(path, json=body)
        except httpx.HTTPError as error:
            raise CliError(
                f"{self._url} does not answer: {error}", "Is `acr dev` running? Is ARCRUN_URL right?"
            ) from None
        if response.status_code == 401:
            raise NotLoggedInError(f"{self._url} refused the API key.", "Check ARCRUN_API_KEY.")
        try:
            answer: dict[str, Any] = response.json()
        except ValueError:
            message = f"{self._url} answered {response.status_code} and no JSON."
            raise CliError(message, "Is that the address of an arcrun executor?") from None
        return answer
