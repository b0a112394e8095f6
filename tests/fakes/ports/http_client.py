"""HttpClient with scripted answers."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from arcrun.errors import HostFunctionError
from arcrun.ports import HttpRequest, HttpResponse


def respond(status: int = 200, body: bytes = b"", headers: Mapping[str, str] | None = None) -> HttpResponse:
    """An answer. Header names are in lower case, as `fetch` gives them."""
    return HttpResponse(status, {name.lower(): value for name, value in (headers or {}).items()}, body)


def redirect(location: str, status: int = 302) -> HttpResponse:
    return respond(status, headers={"location": location})


class FakeHttpClient:
    """Gives the answers in order, raising those that are errors; the last one is given again and again. `sent` are the
    bodies of the requests that are streams. A sink gets a body in chunks of `chunk_bytes`.
    """

    chunk_bytes = 700_000

    def __init__(self, *answers: HttpResponse | HostFunctionError) -> None:
        self._answers = list(answers)
        self.requests: list[HttpRequest] = []
        self.sent: list[bytes] = []

    async def send(self, request: HttpRequest) -> HttpResponse:
        self.requests.append(request)
        await asyncio.sleep(0)
        if request.stream is not None:
            self.sent.append(b"".join([chunk async for chunk in request.stream.open()]))
            assert len(self.sent[-1]) == request.stream.size
        if not self._answers:
            raise AssertionError(f"no answer is scripted for {request.method} {request.url}")
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, HostFunctionError):
            raise answer
        if request.sink is None or not 200 <= answer.status < 300:
            return answer
        for at in range(0, len(answer.body), self.chunk_bytes):
            await request.sink(answer.body[at : at + self.chunk_bytes])
        return replace(answer, body=b"")

    @property
    def urls(self) -> list[str]:
        return [request.url for request in self.requests]
