"""Settings of the tests in this folder."""

import pytest


@pytest.fixture
def anyio_backend() -> str:
    """Async tests run on asyncio, as the Workers do."""
    return "asyncio"
