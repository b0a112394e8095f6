"""The wheel is the whole platform: outside the checkout it scaffolds and tests components and runs `acr dev`.

The environment borrows the installed dependencies, without the checkout on its path. The JavaScript packages are
installed as for a user: once per version, by npm.
"""

import os
import signal
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import httpx
import pytest

from acr.local.platform import find_free_ports
from workerd.local_platform import API_KEY, CACHE, ROOT

pytestmark = pytest.mark.workerd


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    [built] = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def acr(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command `acr` in a fresh virtual environment with the wheel."""
    environment = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    python = environment / "bin/python"
    install = ["--python", str(python), "install", "--quiet", "--disable-pip-version-check", "--no-deps", str(wheel)]
    subprocess.run([sys.executable, "-m", "pip", *install], check=True)
    borrowed = Path(str(metadata.distribution("click").locate_file("")))
    [packages] = environment.glob("lib/python*/site-packages")
    (packages / "borrowed.pth").write_text(f"{borrowed}\n")
    return environment / "bin/acr"


def run(acr: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = _environment(folder)
    return subprocess.run([acr, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False)


def _environment(folder: Path) -> dict[str, str]:
    own = {"ACR_CONFIG_DIR": str(folder / "config"), "ACR_CACHE_DIR": str(CACHE), "ARCRUN_API_KEY": API_KEY}
    zig = {f"ZIG_{kind}_CACHE_DIR": str(ROOT / "build/zig" / kind.lower()) for kind in ("GLOBAL", "LOCAL")}
    return {**{key: value for key, value in os.environ.items() if key != "PYTHONPATH"}, **own, **zig}


def test_it_contains_only_the_platform(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    wanted = [
        *(f"workers/{worker}/wrangler.toml" for worker in ("executor", "registry", "auth")),
        *("workers/edge/component_host.mjs", "runtime/serve.mjs", "scripts/stage.py", "package-lock.json"),
        *(f"components/{path.parent.name}/{path.parent.name}.wasm" for path in ROOT.glob("components/*/contract.yaml")),
        *("mkdocs.yml", "docs/index.md", "docs/components/string_ops.md", "docs/recipes/index.md"),
        *(f"examples/workflows/{path.name}" for path in ROOT.glob("examples/workflows/*.yaml")),
        *(f"components/_sdk/zig/{path.name}" for path in ROOT.glob("components/_sdk/zig/*.zig")),
    ]
    assert [name for name in wanted if f"acr/platform/{name}" not in names] == []
    assert {"acr/parts/templates/zig/main.zig", "acr/parts/templates/rust/src/main.rs"} <= set(names)
    assert {name.partition("/")[0] for name in names} == {"acr", "arcrun", "arcrun_workers-0.1.0.dist-info"}
    unwanted = ("/build/", "/python_modules/", "/node_modules/", "/tests/", "__pycache__")
    assert [name for name in names if any(part in name for part in unwanted)] == []


def test_it_makes_a_workflow_of_a_template_and_tests_it(acr: Path, tmp_path: Path) -> None:
    made = run(acr, tmp_path, "new", "overdue_invoices")
    assert made.returncode == 0, made.stderr
    checked, tested = run(acr, tmp_path, "validate", ".", "--offline"), run(acr, tmp_path, "test")
    assert checked.stderr.splitlines()[-1] == "2 files: 2 ok"
    assert (tested.returncode, len(tested.stdout.splitlines())) == (0, 3), tested


def test_its_requirements_include_what_the_workers_vendor(wheel: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for worker in ("executor", "registry", "auth"):
        vendored = tomllib.loads((ROOT / f"workers/{worker}/pyproject.toml").read_text())["project"]["dependencies"]
        assert set(vendored) <= set(project["dependencies"])


def test_a_scaffolded_component_builds_and_passes_outside_the_checkout(acr: Path, tmp_path: Path) -> None:
    assert run(acr, tmp_path, "parts", "scaffold", "say_hello").returncode == 0
    environment = {**_environment(tmp_path), "PYTHON": sys.executable}
    subprocess.run([tmp_path / "say_hello/build"], env=environment, check=True)
    tried = run(acr, tmp_path, "parts", "test", "say_hello")
    assert tried.returncode == 0, tried.stderr


@pytest.fixture
def executor_url(acr: Path, tmp_path: Path) -> Iterator[str]:
    command = [str(acr), "dev", "--no-reload", "--port", str(find_free_ports(4)), "--persist", str(tmp_path / "state")]
    process = subprocess.Popen(command, cwd=tmp_path, env=_environment(tmp_path), stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        ready = [process.stdout.readline().split() for _ in range(4)]
        yield ready[0][2]
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


def test_acr_dev_runs_outside_the_checkout(executor_url: str) -> None:
    body = {"component": "string_ops", "input": {"operation": "upper", "input": "ada"}}
    answer = httpx.post(f"{executor_url}/execute", json=body, headers={"X-Arcrun-API-Key": API_KEY}, timeout=60)
    assert answer.json()["data"] == {"result": "ADA"}


def test_it_has_its_documentation(acr: Path, tmp_path: Path) -> None:
    opened = run(acr, tmp_path, "docs", "components/string_ops", "--no-browser")
    assert (opened.returncode, opened.stdout.strip().endswith("/components/string_ops.html")) == (0, True)
    assert Path(opened.stdout.strip().removeprefix("file://")).is_file()


def test_a_dry_run_of_a_deploy_needs_no_checkout(acr: Path, tmp_path: Path) -> None:
    result = run(acr, tmp_path, "deploy", "--dry-run")
    assert (result.returncode, len(result.stdout.splitlines())) == (0, 2), result.stderr
