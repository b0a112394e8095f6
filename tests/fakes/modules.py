"""Real WebAssembly modules, made from text."""

import wasmtime

from arcrun.wasm.binary import MAGIC

COMMAND = '(memory (export "memory") 1) (func (export "_start"))'


def build_module(fields: str = COMMAND) -> bytes:
    """The binary of `(module FIELDS)`."""
    return bytes(wasmtime.wat2wasm(f"(module {fields})"))


def pad_module(binary: bytes, size: int) -> bytes:
    """`binary` with a custom section of `size` zeros, which changes nothing but its length."""
    return binary + build_section(0, b"\x01p" + bytes(size))


def build_section(section_id: int, body: bytes) -> bytes:
    return bytes([section_id]) + encode_u32(len(body)) + body


def encode_u32(value: int) -> bytes:
    """The shortest LEB128 of a number."""
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + encode_u32(rest) if rest else bytes([low])


def join_sections(*sections: bytes) -> bytes:
    return MAGIC + b"".join(sections)
