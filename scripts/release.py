"""Build the wheel and the source distribution into a folder, test each outside the checkout, and print their SHA-256.

Each file's metadata must be complete, and it must install in a fresh virtual environment, where `acr` prints its
version, tests a built-in component and validates an example on a platform started by `acr dev`. Both must install the
same files, so that the source distribution is complete. Exits 1 at the first failure, with its output.
"""

import argparse
import hashlib
import os
import signal
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from email.parser import BytesParser
from importlib import metadata
from pathlib import Path

from packaging.metadata import Metadata

from acr.local.platform import find_free_ports

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = "examples/workflows/greet.yaml"
COMPONENT = "string_ops"
READY_LINES = 4  # of `acr dev`: one for each service and Cloudflare's API
UNWANTED = ("ACR_", "ARCRUN_", "CLOUDFLARE_", "PYTHON")  # prefixes of environment variables


class ReleaseError(Exception):
    """A build that must not be released; the message says why."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "dist", metavar="FOLDER", help="default: dist")
    parser.add_argument(
        "--borrow",
        action="store_true",
        help="use the dependencies from .venv instead of installing them, if nothing can be downloaded",
    )
    options = parser.parse_args()
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    try:
        files = build(options.out)
        for file in files:
            check_metadata(file, version)
            print(f"{file.name}: its metadata is complete", flush=True)
        with tempfile.TemporaryDirectory() as work:
            installed = [try_file(file, Path(work) / file.suffix[1:], version, options.borrow) for file in files]
        if installed[0] != installed[1]:
            differing = sorted({name for name, _ in installed[0].items() ^ installed[1].items()})
            raise ReleaseError(f"Wheel and source distribution install different files: {', '.join(differing[:10])}")
    except ReleaseError as error:
        sys.exit(f"release: {error}")
    for file in files:
        print(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file}")


def build(out: Path) -> list[Path]:
    """Build the wheel, from the checkout, and the source distribution into `out`, replacing earlier ones."""
    out.mkdir(parents=True, exist_ok=True)
    for earlier in (*out.glob("arcrun_workers-*.whl"), *out.glob("arcrun_workers-*.tar.gz")):
        earlier.unlink()
    run([sys.executable, "-m", "build", "--wheel", "--sdist", "--no-isolation", "--outdir", str(out), str(ROOT)])
    return [*out.glob("arcrun_workers-*.whl"), *out.glob("arcrun_workers-*.tar.gz")]


def check_metadata(file: Path, version: str) -> None:
    """Check the metadata as a package index does: known, well-formed fields, and a description that renders.

    Raises ReleaseError.
    """
    raw = _read_metadata(file)
    try:
        found = Metadata.from_email(raw, validate=True)
    except ExceptionGroup as group:
        raise ReleaseError(f"{file.name}: {'; '.join(str(error) for error in group.exceptions)}") from None
    message = BytesParser().parsebytes(raw)
    wanted = {"Version": version, "Description-Content-Type": "text/markdown", "License-Expression": "MIT"}
    wrong = [name for name, value in wanted.items() if message[name] != value]
    if wrong or not (found.summary and found.description and found.requires_dist and found.requires_python):
        raise ReleaseError(f"{file.name}: its metadata is incomplete or wrong: {', '.join(wrong)}")


def _read_metadata(file: Path) -> bytes:
    if file.suffix == ".whl":
        with zipfile.ZipFile(file) as wheel:
            [name] = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
            return wheel.read(name)
    with tarfile.open(file) as source:
        found = source.extractfile(f"{file.name.removesuffix('.tar.gz')}/PKG-INFO")
        assert found is not None
        return found.read()


def try_file(file: Path, work: Path, version: str, borrow: bool) -> Mapping[str, str]:
    """Install and test a file. Returns {path: SHA-256} of the installed files."""
    packages, acr = install(file, work / "environment", borrow)
    folder = work / "elsewhere"
    folder.mkdir()
    environment = _environment(folder)
    said = run([acr, "--version"], folder, environment)
    if said.split()[-1] != version:
        raise ReleaseError(f"{file.name}: `acr --version` says {said.strip()}")
    component = packages / "acr/platform/components" / COMPONENT
    run([acr, "parts", "test", str(component)], folder, environment)
    with platform(acr, folder, environment) as url:
        environment |= {"ARCRUN_URL": url}
        run([acr, "validate", str(ROOT / EXAMPLE)], folder, environment)
    print(f"{file.name}: installed, acr {version}, {COMPONENT} tested, {Path(EXAMPLE).name} validated", flush=True)
    return {
        str(path.relative_to(packages)): hashlib.sha256(path.read_bytes()).hexdigest()
        for package in ("acr", "arcrun")
        for path in sorted((packages / package).rglob("*"))
        if path.is_file() and path.suffix != ".pyc"
    }


def install(file: Path, environment: Path, borrow: bool) -> tuple[Path, str]:
    """Install a file into a fresh virtual environment. Returns its site-packages and its `acr`."""
    run([sys.executable, "-m", "venv", "--without-pip", str(environment)])
    python = str(environment / "bin/python")
    [packages] = environment.glob("lib/python*/site-packages")
    if borrow:
        borrowed = Path(str(metadata.distribution("hatchling").locate_file("")))
        (packages / "borrowed.pth").write_text(f"{borrowed}\n", encoding="utf-8")
    how = ["--no-deps", "--no-build-isolation"] if borrow else []
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--disable-pip-version-check"]
    run([*pip, "--no-compile", *how, str(file)])
    return packages, str(environment / "bin/acr")


@contextmanager
def platform(acr: str, folder: Path, environment: Mapping[str, str]) -> Iterator[str]:
    """Run `acr dev`. Yields the executor's address."""
    command = [acr, "dev", "--no-reload", "--no-seed", "--port", str(find_free_ports(READY_LINES))]
    with (folder / "acr-dev.log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        assert process.stdout is not None
        lines = [process.stdout.readline().split() for _ in range(READY_LINES)]
        urls = {line[1]: line[2] for line in lines if line[:1] == ["ready"]}
        if "executor" not in urls:
            raise ReleaseError(f"`acr dev` did not start: {(folder / 'acr-dev.log').read_text()[-2000:]}")
        yield urls["executor"]
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


def _environment(folder: Path) -> dict[str, str]:
    """The environment without the checkout on the path and without the releaser's own settings."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(UNWANTED) or key == "ACR_CACHE_DIR"}
    own = {"ACR_CONFIG_DIR": str(folder / "config"), "ARCRUN_API_KEY": "key-of-the-release-0123456789"}
    return {**kept, **own, "PYTHONDONTWRITEBYTECODE": "1"}


def run(command: Sequence[str], cwd: Path = ROOT, environment: Mapping[str, str] | None = None) -> str:
    """Run a command and return its stdout. Raises ReleaseError with its output."""
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ReleaseError(f"`{' '.join(command)}` ended with {done.returncode}.\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main()
