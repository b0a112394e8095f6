"""A Worker of the platform over HTTP. Answers are {"success", "data" | "error", ...}."""

from typing import Any

import httpx

from acr.errors import AnswerError, CliError, NotLoggedInError

TIMEOUT_S = 120

Answer = dict[str, Any]


class ServiceClient:
    """`api_key` goes with every request. `service` is what the address belongs to, for messages."""

    def __init__(
        self, url: str, api_key: str, service: str = "executor", transport: httpx.BaseTransport | None = None
    ) -> None:
        self._url, self._service = url, service
        headers = {"X-Arcrun-API-Key": api_key}
        self._http = httpx.Client(base_url=url, headers=headers, trust_env=False, transport=transport)

    def send(self, method: str, path: str, *, timeout_s: float = TIMEOUT_S, **request: Any) -> Answer:
        """`request` is what httpx takes: json, files, params, headers. Raises CliError."""
        response = self.fetch(method, path, timeout_s=timeout_s, **request)
        try:
            answer: Answer = response.json()
        except ValueError:
            message = f"{self._url} answered {response.status_code} and no JSON."
            raise CliError(message, f"Is that the address of an arcrun {self._service}?") from None
        return answer

    def fetch(self, method: str, path: str, *, timeout_s: float = TIMEOUT_S, **request: Any) -> httpx.Response:
        """The response itself. Raises CliError if there is none, NotLoggedInError if the key is refused."""
        try:
            response = self._http.request(method, path, timeout=timeout_s, **request)
        except httpx.HTTPError as error:
            raise CliError(
                f"{self._url} does not answer: {error}", "Is `acr dev` running? Is ARCRUN_URL right?"
            ) from None
        if response.status_code == 401:
            raise NotLoggedInError(f"{self._url} refused the API key.", "Check ARCRUN_API_KEY.")
        return response


def require_data(answer: Answer) -> Any:
    """Raises AnswerError if it is a refusal."""
    if not answer["success"]:
        raise AnswerError(answer)
    return answer["data"]
