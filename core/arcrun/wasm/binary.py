"""The primitives of WebAssembly's binary format. Source: WebAssembly core specification 3.0, sections 5.1 to 5.5."""

from arcrun.errors import ComponentError

MAGIC = b"\x00asm\x01\x00\x00\x00"

CUSTOM, TYPE, IMPORT, FUNCTION, TABLE, MEMORY, GLOBAL = range(7)
EXPORT, START, ELEMENT, CODE, DATA, DATA_COUNT, TAG = range(7, 14)
# The order in which a module has its sections; custom sections stand anywhere.
SECTION_ORDER = (
    TYPE, IMPORT, FUNCTION, TABLE, MEMORY, TAG, GLOBAL, EXPORT, START, ELEMENT, DATA_COUNT, CODE, DATA,
)  # fmt: skip

IMPORTED_FUNCTION, IMPORTED_TABLE, IMPORTED_MEMORY, IMPORTED_GLOBAL, IMPORTED_TAG = range(5)
_HAS_MAXIMUM = 1


def invalid_module(reason: str) -> ComponentError:
    return ComponentError(
        f"This is not a WebAssembly module: {reason}.",
        code="INVALID_MODULE",
        next_actions=["Build the component for the target wasm32-wasi (preview1) and upload the .wasm file itself."],
    )


class Reader:
    """Reads [offset, end) of `data` in order. Every method raises ComponentError INVALID_MODULE."""

    def __init__(self, data: bytes, offset: int = 0, end: int | None = None) -> None:
        self.data, self.offset, self.end = data, offset, len(data) if end is None else end

    def byte(self) -> int:
        if self.offset >= self.end:
            raise invalid_module("it ends too early")
        self.offset += 1
        return self.data[self.offset - 1]

    def u32(self) -> int:
        """An unsigned LEB128 of at most 32 bits."""
        value = 0
        for shift in range(0, 35, 7):
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                if value >= 1 << 32:
                    break
                return value
        raise invalid_module("a number in it is longer than 32 bits")

    def take(self, count: int) -> bytes:
        if count > self.end - self.offset:
            raise invalid_module("it ends too early")
        self.offset += count
        return self.data[self.offset - count : self.offset]

    def name(self) -> str:
        try:
            return self.take(self.u32()).decode()
        except UnicodeDecodeError:
            raise invalid_module("a name in it is not UTF-8") from None

    def limits(self) -> tuple[int, int | None, int]:
        """The minimum, the maximum if there is one, and the flags."""
        flags = self.byte()
        minimum = self.u32()
        return minimum, self.u32() if flags & _HAS_MAXIMUM else None, flags

    def import_entry(self) -> tuple[str, str, int]:
        """Its module, its name and its kind; the type is read over."""
        module, name, kind = self.name(), self.name(), self.byte()
        if kind == IMPORTED_FUNCTION:
            self.u32()
        elif kind == IMPORTED_TABLE:
            self.byte()
            self.limits()
        elif kind == IMPORTED_MEMORY:
            self.limits()
        elif kind in (IMPORTED_GLOBAL, IMPORTED_TAG):
            self.take(2)
        else:
            raise invalid_module(f"it imports something of the unknown kind {kind}")
        return module, name, kind


def encode_u32(value: int) -> bytes:
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def encode_s64(value: int) -> bytes:
    """A signed LEB128."""
    encoded = bytearray()
    while not -0x40 <= value < 0x40:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value & 0x7F)
    return bytes(encoded)


def encode_name(name: str) -> bytes:
    return encode_u32(len(name.encode())) + name.encode()


def encode_section(section: int, body: bytes) -> bytes:
    return bytes([section]) + encode_u32(len(body)) + body
