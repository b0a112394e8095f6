"""Sends requests to Cloudflare's REST API v4, with retries until it answers or the time is up.

Answers are {"success", "result", "errors": [{"code", "message"}], "result_info"}; a value of KV is returned unwrapped.
Source: developers.cloudflare.com/api and /fundamentals/api/reference/limits (429 has Retry-After, in seconds).
Every request may be sent twice: they are reads, and idempotent writes.
"""

import math
from dataclasses import dataclass
from typing import Any

from arcrun.cloudflare.api_access import ApiAccess
from arcrun.errors import HostFunctionError, UpstreamError
from arcrun.host_failures import is_retriable
from arcrun.json_text import parse_json
from arcrun.ports import Clock, HttpClient, HttpRequest, HttpResponse, Random
from arcrun.retries import backoff_ms, parse_retry_after_ms, retry

MAX_ANSWER_BYTES = 26 * 1024 * 1024  # a value of KV has at most 25 MiB


@dataclass(frozen=True)
class RequestRetries:
    """The wait after attempt n is random, up to `first_wait_ms` * 2 ** (n - 1), and at least Retry-After."""

    attempts: int = 5
    attempt_timeout_ms: int = 10_000
    total_ms: int = 25_000
    first_wait_ms: int = 250


class CloudflareRestClient:
    """A client. Answers of more than `max_answer_bytes` are not read."""

    def __init__(
        self,
        http: HttpClient,
        clock: Clock,
        random: Random,
        access: ApiAccess,
        policy: RequestRetries | None = None,
        *,
        max_answer_bytes: int = MAX_ANSWER_BYTES,
    ) -> None:
        self.access, self._max_answer_bytes = access, max_answer_bytes
        self._http, self._clock, self._random = http, clock, random
        self._policy = policy or RequestRetries()

    async def send(
        self,
        method: str,
        url: str,
        *,
        body: bytes = b"",
        content_type: str | None = None,
        is_envelope: bool = True,
    ) -> HttpResponse:
        """Send a request and return its answer, successful or not, unless it is transient.

        A 2xx answer that should be an envelope but does not have `"success": true` acknowledges nothing, so the request
        is repeated. Raises UpstreamError UPSTREAM_UNAVAILABLE when the attempts or the time are used up.
        """
        started_ms, policy, wait_ms = self._clock.now_ms(), self._policy, 0.0

        def left_ms() -> float:
            return policy.total_ms - (self._clock.now_ms() - started_ms)

        async def attempt() -> HttpResponse | None:
            return await self._try(self._build_request(method, url, body, content_type, left_ms()))

        def wait_before_next(attempts: int, response: HttpResponse | None) -> float | None:
            nonlocal wait_ms
            if response is not None and not _is_transient(response, is_envelope):
                return None
            wait_ms = self._wait_ms(attempts, response)
            return wait_ms if attempts < policy.attempts and left_ms() - wait_ms >= 1 else None

        response = await retry(await attempt(), attempt, wait_before_next, self._clock.sleep)
        if response is None or _is_transient(response, is_envelope):
            raise _build_unavailable_error(wait_ms)
        return response

    def _build_request(
        self, method: str, url: str, body: bytes, content_type: str | None, left_ms: float
    ) -> HttpRequest:
        headers = {"authorization": f"Bearer {self.access.token}"} if self.access.token else {}
        if content_type:
            headers["content-type"] = content_type
        timeout_ms = min(self._policy.attempt_timeout_ms, max(1, int(left_ms)))
        return HttpRequest(method, url, headers, body, timeout_ms, self._max_answer_bytes)

    async def _try(self, request: HttpRequest) -> HttpResponse | None:
        """The answer; None if there is none, so that it is unknown whether the request was carried out."""
        try:
            return await self._http.send(request)
        except HostFunctionError as error:
            if is_retriable(error):
                return None
            message = f"The answer of Cloudflare's API cannot be read: {error.code}."
            raise UpstreamError(message, code="UPSTREAM_UNREADABLE", next_actions=["Store less under a key."]) from None

    def _wait_ms(self, attempt: int, response: HttpResponse | None) -> float:
        given = "" if response is None else response.headers.get("retry-after", "")
        asked_ms = parse_retry_after_ms(given, self._clock.now_ms())
        return backoff_ms(attempt, self._policy.first_wait_ms, jitter=1.0, random=self._random, asked_ms=asked_ms)


def read_envelope(response: HttpResponse) -> dict[str, Any] | None:
    """An envelope with `"success": true`; None for any other answer."""
    try:
        envelope = parse_json(response.body.decode())
    except ValueError:  # includes UnicodeDecodeError
        return None
    return envelope if isinstance(envelope, dict) and envelope.get("success") is True else None


def error_codes_in(response: HttpResponse) -> tuple[int, ...]:
    """Cloudflare's error codes, such as 10009 (no such key). Its messages are ignored: they may repeat what was
    sent.
    """
    try:
        errors = parse_json(response.body.decode())["errors"]
        return tuple(error["code"] for error in errors if isinstance(error["code"], int))
    except (ValueError, KeyError, TypeError):
        return ()


def _is_transient(response: HttpResponse, is_envelope: bool) -> bool:
    """Whether the same request may soon get another answer."""
    if response.status == 429 or response.status >= 500:
        return True
    return is_envelope and 200 <= response.status < 300 and read_envelope(response) is None


def _build_unavailable_error(wait_ms: float) -> UpstreamError:
    error = UpstreamError(
        "Cloudflare's API did not answer or acknowledge in time.",
        next_actions=["Send the request again later.", "See https://www.cloudflarestatus.com"],
    )
    error.retry_after_s = max(1, math.ceil(wait_ms / 1000))
    return error
