"""Fixtures that the command line's tests share in a process."""

import ssl
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from acr.config.chosen_target import forget_target
from acr.main import main
from acr.parts.own_components import read_builtin


@pytest.fixture(scope="session", autouse=True)
def one_tls_context() -> Iterator[None]:
    """Share one TLS context: loading the certificate authorities for each client takes longer than a test."""

    @cache
    def create_ssl_context(**_: object) -> ssl.SSLContext:
        return httpx.create_ssl_context()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("httpx._transports.default.create_ssl_context", create_ssl_context)
        yield


@pytest.fixture(scope="session", autouse=True)
def built_ins_are_read_once() -> Iterator[None]:
    """Cache the built-in contracts, which no test changes: reading them takes 0.3 s."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("acr.parts.part_sources.read_builtin", cache(read_builtin))
        yield


class Said(NamedTuple):
    """How a command ended, and what it printed."""

    code: int
    stdout: str
    stderr: str


RunAcr = Callable[..., Said]


@pytest.fixture(autouse=True)
def no_target_stays_chosen() -> Iterator[None]:
    """A process runs one command, and this one runs many."""
    yield
    forget_target()


@pytest.fixture
def run_acr(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> RunAcr:
    """Run a command in this process, in a folder of its own, without a platform."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ACR_CONFIG_DIR", str(tmp_path / "config"))
    for name in ("ARCRUN_URL", "ARCRUN_API_KEY", "ARCRUN_TARGET"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["acr", *arguments])
        code = 0
        try:
            main()
        except SystemExit as stopped:
            code = int(stopped.code or 0)
        return Said(code, *capsys.readouterr())

    return run
