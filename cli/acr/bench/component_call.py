"""The host side of one component call under wasmtime, in Python.

The streams are bytes. Randomness, time and waiting come from the host's ports, so that a call is reproducible.
It answers and charges like the platform's component_host.mjs. wasmtime's own WASI is not used.
"""

import json
import struct
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import wasmtime
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms

from acr.bench.component_memory import BadPointerError, ComponentMemory
from arcrun.limits import (
    MAX_REPLY_BYTES,
    MAX_REQUEST_BYTES,
    MAX_STDERR_BYTES,
    MAX_STDOUT_BYTES,
    MAX_SUBSCRIPTIONS,
    MAX_VECTORS,
)
from arcrun.wasm import host_functions as costs
from arcrun.wasm.abi import ExitKind, HostFunctions
from arcrun.wasm.host_functions import HOST_FUNCTIONS, HOST_MODULE, REQUEST_TOO_LARGE, WASI_FUNCTIONS, WASI_MODULE

# WASI's errno
SUCCESS, BADF, FAULT, INVAL, NOSYS, NOTDIR, NOTSOCK, SPIPE = 0, 8, 21, 28, 52, 54, 57, 70
STDIN, STDOUT, STDERR = range(3)
BAD_REQUEST, REPLY_TOO_LARGE = -1, -2
PROGRAM_NAME = b"component\0"  # argv[0]
USED_UP = "its execution budget is used up"
_REALTIME, _LAST_CLOCK = 0, 3
_CLOCK_EVENT, _LAST_EVENT, _ABSOLUTE = 0, 2, 1
_CHARACTER_DEVICE = 2
_RIGHTS = 0x42  # fd_read, fd_write
_RESOLUTION_NS = 1_000_000
_SUBSCRIPTION_BYTES, _EVENT_BYTES = 48, 32
_U32 = 0xFFFFFFFF
_LOGGED = b'{"ok":true}'

# The errno of each function if its first argument is an open descriptor; otherwise it is BADF.
_OF_STREAMS: Mapping[str, int] = {
    "fd_advise": SPIPE,
    "fd_allocate": INVAL,
    "fd_datasync": INVAL,
    "fd_fdstat_set_flags": SUCCESS,
    "fd_fdstat_set_rights": SUCCESS,
    "fd_filestat_set_size": INVAL,
    "fd_filestat_set_times": INVAL,
    "fd_pread": SPIPE,
    "fd_pwrite": SPIPE,
    "fd_readdir": NOTDIR,
    "fd_seek": SPIPE,
    "fd_sync": INVAL,
    "fd_tell": SPIPE,
    "path_create_directory": NOTDIR,
    "path_filestat_get": NOTDIR,
    "path_filestat_set_times": NOTDIR,
    "path_link": NOTDIR,
    "path_open": NOTDIR,
    "path_readlink": NOTDIR,
    "path_remove_directory": NOTDIR,
    "path_rename": NOTDIR,
    "path_unlink_file": NOTDIR,
    "sock_accept": NOTSOCK,
    "sock_recv": NOTSOCK,
    "sock_send": NOTSOCK,
    "sock_shutdown": NOTSOCK,
}
_ALWAYS: Mapping[str, int] = {
    "environ_get": SUCCESS,
    "fd_prestat_dir_name": BADF,  # there are no preopened directories
    "fd_prestat_get": BADF,
    "proc_raise": NOSYS,
    "sched_yield": SUCCESS,
}

HostFunction = Callable[..., int]


class CallEndedError(Exception):
    """Ends an instance from inside a host function. The component cannot catch it."""

    def __init__(self, kind: ExitKind, exit_code: int = -1, message: str = "") -> None:
        super().__init__(message)
        self.kind, self.exit_code, self.message = kind, exit_code, message


class WasmtimeCall:
    """The state of one call. `stdout` and `stderr` grow while it runs."""

    def __init__(self, stdin: bytes, host: HostFunctions) -> None:
        self.stdout, self.stderr = bytearray(), bytearray()
        self._stdin, self._host, self._reply = memoryview(stdin), host, b""
        self._started_ms = host.now_ms()
        self._streams = {STDIN: STDIN, STDOUT: STDOUT, STDERR: STDERR}  # the open ones, by descriptor
        self._random = Cipher(algorithms.ChaCha20(host.seed(), bytes(16)), mode=None).encryptor()
        self._memory = ComponentMemory()
        self._fuel: wasmtime.Global | None = None

    def define_on(self, linker: wasmtime.Linker) -> None:
        """Define everything that a component may import: all of WASI preview1, and the `arcrun` functions."""
        wasi = self._wasi_functions()
        for name, parameters in WASI_FUNCTIONS.items():
            self._define(linker, WASI_MODULE, name, parameters, wasi[name])
        own: dict[str, HostFunction] = {"log": self._log, "read_reply": self._read_reply}
        for name, lent in HOST_FUNCTIONS.items():
            answer = self._asking(name) if lent.asks else own[name]
            self._define(linker, HOST_MODULE, name, lent.parameters, answer)

    def begin(self, memory: wasmtime.Memory, fuel: wasmtime.Global | None) -> None:
        """Attach the new instance's memory and, for a metered module, the global with its fuel."""
        self._memory.memory, self._fuel = memory, fuel

    def _define(self, linker: wasmtime.Linker, module: str, name: str, parameters: str, function: HostFunction) -> None:
        """Define one function. For a pointer outside the memory the component gets an errno, and continues."""
        answer_to_bad_pointers = BAD_REQUEST if module == HOST_MODULE else FAULT

        def call(caller: wasmtime.Caller, *arguments: int) -> int:
            self._memory.caller = caller
            self._pay(costs.CALL_COST)
            try:
                return function(*arguments)
            except BadPointerError:
                return answer_to_bad_pointers

        types = [getattr(wasmtime.ValType, kind)() for kind in parameters.split()]
        results = [] if name == "proc_exit" else [wasmtime.ValType.i32()]
        linker.define_func(module, name, wasmtime.FuncType(types, results), call, access_caller=True)

    def _pay(self, units: int) -> None:
        """Charge `units` of fuel before the work is done. If there is too little, the fuel becomes -1.

        Raises CallEndedError FUEL_EXHAUSTED.
        """
        if self._fuel is None:
            return
        held = int(self._fuel.value(self._memory.caller))
        self._fuel.set_value(self._memory.caller, held - units if held >= units else min(held, -1))
        if held < units:
            raise CallEndedError(ExitKind.FUEL_EXHAUSTED, message=USED_UP)

    def _pay_for_copy(self, length: int) -> None:
        self._pay(-(-length // costs.COPIED_BYTES_PER_UNIT))

    def _wasi_functions(self) -> dict[str, HostFunction]:
        return {
            **{name: lambda *_, answer=answer: answer for name, answer in _ALWAYS.items()},
            **{name: self._of_stream(answer) for name, answer in _OF_STREAMS.items()},
            "args_get": self._write_arguments,
            "args_sizes_get": lambda count, size: self._write_sizes(count, size, 1, len(PROGRAM_NAME)),
            "clock_res_get": lambda clock, out: self._write_time(clock, out, _RESOLUTION_NS),
            "clock_time_get": lambda clock, _precision, out: self._write_time(clock, out, self._now_ns(clock)),
            "environ_sizes_get": lambda count, size: self._write_sizes(count, size, 0, 0),
            "fd_close": self._close,
            "fd_fdstat_get": self._write_fdstat,
            "fd_filestat_get": self._write_filestat,
            "fd_read": self._read,
            "fd_renumber": self._renumber,
            "fd_write": self._write,
            "path_symlink": lambda _target, _length, descriptor, *_: NOTDIR if descriptor in self._streams else BADF,
            "poll_oneoff": self._poll,
            "proc_exit": self._exit,
            "random_get": self._fill_random,
        }

    def _of_stream(self, answer: int) -> HostFunction:
        return lambda descriptor, *_: answer if descriptor in self._streams else BADF

    def _exit(self, code: int) -> int:
        raise CallEndedError(ExitKind.EXITED, code)

    def _close(self, descriptor: int) -> int:
        return BADF if self._streams.pop(descriptor, None) is None else SUCCESS

    def _renumber(self, source: int, target: int) -> int:
        """Make `target` refer to `source`'s stream, and close `source`."""
        if source not in self._streams or target not in self._streams:
            return BADF
        self._streams[target] = self._streams.pop(source)
        return SUCCESS

    def _read_vectors(self, pointer: int, count: int) -> list[tuple[int, int]] | None:
        """Pointers and lengths of WASI's iovecs, all within the memory; None means INVAL."""
        count &= _U32
        if count > MAX_VECTORS:
            return None
        self._memory.require(pointer, 8 * count)
        self._pay(count * costs.VECTOR_COST)
        vectors = list(struct.iter_unpack("<II", self._memory.read(pointer, 8 * count)))
        for vector in vectors:
            self._memory.require(*vector)
        return None if sum(length for _, length in vectors) > _U32 else vectors

    def _read(self, descriptor: int, pointer: int, count: int, out: int) -> int:
        if self._streams.get(descriptor) != STDIN:
            return BADF
        vectors = self._read_vectors(pointer, count)
        if vectors is None:
            return INVAL
        self._memory.require(out, 4)
        total = min(sum(length for _, length in vectors), len(self._stdin))
        self._pay_for_copy(total)
        for at, length in vectors:
            part, self._stdin = self._stdin[:length], self._stdin[length:]
            self._memory.write(at, bytes(part))
        self._memory.write_u32(out, total)
        return SUCCESS

    def _write(self, descriptor: int, pointer: int, count: int, out: int) -> int:
        stream = self._streams.get(descriptor)
        if stream not in (STDOUT, STDERR):
            return BADF
        vectors = self._read_vectors(pointer, count)
        if vectors is None:
            return INVAL
        self._memory.require(out, 4)
        total = sum(length for _, length in vectors)
        if stream == STDERR:
            for vector in vectors:
                self._write_log(*vector)
        elif total > MAX_STDOUT_BYTES - len(self.stdout):
            raise CallEndedError(ExitKind.STDOUT_LIMIT)
        else:
            self._pay(total * costs.PRINTED_BYTE_COST)
            self.stdout += b"".join(self._memory.read(*vector) for vector in vectors)
        self._memory.write_u32(out, total)
        return SUCCESS

    def _write_log(self, pointer: int, length: int) -> None:
        kept = min(length, MAX_STDERR_BYTES - len(self.stderr))
        self._pay(kept * costs.PRINTED_BYTE_COST)
        self.stderr += self._memory.read(pointer, kept)

    def _log(self, pointer: int, length: int) -> int:
        """Append a message to the component's log: one line on stderr."""
        self._memory.require(pointer, length)
        self._write_log(pointer, length & _U32)
        self.stderr += b"\n"[: MAX_STDERR_BYTES - len(self.stderr)]
        return self._keep(_LOGGED)

    def _asking(self, name: str) -> HostFunction:
        def ask(pointer: int, length: int) -> int:
            self._memory.require(pointer, length)
            length &= _U32
            if length > MAX_REQUEST_BYTES:
                return self._keep(REQUEST_TOO_LARGE.encode())
            self._pay(costs.ASK_COST + length * costs.REQUEST_BYTE_COST)
            try:
                request = self._memory.read(pointer, length).decode()
            except UnicodeDecodeError:
                return BAD_REQUEST
            reply = finish(self._host.answer(name, request)).encode()
            if len(reply) > MAX_REPLY_BYTES:
                return REPLY_TOO_LARGE
            self._pay(len(reply) * costs.REPLY_BYTE_COST)
            return self._keep(reply)

        return ask

    def _keep(self, reply: bytes) -> int:
        self._reply = reply
        return len(reply)

    def _read_reply(self, pointer: int, capacity: int) -> int:
        part = self._reply[: capacity & _U32]
        self._memory.require(pointer, len(part))
        self._pay_for_copy(len(part))
        self._memory.write(pointer, part)
        return len(part)

    def _fill_random(self, pointer: int, length: int) -> int:
        """Write the ChaCha20 key stream (RFC 8439, nonce 0) for the host's seed."""
        self._memory.require(pointer, length)
        length &= _U32
        self._pay(length * costs.RANDOM_BYTE_COST)
        self._memory.write(pointer, self._random.update(bytes(length)))
        return SUCCESS

    def _write_arguments(self, out: int, buffer: int) -> int:
        """Write argv: only the program's name."""
        self._memory.require(out, 4)
        self._memory.require(buffer, len(PROGRAM_NAME))
        self._memory.write(buffer, PROGRAM_NAME)
        self._memory.write_u32(out, buffer & _U32)
        return SUCCESS

    def _write_sizes(self, out_count: int, out_size: int, count: int, size: int) -> int:
        self._memory.require(out_count, 4)
        self._memory.require(out_size, 4)
        self._memory.write_u32(out_count, count)
        self._memory.write_u32(out_size, size)
        return SUCCESS

    def _write_fdstat(self, descriptor: int, out: int) -> int:
        if descriptor not in self._streams:
            return BADF
        self._memory.write(out, struct.pack("<B7xQQ", _CHARACTER_DEVICE, _RIGHTS, 0))
        return SUCCESS

    def _write_filestat(self, descriptor: int, out: int) -> int:
        if descriptor not in self._streams:
            return BADF
        self._memory.write(out, struct.pack("<16xB47x", _CHARACTER_DEVICE))
        return SUCCESS

    def _now_ns(self, clock: int) -> int:
        """The wall clock, or the time since the call began. Both advance only with waits, as on the platform."""
        now_ms = self._host.now_ms()
        return round((now_ms if clock == _REALTIME else now_ms - self._started_ms + 1) * 1000) * 1000

    def _write_time(self, clock: int, out: int, nanoseconds: int) -> int:
        if clock & _U32 > _LAST_CLOCK:
            return INVAL
        self._memory.write(out, struct.pack("<Q", nanoseconds))
        return SUCCESS

    def _poll(self, subscriptions: int, events: int, count: int, out: int) -> int:
        """Wait for the earliest clock through the host's `sleep`; the streams are always ready."""
        count &= _U32
        if not 0 < count <= MAX_SUBSCRIPTIONS:
            return INVAL
        for pointer, size in ((subscriptions, count * _SUBSCRIPTION_BYTES), (events, count * _EVENT_BYTES), (out, 4)):
            self._memory.require(pointer, size)
        self._pay(count * costs.SUBSCRIPTION_COST)
        asked = self._memory.read(subscriptions, count * _SUBSCRIPTION_BYTES)
        waiting = [self._read_subscription(asked[at : at + 48]) for at in range(0, len(asked), _SUBSCRIPTION_BYTES)]
        if any(kind > _LAST_EVENT for _, _, kind, _ in waiting):
            return INVAL
        shortest_ms = min(due_ms for *_, due_ms in waiting)
        if shortest_ms > 0:
            self._pay(costs.ASK_COST)
            finish(self._host.answer("poll", json.dumps({"ms": shortest_ms})))
        due = [event[:3] for event in waiting if event[3] <= shortest_ms]
        self._memory.write(events, b"".join(struct.pack("<QHB21x", *event) for event in due))
        self._memory.write_u32(out, len(due))
        return SUCCESS

    def _read_subscription(self, subscription: bytes) -> tuple[int, int, int, float]:
        """Userdata, errno, event type, and milliseconds until the event is due."""
        userdata, kind = struct.unpack_from("<QB", subscription)
        subject, timeout_ns, _precision, flags = struct.unpack_from("<I4xQQH", subscription, 16)
        if kind != _CLOCK_EVENT:
            return userdata, SUCCESS if subject in self._streams else BADF, kind, 0.0
        if subject > _LAST_CLOCK:
            return userdata, INVAL, kind, 0.0
        left_ns = timeout_ns - self._now_ns(subject) if flags & _ABSOLUTE else timeout_ns
        return userdata, SUCCESS, kind, max(0.0, left_ns / 1e6)


def finish(answer: Coroutine[Any, Any, str]) -> str:
    """The result of `answer`, which must not wait: only stubs and a simulated clock answer here.

    Raises RuntimeError if it waits.
    """
    try:
        answer.send(None)
    except StopIteration as finished:
        return str(finished.value)
    answer.close()
    raise RuntimeError("a host function waits, which this runner does not support")
