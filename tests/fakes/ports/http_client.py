"""HttpClient with scripted answers."""

import asyncio
from collections.abc import Mapping

from arcrun.errors import HostFunctionError
from arcrun.ports import HttpRequest, HttpResponse


def respond(status: int = 200, body: bytes = b"", headers: Mapping[str, str] | None = None) -> HttpResponse:
    """An answer. Header names are in lower case, as `fetch` gives them."""
    return HttpResponse(status, {name.lower(): value for name, value in (headers or {}).items()}, body)


def redirect(location: str, status: int = 302) -> HttpResponse:
    return respond(status, headers={"location": location})


class FakeHttpClient:
    """Gives the answers in order, raising those that are errors; the last one is given again and again."""

    def __init__(self, *answers: HttpResponse | HostFunctionError) -> None:
        self._answers = list(answers)
        self.requests: list[HttpRequest] = []

    async def send(self, request: HttpRequest) -> HttpResponse:
        self.requests.append(request)
        await asyncio.sleep(0)
        if not self._answers:
            raise AssertionError(f"no answer is scripted for {request.method} {request.url}")
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, HostFunctionError):
            raise answer
        return answer

    @property
    def urls(self) -> list[str]:
        return [request.url for request in self.requests]
