"""The `cron` component itself, under wasmtime, for tests over fakes."""

import json

from arcrun.wasm.abi import Execution
from components import wasm_harness as harness
from fakes.components import exited


def cron(stdin: str) -> Execution:
    return exited(harness.run("cron", json.loads(stdin)).output)
