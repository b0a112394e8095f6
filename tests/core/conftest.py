"""Settings of the tests in this folder."""

import pytest
from hypothesis import settings

# A shared machine may pause a test for longer than hypothesis' deadline. In CI its own profile (derandomized) goes on.
settings.register_profile("arcrun", parent=settings(), deadline=None, max_examples=50)
settings.load_profile("arcrun")


@pytest.fixture
def anyio_backend() -> str:
    """Async tests run on asyncio, as the Workers do."""
    return "asyncio"
