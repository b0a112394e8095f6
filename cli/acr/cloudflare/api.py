"""The HTTP client of Cloudflare's REST API v4: URLs, envelopes, retries, errors.

Answers are {"success", "result", "errors": [{"code", "message"}], "result_info"}; KV values and R2 objects come without
this envelope. An account's paths start with /accounts/{id}, except in the local runtime's API, Miniflare's explorer,
which has a single unnamed account.
Source: developers.cloudflare.com/api and /fundamentals/api/reference/limits (429 carries Retry-After, in seconds).
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx

from acr.answer_shape import note_answer
from acr.errors import CliError
from arcrun.cloudflare.api_access import ApiAccess
from arcrun.retries import backoff_ms, parse_retry_after_ms

TIMEOUT_S = 60
MAX_ATTEMPTS = 5
FIRST_WAIT_S = 0.5
MAX_WAIT_S = 60.0
# The idempotent methods.
REPEATABLE_METHODS = frozenset({"GET", "HEAD", "PUT", "DELETE"})
RETRIED_STATUSES = frozenset({500, 502, 503, 504})
AUTH_STATUSES = frozenset({401, 403})


class CloudflareError(CliError):
    """A failed request. `codes` are Cloudflare's, such as 10009 (no such key); `status` is HTTP's, 0 without answer."""

    def __init__(self, message: str, hint: str = "", *, status: int = 0, codes: tuple[int, ...] = ()) -> None:
        super().__init__(message, hint)
        self.status, self.codes = status, codes
        self.usual_code = "CLOUDFLARE_REFUSED" if status else "NO_ANSWER"
        self.is_retriable = not status or status == 429 or status in RETRIED_STATUSES
        if status in AUTH_STATUSES:
            self.exit_code = 4


class CloudflareApi:
    """A client that holds connections: use it in a `with`."""

    def __init__(
        self,
        access: ApiAccess,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        headers = {"Authorization": f"Bearer {access.token}"} if access.token else {}
        # The environment's proxy settings are for the internet, not for the local runtime.
        self._http = httpx.Client(transport=transport, headers=headers, timeout=TIMEOUT_S, trust_env=bool(access.token))
        self._base_url, self._sleep = access.base_url.rstrip("/"), sleep
        self.account_id = access.account_id

    def __enter__(self) -> "CloudflareApi":
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def fetch(self, method: str, path: str, **request: Any) -> Any:
        """The `result` of an answer. `path` is relative to the account. Raises CloudflareError."""
        return _read_envelope(self.send(method, path, **request)).get("result")

    def fetch_unscoped(self, method: str, path: str, **request: Any) -> Any:
        """Like `fetch`, for a path outside any account, such as /accounts or /user/tokens."""
        return _read_envelope(self._send(method, self._base_url + path, **request)).get("result")

    def delete(self, path: str, **request: Any) -> None:
        """Delete what is at `path`, relative to the account. What is gone is no error. Raises CloudflareError."""
        try:
            self.send("DELETE", path, **request)
        except CloudflareError as error:
            if error.status != 404:
                raise

    def fetch_pages(self, path: str, params: Mapping[str, str | int]) -> Iterator[Any]:
        """Yield the `result` of each page of a list with cursors. Raises CloudflareError."""
        cursor = ""
        while True:
            envelope = _read_envelope(
                self.send("GET", path, params={**params, **({"cursor": cursor} if cursor else {})})
            )
            yield envelope["result"]
            cursor = (envelope.get("result_info") or {}).get("cursor") or ""
            if not cursor:
                return

    def send(self, method: str, path: str, **request: Any) -> httpx.Response:
        """The response to a request within the account. Raises CloudflareError unless its status is 2xx."""
        account = f"/accounts/{self.account_id}" if self.account_id else ""
        return self._send(method, f"{self._base_url}{account}{path}", **request)

    def _send(self, method: str, url: str, **request: Any) -> httpx.Response:
        for attempt in range(1, MAX_ATTEMPTS + 1):
            try:
                response = self._http.request(method, url, **request)
            except httpx.TransportError as error:
                # A request without an answer may have been carried out, unless the connection failed.
                is_safe = method in REPEATABLE_METHODS or isinstance(error, httpx.ConnectError)
                if attempt == MAX_ATTEMPTS or not is_safe:
                    raise _build_unreachable_error(self._base_url, error) from None
                self._sleep(_wait_s(attempt, None))
                continue
            if attempt == MAX_ATTEMPTS or not _may_retry(method, response.status_code):
                break
            self._sleep(_wait_s(attempt, response.headers.get("retry-after")))
        if not response.is_success:
            raise _build_refusal(method, response)
        return response


def _may_retry(method: str, status: int) -> bool:
    """Whether to retry. 429 means that nothing was done, so any method may be repeated."""
    return status == 429 or (status in RETRIED_STATUSES and method in REPEATABLE_METHODS)


def _wait_s(attempt: int, retry_after: str | None) -> float:
    asked_ms = parse_retry_after_ms(retry_after or "", time.time() * 1000)
    return min(backoff_ms(attempt, FIRST_WAIT_S * 1000, asked_ms=asked_ms) / 1000, MAX_WAIT_S)


def _read_envelope(response: httpx.Response) -> dict[str, Any]:
    try:
        envelope = response.json()
    except (ValueError, RecursionError):
        envelope = None
    if not isinstance(envelope, dict) or not envelope.get("success", False):
        raise _build_refusal(response.request.method, response)
    note_answer(f"{response.request.url.scheme}://{response.request.url.netloc.decode()}")
    return envelope


def _build_refusal(method: str, response: httpx.Response) -> CloudflareError:
    errors = _errors_in(response)
    told = "; ".join(f"{_first_line(error.get('message', ''))} (code {error.get('code', '?')})" for error in errors)
    place = response.request.url.path
    hint = ""
    if response.status_code in AUTH_STATUSES:
        hint = "Check CLOUDFLARE_API_TOKEN and its permissions: acr doctor"
    elif response.status_code == 429:
        hint = "Cloudflare allows 1,200 requests in five minutes. Wait and run the command again."
    elif response.status_code >= 500:
        hint = "Run the command again. Under `acr dev`, check whether the disk is full: df -h"
    return CloudflareError(
        f"Cloudflare answered {response.status_code} to {method} {place}: {told or 'no reason given'}",
        hint,
        status=response.status_code,
        codes=tuple(error["code"] for error in errors if isinstance(error.get("code"), int)),
    )


def _first_line(text: object) -> str:
    """The message without the stack trace that the local runtime appends."""
    return str(text).partition("\n")[0]


def _errors_in(response: httpx.Response) -> list[dict[str, Any]]:
    try:
        errors = json.loads(response.content)["errors"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return []
    return [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []


def _build_unreachable_error(base_url: str, error: httpx.TransportError) -> CloudflareError:
    reason = str(error) or type(error).__name__
    return CloudflareError(
        f"{base_url} does not answer: {reason}", "Check the network, and CLOUDFLARE_API_BASE_URL if it is set."
    )
