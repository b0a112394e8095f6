"""The executor over HTTP. Each method is a request; answers are {"success", "data" | "error", ...}."""

from typing import Any
from urllib.parse import quote

import httpx

from acr.errors import AnswerError, CliError, NotLoggedInError
from acr.settings import Target

TIMEOUT_S = 120
# How much longer than a run may take its answer is waited for.
GRACE_S = 10

Answer = dict[str, Any]


class ExecutorClient:
    def __init__(self, target: Target) -> None:
        self._url = target.url
        self._http = httpx.Client(
            base_url=target.url, headers={"X-Arcrun-API-Key": target.api_key}, timeout=TIMEOUT_S, trust_env=False
        )

    def validate(self, workflow: str, file: str) -> Answer:
        """Check a workflow. Its data: {"valid", "diagnostics"}, which carry `file`."""
        return self._send("POST", "/validate", {"workflow": workflow, "file": file})

    def push(self, workflow: str) -> Answer:
        """Store a workflow."""
        return self._send("POST", "/webhooks", {"workflow": workflow})

    def execute(self, workflow: str, input_value: Any, timeout_ms: int | None = None) -> Answer:
        """Run a workflow that is not stored. The answer has "run_id" and "trace" too."""
        return self._send("POST", "/execute", {"workflow": workflow, "input": input_value}, timeout_ms=timeout_ms)

    def trigger(self, name: str, input_value: Any, timeout_ms: int | None = None, *, waits: bool = True) -> Answer:
        """Run a stored workflow by its name. Without `waits` the answer comes at once, with the run's id."""
        path = f"/webhooks/named/{quote(name, safe='')}/trigger"
        return self._send("POST", path, input_value, timeout_ms=timeout_ms, **({} if waits else {"async": "1"}))

    def roll_back(self, name: str, version: int) -> Answer:
        return self._send("POST", f"/webhooks/named/{quote(name, safe='')}/rollback", {"version": version})

    def list_workflows(self) -> list[dict[str, Any]]:
        """All of them: [{"name", "version", "latest", "updated_at", "token", "webhook_url"}]. Raises AnswerError."""
        found: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            data = require_data(self._send("GET", "/webhooks", cursor=cursor))
            found += data["workflows"]
            cursor = data["cursor"]
            if cursor is None:
                return found

    def find_token(self, name: str) -> str:
        """The token of a workflow's webhook. Raises AnswerError WORKFLOW_NOT_FOUND."""
        for workflow in self.list_workflows():
            if workflow["name"] == name:
                return str(workflow["token"])
        raise AnswerError(
            {
                "success": False,
                "error": {
                    "code": "WORKFLOW_NOT_FOUND",
                    "message": f"There is no workflow `{name}`.",
                    "next_actions": ["See which there are: acr list"],
                    "details": {"workflow": name},
                },
            }
        )

    def show_workflow(self, token: str) -> Answer:
        return self._send("GET", f"/webhooks/{token}")

    def rotate_token(self, token: str) -> Answer:
        return self._send("POST", f"/webhooks/{token}/rotate")

    def delete_workflow(self, token: str) -> Answer:
        return self._send("DELETE", f"/webhooks/{token}")

    def list_runs(self, workflow: str | None, limit: int) -> list[dict[str, Any]]:
        """The newest `limit` runs' verdicts, the newest first; over pages if one has too few. Raises AnswerError."""
        found: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            data = require_data(self._send("GET", "/runs", workflow=workflow, limit=limit, cursor=cursor))
            found += data["runs"]
            cursor = data["cursor"]
            if cursor is None or len(found) >= limit:
                return found[:limit]

    def show_run(self, run_id: str) -> Answer:
        """The stored record of a run."""
        return self._send("GET", f"/runs/{run_id}")

    def _send(self, method: str, path: str, body: Any = None, **query: Any) -> Answer:
        asked = {key: value for key, value in query.items() if value is not None}
        timeout_s = max(TIMEOUT_S, asked.get("timeout_ms", 0) / 1000 + GRACE_S)
        try:
            response = self._http.request(method, path, json=body, params=asked, timeout=timeout_s)
        except httpx.HTTPError as error:
            raise CliError(
                f"{self._url} does not answer: {error}", "Is `acr dev` running? Is ARCRUN_URL right?"
            ) from None
        if response.status_code == 401:
            raise NotLoggedInError(f"{self._url} refused the API key.", "Check ARCRUN_API_KEY.")
        try:
            answer: Answer = response.json()
        except ValueError:
            message = f"{self._url} answered {response.status_code} and no JSON."
            raise CliError(message, "Is that the address of an arcrun executor?") from None
        return answer


def require_data(answer: Answer) -> Any:
    """Raises AnswerError if it is a refusal."""
    if not answer["success"]:
        raise AnswerError(answer)
    return answer["data"]
