"""A component's memory under wasmtime. Pointers and lengths are i32 that stand for unsigned integers."""

import struct

import wasmtime

_U32 = 0xFFFFFFFF


class BadPointerError(Exception):
    """A range is outside the memory, or there is no memory yet."""


class ComponentMemory:
    """`memory` is None until the instance exists; `caller` is the running host function's."""

    memory: wasmtime.Memory | None = None
    caller: wasmtime.Caller

    def require(self, pointer: int, length: int) -> wasmtime.Memory:
        """The memory. Raises BadPointerError unless it contains [pointer, pointer + length)."""
        if self.memory is None or (pointer & _U32) + (length & _U32) > self.memory.data_len(self.caller):
            raise BadPointerError
        return self.memory

    def read(self, pointer: int, length: int) -> bytes:
        memory, start = self.require(pointer, length), pointer & _U32
        return bytes(memory.read(self.caller, start, start + length))

    def write(self, pointer: int, content: bytes) -> None:
        self.require(pointer, len(content)).write(self.caller, content, pointer & _U32)

    def write_u32(self, pointer: int, value: int) -> None:
        self.write(pointer, struct.pack("<I", value))
