"""Proves that staging meters bundled modules, and reuses those of an earlier staging if they are intact."""

import ast
import hashlib
import json
import runpy
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from arcrun.wasm.metering import FUEL_EXPORT
from arcrun.wasm.module import parse_module
from arcrun.wasm.seal import is_sealed, seal_module
from fixtures.modules import build_module, printing
from workerd.local_platform import ROOT

sys.path.insert(0, str(ROOT / "scripts"))
from stage import stage as stage_worker
from stage import strip_comments, strip_docstrings

pytestmark = pytest.mark.workerd

MODULE = ROOT / "components/set/set.wasm"
SHA256 = hashlib.sha256(MODULE.read_bytes()).hexdigest()
STAGED = "executor/build/components/set.wasm"


def stage(out: Path, *options: str | Path) -> bytes:
    """Stage the executor. Returns its `set.wasm`."""
    subprocess.run([sys.executable, ROOT / "scripts/stage.py", "executor", "--out", out, *options], check=True)
    return (out / STAGED).read_bytes()


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("staged")


@pytest.fixture(scope="module")
def first_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("staged") / "cache"


@pytest.fixture(scope="module")
def staged(out: Path, first_cache: Path) -> bytes:
    return stage(out, "--cache", first_cache)


@pytest.fixture
def cache(tmp_path: Path, staged: bytes, first_cache: Path) -> Path:
    """A copy of the cache that the first staging has made."""
    shutil.copytree(first_cache, tmp_path / "cache")
    return tmp_path / "cache"


@pytest.fixture
def cache_without_modules(cache: Path) -> Path:
    shutil.rmtree(cache / "components")
    return cache


def test_bundled_modules_are_metered(staged: bytes) -> None:
    assert FUEL_EXPORT in parse_module(staged).exports
    assert is_sealed(staged, SHA256)


def test_intact_staged_modules_are_reused(out: Path, cache_without_modules: Path, staged: bytes) -> None:
    """Proved by a module that metering would not produce: as its seal is valid, it is kept."""
    bounded = printing("1").replace('"memory") 2)', '"memory") 2 2)')
    other = seal_module(build_module(bounded), SHA256)
    (out / STAGED).write_bytes(other)
    assert stage(out, "--cache", cache_without_modules) == other != staged


def test_what_is_in_the_cache_is_reused_by_another_folder(tmp_path: Path, cache: Path, staged: bytes) -> None:
    """Proved as above, and by a contract that reading the file would not give."""
    kept = cache / "components/set.wasm"
    assert kept.read_bytes() == staged
    other = seal_module(build_module(printing("1").replace('"memory") 2)', '"memory") 2 2)')), SHA256)
    kept.write_bytes(other)
    contracts = cache / "executor/contracts.json"
    contracts.write_text(contracts.read_text().replace('"Set fields"', '"Kept"'))
    assert stage(tmp_path / "out", "--cache", cache) == other
    bundled = (tmp_path / "out/executor/build/bundled_components.py").read_text()
    assert '"display_name":"Kept"' in bundled


@pytest.mark.parametrize("content", [b"", b"{", b"\xff"])
def test_a_damaged_cache_is_made_again(tmp_path: Path, cache: Path, staged: bytes, content: bytes) -> None:
    kept, contracts = cache / "components/set.wasm", cache / "executor/contracts.json"
    whole = json.loads(contracts.read_bytes())
    for path in (kept, contracts):
        path.write_bytes(content)
    assert stage(tmp_path / "out", "--cache", cache) == staged == kept.read_bytes()
    assert json.loads(contracts.read_bytes()) == whole != {}


def test_a_cache_that_cannot_be_written_does_not_matter(tmp_path: Path, out: Path, staged: bytes) -> None:
    (tmp_path / "cache").write_text("a file")
    shutil.copytree(out, tmp_path / "out")
    (tmp_path / "out" / STAGED).unlink()
    assert stage(tmp_path / "out", "--cache", tmp_path / "cache") == staged


def test_damaged_staged_modules_are_made_again(out: Path, cache_without_modules: Path, staged: bytes) -> None:
    (out / STAGED).write_bytes(staged[:-1])
    assert stage(out, "--cache", cache_without_modules) == staged


@pytest.mark.parametrize(
    ("module", "taken_by"),
    [
        pytest.param("secrets.py", "of the standard library", id="the standard library"),
        pytest.param("annotationlib.py", "of the standard library", id="the standard library of Python 3.14"),
        pytest.param("json/__init__.py", "of the standard library", id="a package"),
        pytest.param("js.py", "of the standard library or of the runtime", id="Pyodide"),
        pytest.param("yaml.py", "that it vendors", id="a vendored package"),
        pytest.param("workers/entry.py", "that it vendors", id="the SDK, by a folder without __init__"),
    ],
)
def test_a_module_of_a_taken_name_fails(tmp_path: Path, module: str, taken_by: str) -> None:
    """The other module would hide it at run time."""
    source = _write_worker(tmp_path / "worker", module)
    with pytest.raises(SystemExit, match=f"is a module of the Worker and also one {taken_by}"):
        stage_worker(source, [], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_module_of_another_name_is_staged(tmp_path: Path) -> None:
    stage_worker(_write_worker(tmp_path / "worker", "my_secrets/json.py"), [], tmp_path / "out")
    assert (tmp_path / "out/build/my_secrets/json.py").is_file()


def _write_worker(folder: Path, module: str) -> Path:
    """Write a Worker with one module in addition to its entry."""
    (folder / "src" / module).parent.mkdir(parents=True)
    (folder / "src" / module).write_text("")
    (folder / "src/entry.py").write_text("")
    (folder / "wrangler.toml").write_text("")
    (folder / "pyproject.toml").write_text('[project]\ndependencies = ["pyyaml", "workers-runtime-sdk"]\n')
    return folder


@pytest.mark.parametrize(
    ("source", "stripped"),
    [
        ('"""One."""\nx = 1\n', '"."\nx = 1\n'),
        ('"""Two\nlines."""\nx = 1\n', '"."\n\nx = 1\n'),
        ('def f():\n    """é."""\n    return """kept"""\n', 'def f():\n    "."\n    return """kept"""\n'),
        ('class A:\n    """A\n\n    b."""\n\n    x = "s"\n', 'class A:\n    "."\n\n\n\n    x = "s"\n'),
        ('async def f(): "doc"; return 1\n', 'async def f(): "."; return 1\n'),
        ('def f():\n    """Two\n    """; return 1\n', 'def f():\n    """Two\n    """; return 1\n'),
        ('x = 1\n"""no docstring"""\n', 'x = 1\n"""no docstring"""\n'),
        ('f"""{1}"""\nb"bytes"\n', 'f"""{1}"""\nb"bytes"\n'),
        ("print 'Python 2'\n", "print 'Python 2'\n"),
    ],
)
def test_docstrings_are_left_out_and_lines_keep_their_numbers(source: str, stripped: str) -> None:
    assert strip_docstrings(source) == stripped
    assert stripped.count("\n") == source.count("\n")


@pytest.mark.parametrize(
    ("source", "stripped"),
    [
        ("x = 1  # one\n", "x = 1\n"),
        ("# a\n\n# b\nx = 1\n", "\n\n\nx = 1\n"),
        ("x = '# kept'  # é\n", "x = '# kept'\n"),
        ('x = f"{1:#x} # kept"\n', 'x = f"{1:#x} # kept"\n'),
        ('x = """\n# kept\n"""\n', 'x = """\n# kept\n"""\n'),
        ("x = [\n    1,  # one\n    # two\n]\n", "x = [\n    1,\n\n]\n"),
        ("é = 1  # one\n", "é = 1\n"),
        ("x = 1\n", "x = 1\n"),
        ("x = (  # never closed\n", "x = (  # never closed\n"),
    ],
)
def test_comments_are_left_out_and_lines_keep_their_numbers(source: str, stripped: str) -> None:
    assert strip_comments(source) == stripped
    assert stripped.count("\n") == source.count("\n")


def test_what_is_vendored_has_what_a_worker_uses(out: Path, staged: bytes) -> None:
    assert staged
    vendored = out / "executor/python_modules"
    assert not (vendored / "idna").exists()
    [metadata] = vendored.glob("anyio-*.dist-info/METADATA")
    said = metadata.read_text(encoding="utf-8")
    assert "License" in said
    assert "\n\n" not in said


def find_imports(body: Sequence[ast.stmt], module: str) -> Iterator[str]:
    """What is imported from a module, in the Workers' Python."""
    worker = {"sys": SimpleNamespace(version_info=(3, 14, 0), platform="emscripten"), "TYPE_CHECKING": False}
    for node in body:
        if isinstance(node, ast.ImportFrom) and node.module == module:
            yield from (name.name for name in node.names)
        names = {it.id for it in ast.walk(node.test) if isinstance(it, ast.Name)} if isinstance(node, ast.If) else set()
        if isinstance(node, ast.If) and names and names <= worker.keys():
            yield from find_imports(node.body if eval(ast.unparse(node.test), worker) else node.orelse, module)
        else:
            for part in ("body", "orelse", "finalbody"):
                yield from find_imports(getattr(node, part, []), module)


def test_all_that_is_used_of_typing_extensions_is_there(out: Path, staged: bytes) -> None:
    assert staged
    vendored = out / "executor/python_modules"
    paths = [path for path in vendored.rglob("*.py") if path.name != "typing_extensions.py"]
    used = {name for path in paths for name in find_imports(ast.parse(path.read_bytes()).body, "typing_extensions")}
    own = runpy.run_path(str(vendored / "typing_extensions.py"))
    assert used == {"sentinel"}
    assert repr(own["sentinel"]("undefined")) == "undefined"
    assert own["sentinel"]("undefined") != own["sentinel"]("undefined")


def test_what_is_staged_has_no_docstrings(out: Path, staged: bytes) -> None:
    assert staged
    text = (out / "executor/build/arcrun/yaml_text.py").read_text(encoding="utf-8")
    assert '"""' not in text
    original = (ROOT / "core/arcrun/yaml_text.py").read_text(encoding="utf-8")
    numbers = [[i for i, line in enumerate(each.split("\n")) if line.startswith("def ")] for each in (text, original)]
    assert numbers[0] == numbers[1] != []
