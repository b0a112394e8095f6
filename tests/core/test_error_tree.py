"""The error tree matches the diagram in its module, and every error has the same wire form."""

import json
import re
from typing import Any

import pytest

from arcrun import errors
from arcrun.errors import (
    ArcrunError,
    ComponentError,
    ContractError,
    CredentialError,
    DecryptionError,
    HostFunctionError,
    InputError,
    InternalError,
    MethodNotAllowedError,
    NotConfiguredError,
    NotFoundError,
    PayloadTooLargeError,
    RateLimitedError,
    RegistrationError,
    RequestError,
    RunError,
    RunTimeoutError,
    TemplateError,
    TenantStorageError,
    UnauthorizedError,
    UpstreamError,
    WorkflowError,
)
from arcrun.interruptible import Steps, run_steps


@pytest.mark.parametrize(
    ("kind", "code", "http_status"),
    [
        (ArcrunError, "INTERNAL", 500),
        (RequestError, "INVALID_REQUEST", 400),
        (PayloadTooLargeError, "PAYLOAD_TOO_LARGE", 413),
        (NotConfiguredError, "NOT_CONFIGURED", 503),
        (NotFoundError, "NOT_FOUND", 404),
        (MethodNotAllowedError, "METHOD_NOT_ALLOWED", 405),
        (WorkflowError, "INVALID_WORKFLOW", 422),
        (TemplateError, "UNRESOLVED_REFERENCE", 422),
        (InputError, "INVALID_INPUT", 422),
        (RunError, "RUN_FAILED", 422),
        (ContractError, "INVALID_CONTRACT", 422),
        (ComponentError, "COMPONENT_FAILED", 422),
        (HostFunctionError, "HOST_FUNCTION_FAILED", 422),
        (CredentialError, "CREDENTIAL_MISSING", 422),
        (DecryptionError, "DECRYPTION_FAILED", 500),
        (TenantStorageError, "TENANT_STORAGE_REFUSED", 424),
        (RegistrationError, "TOKEN_INVALID", 422),
    ],
)
def test_a_kind_has_its_code_and_status(kind: type[ArcrunError], code: str, http_status: int) -> None:
    error = kind("It went wrong.")
    assert (error.code, error.http_status, error.retriable) == (code, http_status, False)
    assert str(error) == error.message == "It went wrong."
    expected = {"code": code, "message": "It went wrong.", "retriable": False, "next_actions": [], "details": {}}
    assert error.to_json() == expected


@pytest.mark.parametrize(
    ("error", "code", "http_status", "message"),
    [
        pytest.param(UnauthorizedError(), "UNAUTHORIZED", 401, "A valid API key is required.", id="UnauthorizedError"),
        pytest.param(
            InternalError(),
            "INTERNAL",
            500,
            "arcrun failed unexpectedly. The cause is in the Worker's log.",
            id="InternalError",
        ),
    ],
)
def test_a_kind_with_one_public_text(error: ArcrunError, code: str, http_status: int, message: str) -> None:
    assert (error.code, error.http_status, error.message) == (code, http_status, message)
    assert len(error.next_actions) > 0


def test_an_error_may_name_a_closer_code_and_carry_more() -> None:
    error = NotFoundError("m", code="RUN_NOT_FOUND", next_actions=["Look."], details={"run": "1"})
    assert error.http_status == 404
    assert error.to_json() == {
        "code": "RUN_NOT_FOUND",
        "message": "m",
        "retriable": False,
        "next_actions": ["Look."],
        "details": {"run": "1"},
    }


def test_a_component_error_may_set_its_status() -> None:
    error = ComponentError("m", code="COMPONENT_TRAPPED", http_status=502, retriable=True)
    assert (error.code, error.http_status, error.retriable) == ("COMPONENT_TRAPPED", 502, True)


def test_a_timeout_may_be_retried() -> None:
    error = RunTimeoutError("m", code="NODE_TIMEOUT")
    assert (error.code, error.http_status, error.retriable) == ("NODE_TIMEOUT", 504, True)


def test_a_service_that_is_away_may_be_asked_again() -> None:
    error = UpstreamError("m")
    assert (error.code, error.http_status, error.retriable) == ("UPSTREAM_UNAVAILABLE", 503, True)


def test_a_rate_limit_says_how_long_to_wait() -> None:
    error = RateLimitedError(60)
    assert (error.code, error.http_status, error.retriable, error.retry_after_s) == ("RATE_LIMITED", 429, True, 60)
    assert error.next_actions == ("Wait 60 s, then send it again.",)


def test_a_scrubbed_error_is_a_copy_of_the_same_kind() -> None:
    def scrub(value: Any) -> Steps[Any]:
        yield 1
        return json.loads(json.dumps(value).replace("s", "*"))

    error = ComponentError("m s", code="C s", http_status=502, next_actions=["do s"], details={"x": "s"})
    scrubbed = run_steps(error.scrubbed(scrub))
    assert (type(scrubbed), scrubbed.http_status) == (ComponentError, 502)
    assert scrubbed.to_json() == {
        "code": "C *",
        "message": "m *",
        "retriable": False,
        "next_actions": ["do *"],
        "details": {"x": "*"},
    }
    assert (error.code, error.message, error.details) == ("C s", "m s", {"x": "s"})


def test_errors_do_not_share_their_details() -> None:
    given = {"a": 1}
    first, second = RequestError("m", details=given), RequestError("m")
    first.details["b"] = 2
    assert (given, second.details) == ({"a": 1}, {})


def test_the_module_draws_the_tree_as_it_is() -> None:
    """Each line of the diagram: two spaces of indentation per parent, the name, the code, the status."""
    drawn = re.findall(r"^( *)(\w+Error) +(\w+|\(.*?\))[ .]* (\d{3})?.*$", errors.__doc__ or "", re.MULTILINE)
    stack: list[type[Any]] = []
    seen = set()
    for indent, name, code, status in drawn:
        kind = getattr(errors, name)
        del stack[len(indent) // 2 :]
        assert kind.__bases__ == ((stack[-1],) if stack else (Exception,)), name
        if not code.startswith("(") and status:
            assert (kind.code, str(kind.http_status)) == (code, status), name
        stack.append(kind)
        seen.add(kind)
    assert seen == {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, ArcrunError)}


def test_every_error_ends_in_error() -> None:
    assert [name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Exception)] == [
        name
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, Exception) and name.endswith("Error")
    ]
