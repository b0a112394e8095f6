"""The platform's messages about failed requests and models become codes and sentences with the known facts.

The platform's messages are those of workerd; tests/workerd/test_http_request.py gets them from it.
"""

import pytest

from arcrun.errors import HostFunctionError
from arcrun.host_failures import build_ai_failure, build_fetch_failure, is_retriable

LOST = "Network connection lost."
INTERNAL = "internal error; reference = 610l9aiaddduqehtov4h496p"


@pytest.mark.parametrize(
    ("url", "said", "has_begun", "code", "message"),
    [
        pytest.param(
            "http://a.example:81/x?token=t",
            LOST,
            False,
            "HTTP_CONNECTION_FAILED",
            "a.example:81 refused the connection, or ended it without an HTTP answer.",
            id="refused",
        ),
        pytest.param(
            "http://a.example/",
            LOST,
            True,
            "HTTP_CONNECTION_LOST",
            "The answer of a.example broke off in the middle.",
            id="closed in the middle",
        ),
        pytest.param(
            "http://a.example/",
            INTERNAL,
            False,
            "HTTP_HOST_NOT_FOUND",
            "No connection to a.example: its name cannot be looked up.",
            id="a name without TLS",
        ),
        pytest.param(
            "https://a.example/",
            INTERNAL,
            False,
            "HTTP_HOST_UNREACHABLE",
            "No connection to a.example: its name cannot be looked up, or TLS failed (it does not speak it, or its "
            "certificate is invalid).",
            id="a name with TLS",
        ),
        pytest.param(
            "https://[::1]:8443/",
            INTERNAL,
            False,
            "HTTP_TLS_FAILED",
            "TLS failed with [::1]:8443: it does not speak TLS, or its certificate is invalid.",
            id="an address with TLS",
        ),
        pytest.param(
            "http://127.0.0.1/",
            INTERNAL,
            False,
            "HTTP_FAILED",
            "The request to 127.0.0.1 failed, and the platform does not say why.",
            id="an address without TLS",
        ),
        pytest.param(
            "https://a.example/",
            "The certificate has expired.",
            False,
            "HTTP_TLS_FAILED",
            "TLS failed with a.example: The certificate has expired.",
            id="a certificate",
        ),
        pytest.param(
            "http://a.example/",
            "Gzip decompression failed.",
            True,
            "INVALID_RESPONSE_BODY",
            "The answer of a.example is not compressed in the way that its content-encoding says.",
            id="not gzip",
        ),
        pytest.param(
            "http://a.example/",
            "Too many subrequests.",
            False,
            "SUBREQUEST_LIMIT",
            "The platform allows no more requests in this run.",
            id="too many requests",
        ),
        pytest.param(
            "http://a.example/?token=t",
            "Fetch of http://a.example/?token=t failed.",
            False,
            "HTTP_FAILED",
            "The request to a.example failed: Fetch of a.example failed.",
            id="anything else, without the URL",
        ),
    ],
)
def test_a_failed_request(url: str, said: str, has_begun: bool, code: str, message: str) -> None:
    error = build_fetch_failure(url, said, has_begun=has_begun)
    assert (error.code, error.message) == (code, message)


@pytest.mark.parametrize(
    ("said", "code", "retriable"),
    [
        pytest.param("3040: No more data centers to forward the request to", "AI_FAILED", True, id="out of capacity"),
        pytest.param("InferenceUpstreamError: 3007: Request timeout", "AI_FAILED", True, id="timeout"),
        pytest.param("Something else.", "AI_FAILED", True, id="no code"),
        pytest.param("InferenceUpstreamError: 5007: No such model @cf/x", "AI_REFUSED", False, id="no such model"),
        pytest.param("3036: You have used up your daily free allocation", "AI_REFUSED", False, id="daily allocation"),
        pytest.param("5004: Invalid data type", "AI_REFUSED", False, id="invalid data"),
    ],
)
def test_a_failed_model(said: str, code: str, retriable: bool) -> None:
    error = build_ai_failure(said)
    assert (error.code, error.message) == (code, f"The model failed: {said}")
    assert is_retriable(error) is retriable


def test_the_platform_s_reference_is_not_shown() -> None:
    assert build_ai_failure(INTERNAL).message == "The model failed: the platform does not say why"


def test_an_unknown_code_is_not_retriable() -> None:
    assert not is_retriable(HostFunctionError("Why.", code="SOMETHING"))


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_locally_a_name_that_cannot_be_looked_up_says_how_one_s_own_network_is_reached(scheme: str) -> None:
    told = [
        "acr dev --allow-local-network"
        in build_fetch_failure(f"{scheme}://{host}/", INTERNAL, has_begun=False, is_closed=is_closed).message
        for host, is_closed in (("nas.example", True), ("nas.example", False), ("8.8.8.8", True))
    ]
    assert told == [True, False, False]
