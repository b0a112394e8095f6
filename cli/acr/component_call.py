"""One call of a component under wasmtime: the host's side of it, in Python.

The streams are bytes. Randomness, time and waiting come from the host's ports, so that a call can be repeated exactly.
wasmtime's own WASI has the rest, without a directory or a socket. The platform's side is component_host.mjs.
"""

import hashlib
import json
import struct
from collections.abc import Callable, Coroutine
from typing import Any

import wasmtime

from arcrun.limits import MAX_REPLY_BYTES, MAX_STDERR_BYTES, MAX_STDOUT_BYTES
from arcrun.wasm.abi import HOST_FUNCTIONS, HOST_MODULE, WASI_MODULE, HostFunctions

SUCCESS, BADF, FAULT, INVAL = 0, 8, 21, 28  # WASI's errno
STDIN, STDOUT, STDERR = range(3)
BAD_REQUEST, REPLY_TOO_LARGE = -1, -2
_REALTIME = 0
_CLOCK_EVENT, _ABSOLUTE = 0, 1
_SUBSCRIPTION_BYTES, _EVENT_BYTES = 48, 32
_I32, _I64 = wasmtime.ValType.i32(), wasmtime.ValType.i64()

HostFunction = Callable[..., int]


class ComponentCall:
    """The state of one call. `stdout` and `stderr` fill up while it runs."""

    def __init__(self, stdin: bytes, host: HostFunctions) -> None:
        self.stdout, self.stderr = bytearray(), bytearray()
        self.overflowed = False
        self._stdin, self._host, self._reply = memoryview(stdin), host, b""
        self._started_ms, self._random_offset = host.now_ms(), 0

    def define_on(self, linker: wasmtime.Linker) -> None:
        """Define what a component may import: WASI with our streams, clock and randomness, the `arcrun` functions."""
        linker.define_wasi()
        linker.allow_shadowing = True
        _define(linker, WASI_MODULE, "fd_read", [_I32] * 4, self._read)
        _define(linker, WASI_MODULE, "fd_write", [_I32] * 4, self._write)
        _define(linker, WASI_MODULE, "random_get", [_I32, _I32], self._fill_random)
        _define(linker, WASI_MODULE, "clock_time_get", [_I32, _I64, _I32], self._write_time)
        _define(linker, WASI_MODULE, "poll_oneoff", [_I32] * 4, self._poll)
        own: dict[str, HostFunction] = {"log": self._log, "read_reply": self._read_reply}
        for name in HOST_FUNCTIONS:
            _define(linker, HOST_MODULE, name, [_I32, _I32], own.get(name) or self._asking(name))

    def _read(self, memory: "_MemoryView", descriptor: int, vectors: int, count: int, out: int) -> int:
        if descriptor != STDIN:
            return BADF
        total = 0
        for pointer, length in memory.read_vectors(vectors, count):
            part, self._stdin = self._stdin[:length], self._stdin[length:]
            memory.write(pointer, bytes(part))
            total += len(part)
        memory.write(out, struct.pack("<I", total))
        return SUCCESS

    def _write(self, memory: "_MemoryView", descriptor: int, vectors: int, count: int, out: int) -> int:
        if descriptor not in (STDOUT, STDERR):
            return BADF
        chunk = b"".join(memory.read(*vector) for vector in memory.read_vectors(vectors, count))
        if descriptor == STDERR:
            self.stderr += chunk[: MAX_STDERR_BYTES - len(self.stderr)]
        elif len(self.stdout) + len(chunk) > MAX_STDOUT_BYTES:
            self.overflowed = True
            return BADF
        else:
            self.stdout += chunk
        memory.write(out, struct.pack("<I", len(chunk)))
        return SUCCESS

    def _asking(self, name: str) -> HostFunction:
        def ask(memory: "_MemoryView", pointer: int, length: int) -> int:
            request = memory.read(pointer, length)
            try:
                return self._keep(finish(self._host.answer(name, request.decode())))
            except UnicodeDecodeError:
                return BAD_REQUEST

        return ask

    def _keep(self, reply: str) -> int:
        encoded = reply.encode()
        if len(encoded) > MAX_REPLY_BYTES:
            return REPLY_TOO_LARGE
        self._reply = encoded
        return len(encoded)

    def _read_reply(self, memory: "_MemoryView", pointer: int, capacity: int) -> int:
        part = self._reply[: capacity & 0xFFFFFFFF]
        memory.write(pointer, part)
        return len(part)

    def _log(self, memory: "_MemoryView", pointer: int, length: int) -> int:
        self.stderr += (memory.read(pointer, length) + b"\n")[: MAX_STDERR_BYTES - len(self.stderr)]
        return self._keep('{"ok":true}')

    def _fill_random(self, memory: "_MemoryView", pointer: int, length: int) -> int:
        """Bytes of SHAKE-256 over the host's seed."""
        start, self._random_offset = self._random_offset, self._random_offset + (length & 0xFFFFFFFF)
        memory.read(pointer, length)  # the range must be there before anything is made for it
        memory.write(pointer, hashlib.shake_256(self._host.seed()).digest(self._random_offset)[start:])
        return SUCCESS

    def _now_ns(self, clock: int) -> int:
        """The wall clock, or the time since the call began; both stand still but for waits, as on the platform."""
        now_ms = self._host.now_ms()
        return round((now_ms if clock == _REALTIME else now_ms - self._started_ms + 1) * 1000) * 1000

    def _write_time(self, memory: "_MemoryView", clock: int, _precision: int, out: int) -> int:
        if not 0 <= clock <= 3:
            return INVAL
        memory.write(out, struct.pack("<Q", self._now_ns(clock)))
        return SUCCESS

    def _poll(self, memory: "_MemoryView", subscriptions: int, events: int, count: int, out: int) -> int:
        """Waits for the earliest clock through the host's `sleep`; the streams are always ready."""
        if count <= 0:
            return INVAL
        asked = memory.read(subscriptions, count * _SUBSCRIPTION_BYTES)
        ready = [self._read_subscription(asked[at : at + 48]) for at in range(0, len(asked), _SUBSCRIPTION_BYTES)]
        shortest_ms = min(due_ms for _, _, due_ms in ready)
        if shortest_ms > 0:
            finish(self._host.answer("poll", json.dumps({"ms": shortest_ms})))
        due = [(userdata, kind) for userdata, kind, due_ms in ready if due_ms <= shortest_ms]
        written = b"".join(struct.pack("<QHB", userdata, 0, kind).ljust(_EVENT_BYTES, b"\0") for userdata, kind in due)
        memory.write(events, written)
        memory.write(out, struct.pack("<I", len(due)))
        return SUCCESS

    def _read_subscription(self, subscription: bytes) -> tuple[int, int, float]:
        """Userdata, kind of event, and milliseconds until it is due."""
        userdata, kind = struct.unpack_from("<QB", subscription)
        if kind != _CLOCK_EVENT:
            return userdata, kind, 0.0
        clock, timeout_ns, _precision, flags = struct.unpack_from("<I4xQQH", subscription, 16)
        left_ns = timeout_ns - self._now_ns(clock) if flags & _ABSOLUTE else timeout_ns
        return userdata, kind, max(0.0, left_ns / 1e6)


class _MemoryView:
    """The component's memory, by unsigned pointers. Raises IndexError outside it."""

    def __init__(self, caller: wasmtime.Caller) -> None:
        memory = caller["memory"]
        assert isinstance(memory, wasmtime.Memory)
        self._caller, self._memory = caller, memory

    def read(self, pointer: int, length: int) -> bytes:
        start, end = pointer & 0xFFFFFFFF, (pointer & 0xFFFFFFFF) + (length & 0xFFFFFFFF)
        if end > self._memory.data_len(self._caller):
            raise IndexError
        return bytes(self._memory.read(self._caller, start, end))

    def read_vectors(self, pointer: int, count: int) -> list[tuple[int, int]]:
        """WASI's iovec: pointer and length of each."""
        packed = self.read(pointer, (count & 0xFFFF) * 8)
        return list(struct.iter_unpack("<II", packed))

    def write(self, pointer: int, content: bytes) -> None:
        self._memory.write(self._caller, content, pointer & 0xFFFFFFFF)


def _define(
    linker: wasmtime.Linker, module: str, name: str, parameters: list[wasmtime.ValType], function: HostFunction
) -> None:
    """A pointer outside the component's memory is the component's mistake: it gets an errno, and the host goes on."""
    answer_to_bad_pointers = BAD_REQUEST if module == HOST_MODULE else FAULT

    def call(caller: wasmtime.Caller, *arguments: int) -> int:
        try:
            return function(_MemoryView(caller), *arguments)
        except IndexError:
            return answer_to_bad_pointers

    linker.define_func(module, name, wasmtime.FuncType(parameters, [_I32]), call, access_caller=True)


def finish(answer: Coroutine[Any, Any, str]) -> str:
    """What `answer` comes to. It must not wait: nothing but stubs and a clock that is set forward answers here."""
    try:
        answer.send(None)
    except StopIteration as finished:
        return str(finished.value)
    answer.close()
    raise RuntimeError("a host function waits, under a runner that cannot")
