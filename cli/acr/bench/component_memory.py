"""A component's memory under wasmtime, by pointers and lengths as WebAssembly gives them: signed, meant unsigned."""

import struct

import wasmtime

_U32 = 0xFFFFFFFF


class BadPointerError(Exception):
    """A range that is not, or not yet, in the memory."""


class ComponentMemory:
    """`memory` is None until the instance is there; `caller` is that of the host function that runs."""

    memory: wasmtime.Memory | None = None
    caller: wasmtime.Caller

    def require(self, pointer: int, length: int) -> wasmtime.Memory:
        """The memory, which has [pointer, pointer + length). Raises BadPointerError."""
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
