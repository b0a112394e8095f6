"""Operations that a deploy refuses at a module's top level, tried there and in a request; and Python's clocks."""

import asyncio
import os
import random
import secrets
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from random import choice
from typing import Any

import js

import workers
from arcrun_edge.system import SystemClock


class _Random(random.Random):
    """A subclass that draws like its base."""


REFUSED: dict[str, Callable[[], Any]] = {
    "os.urandom": lambda: os.urandom(1),
    "random.random": random.random,
    "random.choice by name": lambda: choice("ab"),
    "random.seed": lambda: random.seed(1),
    "random.Random": random.Random,
    "random.Random, a subclass": lambda: _Random().random(),
    "random.SystemRandom().random": lambda: random.SystemRandom().random(),
    "secrets.token_hex": secrets.token_hex,
    "uuid.uuid4": uuid.uuid4,
    "uuid.uuid1": lambda: uuid.uuid1(node=1),
    "js.crypto.randomUUID": lambda: str(js.crypto.randomUUID()),
    "js.crypto.getRandomValues": lambda: js.crypto.getRandomValues(js.Uint8Array.new(1)),
    "js.setTimeout": lambda: js.setTimeout(js.Array.new, 0),
    "js.setInterval": lambda: js.clearInterval(js.setInterval(js.Array.new, 1000)),
    "js.AbortSignal.timeout": lambda: js.AbortSignal.timeout(1000),
    "js.WebSocketPair": lambda: str(js.WebSocketPair.new()),
    "js.Response.text": lambda: js.Response.new("x").text(),
    "env.KV.get": lambda: workers.import_from_javascript("cloudflare:workers").env.KV.get("k"),
    "env.KV.get of the SDK": lambda: workers.env.KV.get("k"),
    "env.COUNTER.getByName": lambda: workers.env.COUNTER.getByName("one"),
    "wait_until": lambda: workers.wait_until(js.Promise.resolve()),
}
ALLOWED: dict[str, Callable[[], Any]] = {
    "random.Random with a seed": lambda: random.Random(1).random(),
    "random.SystemRandom": random.SystemRandom,
    "env.COUNTER.idFromName": lambda: workers.env.COUNTER.idFromName("one"),
    "a variable": lambda: workers.env.GREETING,
    "js.queueMicrotask": lambda: js.queueMicrotask(js.Array.new),
    "js.Date.now": lambda: js.Date.now() + 0,
}


def _try_all() -> dict[str, str]:
    outcomes = {}
    for name, operation in {**REFUSED, **ALLOWED}.items():
        try:
            operation()
            outcomes[name] = "allowed"
        except Exception as error:
            outcomes[name] = f"{type(error).__name__}: {error}"
    return outcomes


_AT_TOP_LEVEL = _try_all()


def results(*, now: bool = False) -> dict[str, str]:
    return _try_all() if now else _AT_TOP_LEVEL


def read_clocks() -> dict[str, float]:
    """The readings of all clocks in milliseconds, by name."""
    return {
        "Clock": SystemClock().now_ms(),
        "time.time": time.time() * 1000,
        "time.monotonic": time.monotonic() * 1000,
        "time.perf_counter": time.perf_counter() * 1000,
        "datetime.now": datetime.now(UTC).timestamp() * 1000,
        "loop.time": asyncio.get_running_loop().time() * 1000,
        "js.Date.now": js.Date.now(),
        "js.Date": js.Date.new().getTime(),
        "js.performance.now": js.performance.now(),
    }
