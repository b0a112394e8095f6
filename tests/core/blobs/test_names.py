"""What stands for a blob: names that are read, refused and written; types and names of files."""

from typing import Any

import pytest

from arcrun.blobs.names import (
    OCTETS,
    BlobName,
    describe_blob,
    name_by_answer,
    parse_blob_name,
    read_content_type,
    read_filename,
)
from arcrun.errors import HostFunctionError
from arcrun.limits import BLOB_PIECE_BYTES, MAX_FILENAME_CHARACTERS

RUN, TOKEN = "01J" + "0" * 23, "ab" * 16
NAME = f"runs/{RUN}/blob-{TOKEN}-5"


def test_a_name_says_where_a_blob_lies() -> None:
    assert parse_blob_name(NAME) == BlobName(RUN, TOKEN, 5)
    assert parse_blob_name({"blob": NAME, "bytes": 6, "own": 1}) == BlobName(RUN, TOKEN, 5)
    assert parse_blob_name(f"runs/{RUN}/attachment-24") == BlobName(RUN, number=24)
    assert str(parse_blob_name(NAME)) == NAME


@pytest.mark.parametrize(
    "name",
    [
        "",
        f"{NAME}\n",
        f" {NAME}",
        f"runs/{RUN}/blob-{TOKEN}",
        f"runs/{RUN}/blob-{TOKEN}-05",
        f"runs/{RUN}/blob-{TOKEN}--5",
        f"runs/{RUN}/blob-{TOKEN[1:]}-5",
        f"runs/{RUN.lower()}/blob-{TOKEN}-5",
        f"runs/../blob-{TOKEN}-5",
        f"runs/{RUN}/attachment-0",
        f"runs/{RUN}/attachment-100",
        f"runs/{RUN}/result",
        "modules/a.wasm",
    ],
)
def test_no_other_key_of_the_bucket_is_one(name: str) -> None:
    with pytest.raises(HostFunctionError) as refused:
        parse_blob_name(name)
    assert refused.value.code == "BLOB_NOT_FOUND"


@pytest.mark.parametrize("value", [None, 5, [], {}, {"blob": None}, {"blob": {"blob": NAME}}, True])
def test_what_names_nothing_is_a_mistake(value: Any) -> None:
    with pytest.raises(HostFunctionError) as refused:
        parse_blob_name(value)
    assert refused.value.code == "INVALID_REQUEST"


@pytest.mark.parametrize(
    ("size", "pieces"),
    [(0, 1), (1, 1), (BLOB_PIECE_BYTES, 1), (BLOB_PIECE_BYTES + 1, 2), (10 * BLOB_PIECE_BYTES, 10)],
)
def test_an_empty_blob_has_a_piece_too(size: int, pieces: int) -> None:
    assert BlobName(RUN, TOKEN, size).pieces == pieces


def test_the_value_that_stands_for_it() -> None:
    described = {"blob": NAME, "bytes": 5, "content_type": "image/png"}
    assert describe_blob(BlobName(RUN, TOKEN, 5), "image/png", "") == described
    assert describe_blob(BlobName(RUN, TOKEN, 5), "image/png", "a.png") == {**described, "name": "a.png"}


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("application/pdf", "application/pdf"),
        (" text/csv; charset=utf-8", "text/csv; charset=utf-8"),
        ("image/svg+xml", "image/svg+xml"),
        (None, OCTETS),
        ("", OCTETS),
        ("pdf", OCTETS),
        ("text/plain\r\nx: y", OCTETS),
        ("text/plain; a=\x00", OCTETS),
        ("text/" + "x" * 300, OCTETS),
    ],
)
def test_content_types(said: Any, read: str) -> None:
    assert read_content_type(said) == read


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("a.pdf", "a.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\files\\Füße.pdf", "Füße.pdf"),
        ("a\r\nb\x00.pdf", "ab.pdf"),
        ("half\ud800.pdf", "half.pdf"),
        ("folder/", ""),
        (None, ""),
        ("x" * 1000, "x" * MAX_FILENAME_CHARACTERS),
    ],
)
def test_names_of_files(said: Any, read: str) -> None:
    assert read_filename(said) == read


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://a.example/files/report.pdf?token=secret#x", "report.pdf"),
        ("https://a.example/a%20b%2Fc.pdf", "c.pdf"),
        ("https://a.example/", ""),
        ("https://a.example", ""),
    ],
)
def test_an_url_names_a_file_and_shows_no_query(url: str, name: str) -> None:
    assert name_by_answer(url, None) == name


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('attachment; filename="Invoice 7.pdf"', "Invoice 7.pdf"),
        ("attachment; filename=invoice.pdf; size=5", "invoice.pdf"),
        ("attachment; filename*=UTF-8''Rechnung%20%C3%A4.pdf", "Rechnung ä.pdf"),
        ("attachment; filename=\"x.pdf\"; filename*=utf-8'de'%E2%82%AC.pdf", "€.pdf"),
        ("attachment; filename*=iso-8859-1''%E4.pdf", "ä.pdf"),
        ("attachment; filename*=nonsense; filename=b.pdf", "b.pdf"),
        (r'attachment; FILENAME = "a \"b\".pdf"', 'a "b".pdf'),
        ('attachment; filename="../../etc/passwd"', "passwd"),
        ('attachment; filename="a;b.pdf"', "a;b.pdf"),
        ("attachment", "download"),
        ('attachment; filename=""', "download"),
        ('attachment; filename="open', "download"),
        ("x" * 100_000 + "; filename=a.pdf", "download"),
        (7, "download"),
    ],
)
def test_the_server_names_its_file(disposition: Any, name: str) -> None:
    assert name_by_answer("https://a.example/download?id=7", disposition) == name
