"""Stage Workers' uploads: sources in build/, dependencies in python_modules/, the executor's files for browsers in
assets/, all next to wrangler.toml.

    python scripts/stage.py WORKER... [--components DIR] [--out DIR]

Without --out they are staged in the Worker's own folder, where wrangler runs this before it reads the upload. `acr dev`
and tests pass --out: <out>/<worker>/, with a copy of wrangler.toml. `--components` adds another folder's components to
the bundle (the way to run them without the Worker Loader). Unchanged files are not written.
"""

import argparse
import ast
import fnmatch
import hashlib
import io
import json
import re
import runpy
import shutil
import sys
import tempfile
import tokenize
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

import arcrun
from arcrun import yaml_text
from arcrun.contracts.model import Contract
from arcrun.contracts.parse import MIN_SCENARIOS, parse_contract
from arcrun.errors import ArcrunError
from arcrun.wasm.component import Component, build_component
from arcrun.wasm.javascript import JAVASCRIPT_FILE, build_javascript
from arcrun.wasm.seal import is_sealed
from arcrun.yaml_text import YamlTextError, parse_yaml

ROOT = Path(__file__).resolve().parents[1]  # of a checkout, or acr/platform in the installed package
WORKERS = ("executor", "registry", "auth")
SHARED_PACKAGES = (Path(arcrun.__file__).parent, ROOT / "workers/edge/arcrun_edge", ROOT / "workers/http/arcrun_http")
HOST_SOURCES = (ROOT / "workers/edge/component_host.mjs", ROOT / "workers/edge/sandbox.mjs")
BUILTIN_COMPONENTS = ROOT / "components"
# The Workers' environment: requirements' markers are evaluated for it, not for this machine.
WORKER_ENVIRONMENT = {
    "python_version": "3.14",
    "sys_platform": "emscripten",
    "platform_system": "Emscripten",
    "extra": "",
}
# Names that Python finds before a Worker's own modules: the standard library's, of this Python and of the Workers', and
# Pyodide's.
NEWER_STANDARD_MODULES = {"annotationlib", "compression"}
RUNTIME_MODULES = {
    "_cloudflare",
    "_cloudflare_compat_flags",
    "_pyodide",
    "_pyodide_entrypoint_helper",
    "js",
    "pyodide",
    "pyodide_js",
}
TAKEN_NAMES = sys.stdlib_module_names | NEWER_STANDARD_MODULES | RUNTIME_MODULES

CONTRACT_SOURCES, PLAIN_SOURCES = "contracts.json", "sources.json"  # in the cache
PLAIN_VERSION = 2  # rises when sources are stripped of more
NO_DOCSTRING = '"."'  # not empty: a dataclass would make itself one, which takes long
_READER = Path(yaml_text.__file__).read_bytes()  # part of the cache key, as parsing depends on it

# Modules of vendored packages that no Worker imports: for tests, other event loops, threads, processes and files, for
# packages that no Worker has, and what is around a Starlette application.
_ANYIO_UNUSED = (
    *("_backends/_trio", "_core/_asyncio_selector_thread", "_core/_fileio", "_core/_subprocesses", "_core/_tempfile"),
    *("from_thread", "functools", "itertools", "pytest_plugin", "streams/buffered", "streams/file", "streams/text"),
    *("to_interpreter", "to_process"),
)
_STARLETTE_UNUSED = (
    *("authentication", "config", "endpoints", "middleware/authentication", "middleware/base", "middleware/cors"),
    *("middleware/gzip", "middleware/httpsredirect", "middleware/opentelemetry", "middleware/sessions"),
    *("middleware/trustedhost", "middleware/wsgi", "schemas", "staticfiles", "status", "templating", "testclient"),
)
UNUSED_MODULES = (
    *(f"anyio/{name}.py" for name in _ANYIO_UNUSED),
    *(f"starlette/{name}.py" for name in _STARLETTE_UNUSED),
    "idna/*",
)
# Also what was compiled here, and what is installed outside of the packages' folder.
_IS_LEFT_OUT = re.compile("|".join((*map(fnmatch.translate, UNUSED_MODULES), r".*__pycache__/", r".*\.\./"))).match
# All that Workers use of typing_extensions, which would be a tenth of what is vendored: the class by which anyio tells
# that no value was given, as Python 3.15 has it.
OWN_MODULES = {
    "typing_extensions.py": b"""class sentinel:
    def __init__(self, name, /, *, repr=None):
        self.__name__, self._repr = name, name if repr is None else repr

    def __repr__(self):
        return self._repr
"""
}

Upload = dict[str, bytes]


def stage(source: Path, component_folders: list[Path], out: Path, cache: Path | None = None) -> None:
    """Write the upload of the Worker in `source` into `out`. `cache` is a folder with what earlier ones have read and
    metered, whatever their `out`.
    """
    project = tomllib.loads((source / "pyproject.toml").read_text())
    upload: Upload = dict(_python_files(source / "src"))
    for package in SHARED_PACKAGES:
        upload |= {f"{package.name}/{name}": content for name, content in _python_files(package)}
    contracts = ContractSources(None if cache is None else cache / source.name / CONTRACT_SOURCES)
    metered = MeteredModules([out / "build/components"], None if cache is None else cache / "components")
    bundled = project.get("tool", {}).get("arcrun", {}).get("bundled_components", [])
    if bundled:
        folders = component_folders_below(component_folders)
        wanted = [folder for folder in folders if bundled == "all" or folder.name in bundled]
        upload |= _component_upload(wanted, contracts, metered)
    vendored = _vendored(project["project"]["dependencies"])
    _require_own_names(upload, vendored)
    plain = PlainSources(None if cache is None else cache / source.name / PLAIN_SOURCES)
    upload, vendored = plain.strip_all(upload), plain.strip_all(vendored)
    _write_tree(out / "build", upload)
    _write_tree(out / "python_modules", vendored)
    if (folder := project.get("tool", {}).get("arcrun", {}).get("assets")) is not None:
        _write_tree(out / "assets", _console_files(ROOT / folder))
    if out != source:
        shutil.copyfile(source / "wrangler.toml", out / "wrangler.toml")
    contracts.save()
    plain.save()


def _console_files(built: Path) -> Upload:
    """The console's files. In a checkout they are built first if a source has changed."""
    builder = ROOT / "scripts/build_console.py"
    if builder.is_file():
        try:
            runpy.run_path(str(builder), run_name="__main__")
        except SystemExit:
            raise SystemExit("stage: The console could not be built. Next: scripts/setup") from None
    files = {
        path.relative_to(built).as_posix(): path.read_bytes() for path in sorted(built.rglob("*")) if path.is_file()
    }
    if "_headers" not in files:
        raise SystemExit(f"stage: There is no console in {built}. Install arcrun again, or run scripts/setup.")
    return files


def _require_own_names(upload: Upload, vendored: Upload) -> None:
    """Raises SystemExit if a Worker's own module has a taken name: the other one, first on sys.path, would be imported
    instead.
    """
    taken = dict.fromkeys(TAKEN_NAMES, "of the standard library or of the runtime")
    taken |= dict.fromkeys(_module_names(vendored), "that it vendors")
    for name in sorted(_module_names(upload) & taken.keys()):
        raise SystemExit(f"stage: `{name}` is a module of the Worker and also one {taken[name]}: rename the Worker's.")


def _module_names(upload: Upload) -> set[str]:
    """The names by which an upload's Python files are imported."""
    return {name.partition("/")[0].removesuffix(".py") for name in upload if name.endswith(".py")}


def _python_files(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*.py")):
        yield path.relative_to(folder).as_posix(), path.read_bytes()


class ContractSources:
    """A cache of parsed contracts by digest, as reading YAML takes most of a bundle's time.

    It is stored in the file `kept`, unless that is None. `save` stores only the contracts that were read.
    """

    def __init__(self, kept: Path | None) -> None:
        self._kept = kept
        self._known: dict[str, object] = {}
        self._asked: dict[str, object] = {}
        if kept is not None and kept.is_file():
            with suppress(ValueError):  # truncated by a full disk
                self._known = json.loads(kept.read_bytes())

    def read(self, path: Path) -> object:
        """The parsed contract in a file. Raises YamlTextError, UnicodeDecodeError."""
        text = path.read_text(encoding="utf-8")
        key = hashlib.sha256(_READER + text.encode()).hexdigest()
        self._asked[key] = self._known[key] if key in self._known else parse_yaml(text).value
        return self._asked[key]

    def save(self) -> None:
        if self._kept is not None and self._asked != self._known:
            _keep(self._kept, json.dumps(self._asked).encode())


class PlainSources:
    """Python sources without docstrings and comments, which are a sixth of an upload and have no reader there. Lines
    keep their numbers. A cache by digest, in the file `kept` unless that is None.
    """

    def __init__(self, kept: Path | None) -> None:
        self._kept = kept
        self._known: dict[str, str] = {}
        self._asked: dict[str, str] = {}
        if kept is not None and kept.is_file():
            with suppress(ValueError):  # truncated by a full disk
                self._known = json.loads(kept.read_bytes())

    def strip_all(self, upload: Upload) -> Upload:
        return {name: self._strip(content) if name.endswith(".py") else content for name, content in upload.items()}

    def _strip(self, content: bytes) -> bytes:
        key = f"{PLAIN_VERSION} {hashlib.sha256(content).hexdigest()}"
        known = self._known.get(key)
        self._asked[key] = strip_comments(strip_docstrings(content.decode())) if known is None else known
        return self._asked[key].encode()

    def save(self) -> None:
        if self._kept is not None and self._asked != self._known:
            _keep(self._kept, json.dumps(self._asked).encode())


def strip_docstrings(source: str) -> str:
    """The source with NO_DOCSTRING in place of each docstring. What is not Python stays."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return source
    lines = source.split("\n")
    for node in ast.walk(tree):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if ast.get_docstring(node, clean=False) is None:
            continue
        docstring = node.body[0]
        first, last = docstring.lineno - 1, (docstring.end_lineno or docstring.lineno) - 1
        before = lines[first].encode()[: docstring.col_offset].decode()
        after = lines[last].encode()[docstring.end_col_offset :].decode()
        if first < last and after.strip():
            continue
        lines[first : last + 1] = [f"{before}{NO_DOCSTRING}{after}", *[""] * (last - first)]
    return "\n".join(lines)


def strip_comments(source: str) -> str:
    """The source without comments, each line in its place. What is not Python stays."""
    if "#" not in source:
        return source
    lines = source.split("\n")
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.COMMENT:
                row, column = token.start
                lines[row - 1] = lines[row - 1][:column].rstrip()
    except (tokenize.TokenError, SyntaxError):
        return source
    return "\n".join(lines)


class MeteredModules:
    """Sealed modules of earlier uploads, by the component's id, as metering takes most of the rest. Those in `kept`,
    unless that is None, are of any project's.
    """

    def __init__(self, staged: list[Path], kept: Path | None) -> None:
        self._folders, self._kept = [*staged, *([] if kept is None else [kept])], kept

    def find(self, component_id: str, binary: bytes) -> bytes | None:
        """The metered module of `binary`, if one is there and whole."""
        sha256 = hashlib.sha256(binary).hexdigest()
        paths = [folder / f"{component_id}.wasm" for folder in self._folders]
        contents = (path.read_bytes() for path in paths if path.is_file())
        return next((content for content in contents if is_sealed(content, sha256)), None)

    def keep(self, component_id: str, metered: bytes) -> None:
        if self._kept is not None:
            _keep(self._kept / f"{component_id}.wasm", metered)


def _keep(path: Path, content: bytes) -> None:
    """Write a file of the cache: others see it whole or not at all. A cache that cannot be written does not matter."""
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(content)
        Path(file.name).replace(path)


def _component_upload(folders: list[Path], contracts: ContractSources, metered: MeteredModules) -> Upload:
    """The JavaScript host (as a module, and as text for the sandbox), the bundled .wasm files and their contracts.

    The .wasm files are metered. Those that are there are reused.
    """
    upload: Upload = {HOST_SOURCES[0].name: HOST_SOURCES[0].read_bytes()}
    upload |= {f"{path.name}.txt": path.read_bytes() for path in HOST_SOURCES}
    bundle: dict[str, tuple[object, ...]] = {}
    bundled_from: dict[str, Path] = {}
    for folder in folders:  # the first of an id is the one: the built-in one, or that of the folder named first
        binary = folder / f"{folder.name}.wasm"
        try:
            contract_source = contracts.read(folder / "contract.yaml")
            contract = parse_contract(contract_source)
        except YamlTextError as error:
            raise SystemExit(f"stage: {folder}/contract.yaml:{error.line}:{error.column}: {error.problem}.") from None
        except UnicodeDecodeError:
            raise SystemExit(f"stage: {folder}/contract.yaml is not UTF-8.") from None
        except ArcrunError as error:
            raise SystemExit(f"stage: {folder}/contract.yaml: {_end_sentence(error)}") from None
        if contract.canonical_id != folder.name:
            message = f"{folder}/contract.yaml is the contract of `{contract.canonical_id}`: name its folder so."
            raise SystemExit(f"stage: {message}")
        if contract.canonical_id in bundled_from:
            print(f"{folder} is not bundled: {bundled_from[contract.canonical_id]} takes precedence.")
            continue
        bundled_from[contract.canonical_id] = folder
        if contract.is_javascript:
            component = _read_javascript(contract, folder)
            bundle[component.id] = (_shorten(contract_source), component.sha256, component.source)
            continue
        try:
            module = binary.read_bytes()
            kept = metered.find(contract.canonical_id, module)
            component = build_component(contract, module, kept, exposes_state=True)
        except FileNotFoundError:
            raise SystemExit(f"stage: There is no {binary}. {_how_to_build(folder)}") from None
        except ArcrunError as error:
            raise SystemExit(f"stage: {binary}: {_end_sentence(error)} {_how_to_build(folder)}") from None
        assert component.module is not None
        if kept is None:
            metered.keep(component.id, component.module)
        upload[f"components/{component.id}.wasm"] = component.module
        bundle[component.id] = (_shorten(contract_source), component.sha256)
    upload["bundled_components.py"] = _bundle_module(bundle)
    return upload


def _read_javascript(contract: Contract, folder: Path) -> Component:
    path = folder / JAVASCRIPT_FILE
    try:
        return build_javascript(contract, path.read_bytes())
    except FileNotFoundError:
        raise SystemExit(f"stage: There is no {path}. {_how_to_build(folder, JAVASCRIPT_FILE)}") from None
    except ArcrunError as error:
        raise SystemExit(f"stage: {path}: {_end_sentence(error)}") from None


def _shorten(contract: Any) -> Any:
    """A contract with as few scenarios as it must have: a Worker runs none, and imports each bundled contract."""
    scenarios = sorted(contract["gherkin_tests"], key=lambda scenario: len(json.dumps(scenario)))
    return {**contract, "gherkin_tests": scenarios[:MIN_SCENARIOS]}


def _how_to_build(folder: Path, name: str = "") -> str:
    """The next step if a component's module is missing or is none."""
    if (folder / "build").is_file():
        return f"Build it: {folder / 'build'}"
    own = ROOT / "scripts/build_components"
    if folder.parent == BUILTIN_COMPONENTS and own.is_file():
        return f"Build it: {own} {folder.name}"
    return f"Build it, as {name or f'{folder.name}.wasm'} in this folder."


def _end_sentence(error: ArcrunError) -> str:
    text = str(error)
    return text if text.endswith((".", "!", "?")) else f"{text}."


def component_folders_below(folders: list[Path]) -> list[Path]:
    """Each folder once, in the order of `folders`."""
    found = (path.parent for folder in folders for path in sorted(folder.resolve().glob("*/contract.yaml")))
    return list(dict.fromkeys(found))


def _bundle_module(bundle: dict[str, tuple[object, ...]]) -> bytes:
    """A Python module with the contracts as JSON, which a Worker reads much faster at its start than YAML."""
    entries = json.dumps(bundle, ensure_ascii=False, separators=(",", ":"))
    literal = entries.replace("\\", "\\\\").replace("'''", "\\'\\'\\'")
    return (
        '"""The components of this bundle. Generated by scripts/stage.py."""\n\n'
        "import json\n\n"
        "from arcrun.wasm.component import BundledComponent\n\n"
        f"_ENTRIES = json.loads('''{literal}''')\n"
        "BUNDLED_COMPONENTS = {name: BundledComponent(*entry) for name, entry in _ENTRIES.items()}\n"
    ).encode()


def _vendored(requirements: list[str]) -> Upload:
    """The files of the packages in `requirements` and of their dependencies; pure Python, as nothing else can run.

    Raises SystemExit if the installed version does not match.
    """
    upload: Upload = {}
    pending, seen = [Requirement(text) for text in requirements], set()
    while pending:
        requirement = pending.pop()
        if requirement.name in seen or not _applies(requirement):
            continue
        seen.add(requirement.name)
        distribution = metadata.distribution(requirement.name)
        if not requirement.specifier.contains(distribution.version):
            raise SystemExit(f"stage: needs {requirement}, but {distribution.version} is installed: run scripts/setup")
        pending += [Requirement(text) for text in distribution.requires or ()]
        upload |= _distribution_files(requirement.name)
    return upload | {name: content for name, content in OWN_MODULES.items() if name in upload}


def _applies(requirement: Requirement) -> bool:
    return requirement.marker is None or requirement.marker.evaluate(WORKER_ENVIRONMENT)


@cache
def _distribution_files(name: str) -> Upload:
    """What a Worker uses of an installed package."""
    upload: Upload = {}
    for file in metadata.distribution(name).files or ():
        path = file.as_posix()
        is_source = file.suffix in (".py", ".js", ".pth", ".typed") or file.name == "METADATA"
        if is_source and not _IS_LEFT_OUT(path):
            content = Path(str(file.locate())).read_bytes()
            upload[path] = content.partition(b"\n\n")[0] + b"\n" if file.name == "METADATA" else content
    return upload


def _write_tree(root: Path, upload: Upload) -> None:
    """Make `root` contain exactly `upload`, writing only what differs."""
    for path in sorted(root.rglob("*"), reverse=True):
        if path.is_file() and path.relative_to(root).as_posix() not in upload:
            path.unlink()
        elif path.is_dir() and not any(path.iterdir()):
            path.rmdir()
    for name, content in upload.items():
        path = root / name
        if not path.is_file() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workers", nargs="+", choices=WORKERS, metavar="WORKER")
    parser.add_argument("--components", type=Path, action="append", default=[], metavar="DIR")
    parser.add_argument("--out", type=Path, help="default: workers/, for wrangler")
    parser.add_argument("--cache", type=Path, help="keeps what takes longest, for other folders too")
    options = parser.parse_args()
    folders = [BUILTIN_COMPONENTS, *options.components]
    try:
        for worker in options.workers:
            stage(ROOT / "workers" / worker, folders, (options.out or ROOT / "workers") / worker, options.cache)
    except OSError as error:
        raise SystemExit(f"stage: {error.filename or options.out}: {error.strerror}") from None


if __name__ == "__main__":
    main()
