"""try_catch chooses by the error alone, and hands both values on."""

from typing import Any

import pytest

from components import wasm_harness as harness

RESULTS = [None, 0, "text", [1, {"a": None}], {"error": "inside"}]


def choose(**fields: Any) -> dict[str, Any]:
    return harness.run("try_catch", fields).data


@pytest.mark.parametrize("error", [None, False, ""], ids=repr)
@pytest.mark.parametrize("result", RESULTS, ids=repr)
def test_try(result: Any, error: Any) -> None:
    assert choose(result=result, error=error) == {"branch": "try", "result": result, "error": None}


@pytest.mark.parametrize("error", [True, 0, " ", [], {}, {"code": "E"}], ids=repr)
@pytest.mark.parametrize("result", RESULTS, ids=repr)
def test_catch(result: Any, error: Any) -> None:
    assert choose(result=result, error=error) == {"branch": "catch", "result": result, "error": error}


def test_either_may_be_absent() -> None:
    assert choose(result=1) == {"branch": "try", "result": 1, "error": None}
    assert choose(error="e") == {"branch": "catch", "result": None, "error": "e"}
