"""Proves that `acr dev` makes a key once, keeps it private, and keeps it when the environment sets another."""

import base64
from pathlib import Path

import pytest

from acr.credentials.local_keys import read_local_keys
from acr.errors import CliError
from acr.local.platform import keep_encryption_key

FIRST, SECOND = (base64.b64encode(letter * 32).decode() for letter in (b"1", b"2"))


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("ARCRUN_ENCRYPTION_KEY", "")
    return monkeypatch


def test_a_key_is_made_once_and_private(
    tmp_path: Path, environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    keep_encryption_key(tmp_path)
    key, previous = read_local_keys(tmp_path / "keys")
    keep_encryption_key(tmp_path)
    assert (read_local_keys(tmp_path / "keys"), previous) == ((key, None), None)
    assert (len(base64.b64decode(key)), (tmp_path / "keys/encryption-key").stat().st_mode & 0o777) == (32, 0o600)
    talk = capsys.readouterr()
    assert (str(tmp_path / "keys/encryption-key") in talk.err, key in talk.err + talk.out) == (True, False)


def test_a_key_from_the_environment_takes_over_and_the_stored_one_is_kept(
    tmp_path: Path, environment: pytest.MonkeyPatch
) -> None:
    for key, expected in ((FIRST, (FIRST, None)), (FIRST, (FIRST, None)), (SECOND, (SECOND, FIRST))):
        environment.setenv("ARCRUN_ENCRYPTION_KEY", key)
        keep_encryption_key(tmp_path)
        assert read_local_keys(tmp_path / "keys") == expected
    environment.setenv("ARCRUN_ENCRYPTION_KEY", "")
    keep_encryption_key(tmp_path)
    assert read_local_keys(tmp_path / "keys") == (SECOND, FIRST)


def test_an_invalid_key_stops_the_start(tmp_path: Path, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("ARCRUN_ENCRYPTION_KEY", "short")
    with pytest.raises(CliError, match="not valid") as raised:
        keep_encryption_key(tmp_path)
    assert "openssl rand -base64 32" in raised.value.hint
    assert not (tmp_path / "keys").exists()


def test_keys_that_have_been_deleted(tmp_path: Path) -> None:
    with pytest.raises(CliError, match=f"there is no {tmp_path}/keys/encryption-key") as refused:
        read_local_keys(tmp_path / "keys")
    assert (refused.value.code, "acr dev" in refused.value.hint) == ("STATE_GONE", True)
