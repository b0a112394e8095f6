"""store hands on what the host says of an operation: its answer, or its refusal and whether a retry may help."""

import pytest

from components import wasm_harness as harness


@pytest.mark.parametrize("key", ["k" * 513, ""])
def test_a_refusal_says_that_no_retry_helps(key: str) -> None:
    error = harness.run("store", {"op": "get", "key": key}).output["error"]
    assert error["retriable"] is False
