"""Proves that a run scrubs each secret that it has read, from values, texts and errors, and leaves all else alone."""

import pytest

from arcrun.credentials.redaction import MARK
from arcrun.credentials.run_secrets import RunSecrets
from arcrun.errors import ComponentError

pytestmark = pytest.mark.anyio


async def reveal(name: str) -> str:
    return f"s3cret-of-{name}"


async def test_each_secret_that_was_read_is_scrubbed() -> None:
    secrets = RunSecrets(reveal)
    value = {"a": "s3cret-of-x", "b": ["s3cret-of-y"]}
    assert secrets.scrub(value) is value
    assert await secrets.reveal("x") == "s3cret-of-x"
    assert secrets.scrub(value) == {"a": MARK, "b": ["s3cret-of-y"]}
    await secrets.reveal("y")
    await secrets.reveal("x")
    assert secrets.scrub(value) == {"a": MARK, "b": [MARK]}
    assert secrets.scrub("log: s3cret-of-x") == f"log: {MARK}"


async def test_an_error_is_scrubbed_in_all_its_parts() -> None:
    secrets = RunSecrets(reveal)
    await secrets.reveal("x")
    texts = ["try s3cret-of-x"]
    error = ComponentError("got s3cret-of-x", next_actions=texts, details={"stderr": "s3cret-of-x\n", "n": 1})
    assert secrets.scrub_error(error) is error
    assert (error.message, str(error), error.next_actions) == (f"got {MARK}", f"got {MARK}", (f"try {MARK}",))
    assert error.details == {"stderr": f"{MARK}\n", "n": 1}
