"""Commands in this process, against an executor over fakes: the real client, routes and service."""

import asyncio
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from acr.main import main
from executor.access import OwnerAccess
from executor.app import build_app
from fakes.executor import API_KEY, PUBLIC_URL, Bench


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    @property
    def answer(self) -> Any:
        return json.loads(self.out)


class CommandBench:
    """`requests` are those that the executor got."""

    def __init__(self, bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.bench, self.requests = bench, list[httpx.Request]()
        self._app = build_app(OwnerAccess(bench.service, API_KEY), PUBLIC_URL)
        self._patch, self._capsys = monkeypatch, capsys
        client = httpx.Client

        def build(**options: Any) -> httpx.Client:
            return client(**{**options, "transport": httpx.MockTransport(self._answer)})

        monkeypatch.setattr("acr.targets.service_client.httpx.Client", build)

    def run(self, *arguments: str, confirms: bool | None = None) -> Result:
        """Run a command. `confirms` is what the user answers on a terminal; None without a terminal."""
        patch = self._patch
        for name in ("excepthook", "stdout", "stderr"):
            patch.setattr(sys, name, getattr(sys, name))
        patch.setattr(sys, "argv", ["acr", *arguments])
        patch.setattr(sys, "stdin", _Input(is_terminal=confirms is not None))
        patch.setattr("click.confirm", _answering(confirms))
        patch.setenv("ARCRUN_URL", PUBLIC_URL)
        patch.setenv("ARCRUN_API_KEY", API_KEY)
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        printed = self._capsys.readouterr()
        return Result(code, printed.out, printed.err)

    def send(self, method: str, path: str, body: Any) -> httpx.Response:
        """Send a request of another client, with the key."""
        headers = {"x-arcrun-api-key": API_KEY}
        return self._answer(httpx.Request(method, f"{PUBLIC_URL}{path}", json=body, headers=headers))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)

        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self._app)
            async with httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL) as client:
                sent = await client.request(
                    request.method, request.url, content=request.content, headers=request.headers
                )
                await self.bench.background.finish()
                return httpx.Response(sent.status_code, content=sent.content, headers=sent.headers)

        return asyncio.run(ask())


class _Input:
    def __init__(self, *, is_terminal: bool) -> None:
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


def _answering(confirms: bool | None) -> Callable[..., bool]:
    def confirm(question: str, **_: Any) -> bool:
        assert confirms is not None, f"asked without a terminal: {question}"
        return confirms

    return confirm
