"""A folder of the cache is filled once, by one process at a time, whole or not at all; a damaged one again."""

import threading
from pathlib import Path

import pytest

from acr.config.cache_folder import require_cache_folder
from acr.errors import CliError


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ACR_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def is_whole(folder: Path) -> bool:
    return (folder / "last").is_file()


def test_of_two_at_once_one_fills_and_the_other_waits(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fills: list[Path] = []
    is_filling, may_end = threading.Event(), threading.Event()

    def fill(folder: Path) -> None:
        fills.append(folder)
        assert list(folder.iterdir()) == []
        is_filling.set()
        assert may_end.wait(10)
        (folder / "last").touch()

    found: list[Path] = []
    first, second = (
        threading.Thread(target=lambda: found.append(require_cache_folder("x", fill, is_whole))) for _ in range(2)
    )
    first.start()
    assert is_filling.wait(10)
    second.start()
    told = ""
    while "Waiting for another `acr`" not in told:
        assert second.is_alive()
        told += capsys.readouterr().err
    assert not (cache / "x").exists()
    may_end.set()
    first.join(10)
    second.join(10)
    assert (found, len(fills), [path.name for path in cache.iterdir()]) == ([cache / "x"] * 2, 1, ["x"])


def test_what_is_damaged_or_left_over_is_replaced(cache: Path) -> None:
    for name in ("x", "x-abc/filled", "xy-abc"):
        (cache / name).mkdir(parents=True)
        (cache / name / "half").touch()
    assert require_cache_folder("x", lambda folder: (folder / "last").touch(), is_whole) == cache / "x"
    assert sorted(path.name for path in cache.iterdir()) == ["x", "xy-abc"]
    assert [path.name for path in (cache / "x").iterdir()] == ["last"]


def test_what_could_not_be_filled_leaves_nothing(cache: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise CliError("no")

    with pytest.raises(CliError, match="no"):
        require_cache_folder("x", fail, is_whole)
    assert list(cache.iterdir()) == []


def test_a_cache_that_cannot_be_written(cache: Path) -> None:
    cache.touch()
    with pytest.raises(CliError, match=f"{cache} cannot be written") as refused:
        require_cache_folder("x", lambda folder: None, is_whole)
    assert "ACR_CACHE_DIR" in refused.value.hint
