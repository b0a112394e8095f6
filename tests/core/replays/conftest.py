"""Settings of the tests in this folder."""

from typing import Any

import pytest

from fakes.ports.virtual_time import VirtualTimeLoop


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """asyncio, as in the Workers, with time that only advances while everything waits."""
    return "asyncio", {"loop_factory": VirtualTimeLoop}
