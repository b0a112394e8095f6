"""The base client of a Worker's HTTP API. Answers are {"success", "data" | "error", ...}."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Self

import httpx

from acr.answer_shape import note_answer
from acr.errors import AnswerError, CliError, NoAnswerError, NotLoggedInError
from acr.targets.advice import put_into_options

TIMEOUT_S = 120
_CLIENT_HEADERS = ("accept", "accept-encoding", "user-agent")  # which httpx adds
LINES = "application/x-ndjson"  # a run's id at once, then its answer
_OLDER = "Check that this version of arcrun runs there."

Answer = dict[str, Any]


class ServiceClient:
    """`api_key` is sent with every request. `service` is the Worker's name, for messages. A request
    may take `timeout_s`, unless it says otherwise.

    It holds connections: use `with`, unless the client lives until the process ends.
    """

    def __init__(
        self,
        url: str,
        api_key: str,
        service: str = "executor",
        transport: httpx.BaseTransport | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self.url, self._service, self._timeout_s = url, service, timeout_s
        headers = {"X-Arcrun-API-Key": api_key}
        self._http = httpx.Client(base_url=url, headers=headers, trust_env=False, transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def send(self, method: str, path: str, *, timeout_s: float | None = None, **request: Any) -> Answer:
        """`request` is passed to httpx: json, files, params, headers. Raises CliError."""
        return self.read_answer(self.fetch(method, path, timeout_s=timeout_s, **request))

    def send_for_lines(
        self, method: str, path: str, on_begun: Callable[[str], None], *, timeout_s: float | None = None, **request: Any
    ) -> Answer:
        """Like `send`, for a run: calls `on_begun` with its id as soon as it has begun, if the executor tells it then.

        `timeout_s` is the longest silence.
        """
        _render_json(request)
        request["headers"] = {**request.get("headers", {}), "Accept": LINES}
        try:
            with self._http.stream(method, path, timeout=timeout_s or self._timeout_s, **request) as response:
                self._require_login(response, request)
                if response.headers.get("content-type") != LINES:
                    response.read()
                    return self.read_answer(response)
                for line in _iterate_lines(response):
                    run_id = _read_run_id(line)
                    if run_id is None:
                        return self.read_answer(httpx.Response(response.status_code, content=line))
                    on_begun(run_id)
        except httpx.HTTPError as error:
            raise self._build_silence_error(error) from None
        raise NoAnswerError(f"{self.url} ended its answer before the run's end.", "See the newest runs: acr logs")

    def stream_lines(self, path: str, content_type: str, headers: Mapping[str, str]) -> Iterator[str]:
        """The lines of a response of that type, as they come, until it ends or breaks off. Raises AnswerError if it is
        a refusal, CliError if there is no answer.
        """
        has_begun = False
        try:
            with self._http.stream(
                "GET", path, headers={**headers, "Accept": content_type}, timeout=self._timeout_s
            ) as response:
                self._require_login(response, {})
                if response.headers.get("content-type", "").partition(";")[0] != content_type:
                    response.read()
                    require_data(self.read_answer(response))
                    raise CliError(f"{self.url} answered at once, and not part by part.", _OLDER)
                has_begun = True
                note_answer(self.url)
                yield from (line.decode("utf-8", "replace") for line in _split_lines(response))
        except httpx.HTTPError as error:
            if not has_begun:
                raise self._build_silence_error(error) from None

    def read_answer(self, response: httpx.Response) -> Answer:
        """The response's answer. Raises CliError if it has none."""
        return read_answer(response, self.url, self._service)

    def fetch(self, method: str, path: str, *, timeout_s: float | None = None, **request: Any) -> httpx.Response:
        """The response itself. Raises CliError if there is none, NotLoggedInError if the key is refused."""
        _render_json(request)
        try:
            response = self._http.request(method, path, timeout=timeout_s or self._timeout_s, **request)
        except httpx.HTTPError as error:
            raise self._build_silence_error(error) from None
        self._require_login(response, request)
        return response

    def fetch_as_it_is(
        self, method: str, path: str, headers: Sequence[tuple[bytes, bytes]], content: bytes, timeout_s: float
    ) -> httpx.Response:
        """The response to a request that has no header of its client's own but the API key. Raises CliError if there is
        none.
        """
        request = self._http.build_request(
            method, path, headers=list(headers), content=content or None, timeout=timeout_s
        )
        given = {name.lower() for name, _ in headers}
        for name in _CLIENT_HEADERS:
            if name.encode() not in given:
                request.headers.pop(name, None)
        try:
            return self._http.send(request)
        except httpx.HTTPError as error:
            raise self._build_silence_error(error) from None

    def _build_silence_error(self, error: httpx.HTTPError) -> NoAnswerError:
        variable = "ARCRUN_URL" if self._service == "executor" else f"ARCRUN_{self._service.upper()}_URL"
        hint = f"Check that `acr dev` is running and {variable} is right."
        return NoAnswerError(f"{self.url} does not answer: {error}", hint)

    def _require_login(self, response: httpx.Response, request: Mapping[str, Any]) -> None:
        if response.status_code == 401:
            is_own = "X-Arcrun-API-Key" not in request.get("headers", {})
            key, variable = ("API key", "ARCRUN_API_KEY") if is_own else ("reviewer's key", "ARCRUN_REVIEWER_KEY")
            raise NotLoggedInError(f"{self.url} refused the {key}.", f"Check {variable}.")


def _render_json(request: dict[str, Any]) -> None:
    """Replace httpx's `json` by its text: httpx would encode as UTF-8, which fails on a lone surrogate."""
    if request.get("json") is not None:
        request["content"] = json.dumps(request.pop("json"), allow_nan=False)
        request["headers"] = {"Content-Type": "application/json", **request.get("headers", {})}


def _iterate_lines(response: httpx.Response) -> Iterator[bytes]:
    """The lines that are not empty."""
    return filter(None, _split_lines(response))


def _split_lines(response: httpx.Response) -> Iterator[bytes]:
    """The lines. Only line feeds separate them: JSON's strings may contain other separators."""
    rest = b""
    for part in response.iter_bytes():
        *lines, rest = (rest + part).split(b"\n")
        yield from lines
    if rest:
        yield rest


def _read_run_id(line: bytes) -> str | None:
    """The id of the line {"run_id"}; None for any other."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    is_begun = isinstance(value, dict) and value.keys() == {"run_id"} and isinstance(value["run_id"], str)
    return value["run_id"] if is_begun else None


def read_answer(response: httpx.Response, url: str, service: str) -> Answer:
    """The response's answer. `url` is the service's address. Raises CliError if it has none."""
    try:
        answer = response.json()
    except (ValueError, RecursionError):
        answer = None
    if isinstance(answer, dict) and (answer.get("success") is True or _is_refusal(answer)):
        note_answer(url)
        return answer if answer["success"] else put_into_options(answer)
    message = f"{url} answered {response.status_code}, but not with arcrun's JSON."
    raise CliError(message, f"Check that this is the address of an arcrun {service}.")


def _is_refusal(answer: Answer) -> bool:
    """Whether it is {"success": false, "error": {"code", "message", "next_actions"?}}."""
    error = answer.get("error")
    if answer.get("success") is not False or not isinstance(error, dict):
        return False
    texts = [error.get("code"), error.get("message")]
    actions = error.get("next_actions", [])
    return isinstance(actions, list) and all(isinstance(text, str) for text in [*texts, *actions])


def require_data(answer: Answer) -> Any:
    """The answer's data. Raises AnswerError if it is a refusal."""
    if not answer["success"]:
        raise AnswerError(answer)
    return answer["data"]
