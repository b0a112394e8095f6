"""Proves AWS Signature Version 4: the examples of AWS's documentation and test suite, and further requests as botocore
signs them (sigv4_vectors.json).
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from arcrun.authorization.aws_sigv4 import sign_request
from arcrun.authorization.credential_forms import AwsKeys
from arcrun.ports import HttpRequest

VECTORS = json.loads((Path(__file__).parent / "sigv4_vectors.json").read_text())
AT_MS = 1_440_938_160_000  # 20150830T123600Z
DOCUMENTED = AwsKeys("AKIA" + "IOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")


def sign(request: HttpRequest, keys: AwsKeys, region: str, service: str, at_ms: float = AT_MS) -> HttpRequest:
    body_hash = hashlib.sha256(request.body).hexdigest()
    return sign_request(request, keys, region, service, now_ms=at_ms, body_hash=body_hash)


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["name"])
def test_a_request_is_signed_as_botocore_signs_it(case: dict[str, Any]) -> None:
    keys = AwsKeys(VECTORS["access_key_id"], VECTORS["secret_access_key"], case["session_token"])
    request = HttpRequest(case["method"], case["url"], case["headers"], case["body"].encode())
    signed = sign(request, keys, case["region"], case["service"])
    assert signed.headers["authorization"] == case["authorization"]


def test_the_example_of_the_suite() -> None:
    """get-vanilla of AWS's Signature Version 4 test suite."""
    keys = AwsKeys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
    signed = sign(HttpRequest("GET", "https://example.amazonaws.com/"), keys, "us-east-1", "service")
    assert signed.headers == {
        "x-amz-date": "20150830T123600Z",
        "authorization": "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        "SignedHeaders=host;x-amz-date, "
        "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    }


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "signature"),
    [
        (
            *("GET", "/test.txt", {"Range": "bytes=0-9"}, b""),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        (
            *("GET", "/?lifecycle", {}, b""),
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
        ),
        (
            *("GET", "/?max-keys=2&prefix=J", {}, b""),
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
        (
            "PUT",
            "/test$file.text",
            {"Date": "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY"},
            b"Welcome to Amazon S3.",
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        ),
    ],
    ids=["an object", "a setting", "a list", "an upload"],
)
def test_the_examples_of_s3(method: str, path: str, headers: dict[str, str], body: bytes, signature: str) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html"""
    request = HttpRequest(method, f"https://examplebucket.s3.amazonaws.com{path}", headers, body)
    signed = sign(request, DOCUMENTED, "us-east-1", "s3", 1_369_353_600_000)
    assert signed.headers["authorization"].rpartition("Signature=")[2] == signature


@pytest.mark.parametrize(
    ("url", "service", "sent"),
    [
        ("https://a.b/x y/ü?q=a b&p=c+d#part", "service", "https://a.b/x%20y/%C3%BC?q=a%20b&p=c%20d"),
        ("https://a.b/a/../b/./c//d", "service", "https://a.b/b/c/d"),
        ("https://a.b/a//b", "s3", "https://a.b/a//b"),
        ("https://a.b", "s3", "https://a.b/"),
        ("https://a.b/a%2Fb", "s3", "https://a.b/a%2Fb"),
    ],
    ids=["what is not encoded", "dots and slashes", "a bucket's slashes", "no path", "an encoded slash"],
)
def test_what_is_signed_is_what_is_sent(url: str, service: str, sent: str) -> None:
    assert sign(HttpRequest("GET", url), DOCUMENTED, "us-east-1", service).url == sent


def test_what_a_request_says_of_its_signature_is_replaced() -> None:
    given = {"Authorization": "Bearer x", "X-Amz-Date": "yesterday", "X-Amz-Security-Token": "other"}
    signed = sign(HttpRequest("GET", "https://a.b/", given), DOCUMENTED, "us-east-1", "s3")
    assert {name.lower() for name in signed.headers} == {"authorization", "x-amz-date", "x-amz-content-sha256"}
