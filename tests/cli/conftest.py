"""Fixtures that the command line's tests share in a process."""

import ssl
from collections.abc import Iterator
from functools import cache

import httpx
import pytest

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
