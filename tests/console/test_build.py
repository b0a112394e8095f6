"""Proves that the console is built the same each time, how large it is, and that its licences are shipped."""

import gzip
import subprocess
from pathlib import Path

import pytest
from console.console_functions import NODE, ROOT

MAX_KB, MAX_EDITOR_KB = 350, 200  # gzipped: what is loaded at once, and the editor, which is loaded when it is opened


def build(out: Path) -> dict[str, bytes]:
    subprocess.run([NODE, ROOT / "console/build.mjs", out], check=True, cwd=out.parent)
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return build(tmp_path_factory.mktemp("console") / "dist")


def test_two_builds_are_the_same(built: dict[str, bytes], tmp_path: Path) -> None:
    assert build(tmp_path / "other") == built


def test_it_is_small(built: dict[str, bytes]) -> None:
    sizes = {name: len(gzip.compress(content)) / 1024 for name, content in built.items()}
    [editor] = [name for name in sizes if "/CodeEditor-" in name]
    rest = sum(size for name, size in sizes.items() if name != editor and not name.endswith(".txt"))
    print(f"the console: {rest:.0f} KB gzipped, its editor {sizes[editor]:.0f} KB besides")
    assert rest <= MAX_KB
    assert sizes[editor] <= MAX_EDITOR_KB


def test_nothing_comes_from_elsewhere(built: dict[str, bytes]) -> None:
    page, headers = built["console/index.html"].decode(), built["_headers"].decode()
    assert "//" not in page.replace("<!doctype html>", "")
    assert "default-src 'none'; script-src 'self'; style-src 'self'" in headers
    assert "unsafe" not in headers
    assert not [name for name in built if name.endswith(".map")]


def test_the_licences_are_shipped(built: dict[str, bytes]) -> None:
    text = built["console/assets/LICENSES.txt"].decode()
    for name in ("preact", "@codemirror/view", "@lezer/common", "@dagrejs/dagre", "yaml", "style-mod", "w3c-keyname"):
        assert f"\n{name} " in f"\n{text}", name
    assert text.count("Permission") >= 10
