"""Bodies of texts and blobs: each byte as it should be, and as many as were told before."""

import base64
from collections.abc import AsyncIterator, Mapping
from random import Random
from typing import Any

import pytest

from arcrun.blobs.bodies import ENCODINGS, PartsBody, encode_part, read_text_part
from arcrun.errors import HostFunctionError
from arcrun.limits import MAX_STREAMED_BODY_BYTES

pytestmark = pytest.mark.anyio

EXPECTED = {
    "bytes": bytes,
    "base64": base64.b64encode,
    "mime": lambda it: base64.encodebytes(it).replace(b"\n", b"\r\n"),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("chunk", [1, 2, 56, 57, 58, 1000])
@pytest.mark.parametrize("size", [0, 1, 2, 3, 56, 57, 58, 113, 114, 115, 1000])
async def test_encodings_over_the_borders_of_chunks(encoding: str, chunk: int, size: int) -> None:
    content = Random(size).randbytes(size)

    async def read() -> AsyncIterator[bytes]:
        for at in range(0, size, chunk):
            yield content[at : at + chunk]

    part = encode_part(size, encoding, read)
    sent = b"".join([piece async for piece in PartsBody([part]).open()])
    assert (len(sent), sent) == (part.size, EXPECTED[encoding](content))  # type: ignore[operator]


@pytest.mark.parametrize(
    ("part", "content"),
    [
        ({"text": "Füße"}, "Füße".encode()),
        ({"text": ""}, b""),
        ({"base64": "AAH/"}, b"\x00\x01\xff"),
        ({"text": "\ud800"}, b"?"),
    ],
)
async def test_parts_that_are_no_blobs(part: Mapping[str, Any], content: bytes) -> None:
    read = read_text_part(part)
    assert (read.size, b"".join([piece async for piece in read.open()])) == (len(content), content)


@pytest.mark.parametrize("part", [{}, {"text": 5}, {"base64": "?"}, {"base64": None}])
def test_other_parts_are_refused(part: Mapping[str, Any]) -> None:
    with pytest.raises(HostFunctionError) as refused:
        read_text_part(part)
    assert refused.value.code == "INVALID_REQUEST"


def test_a_body_has_an_end() -> None:
    part = read_text_part({"text": "x"})
    PartsBody([part]).require_bounds()
    with pytest.raises(HostFunctionError) as refused:
        PartsBody([part, encode_part(MAX_STREAMED_BODY_BYTES, "bytes", part.open)]).require_bounds()
    assert refused.value.code == "REQUEST_TOO_LARGE"
