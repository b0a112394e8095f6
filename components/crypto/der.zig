//! DER (ITU-T X.690) as far as keys need it: elements one after the other, each with a definite length.

pub const Error = error{InvalidKey};

pub const Tag = enum(u8) {
    integer = 0x02,
    bit_string = 0x03,
    octet_string = 0x04,
    object_identifier = 0x06,
    sequence = 0x30,
    /// `[0]` and `[1]`, explicit.
    first = 0xa0,
    second = 0xa1,
    _,
};

pub const Element = struct { tag: Tag, content: []const u8 };

pub const Reader = struct {
    rest: []const u8,

    pub fn next(reader: *Reader) Error!Element {
        const source = reader.rest;
        if (source.len < 2) return error.InvalidKey;
        var start: usize = 2;
        var length: usize = source[1];
        if (length > 0x7f) {
            const count = length & 0x7f;
            if (count == 0 or count > 3 or source.len < start + count) return error.InvalidKey;
            length = 0;
            for (source[start..][0..count]) |byte| length = length << 8 | byte;
            start += count;
        }
        if (source.len - start < length) return error.InvalidKey;
        reader.rest = source[start + length ..];
        return .{ .tag = @fromBackingInt(@intCast(source[0])), .content = source[start..][0..length] };
    }

    pub fn expect(reader: *Reader, tag: Tag) Error![]const u8 {
        const element = try reader.next();
        return if (element.tag == tag) element.content else error.InvalidKey;
    }

    pub fn enter(reader: *Reader, tag: Tag) Error!Reader {
        return .{ .rest = try reader.expect(tag) };
    }

    /// A whole number that is not negative, without leading zeros.
    pub fn number(reader: *Reader) Error![]const u8 {
        var content = try reader.expect(.integer);
        while (content.len > 0 and content[0] == 0) content = content[1..];
        return content;
    }

    /// A bit string of whole bytes.
    pub fn bits(reader: *Reader) Error![]const u8 {
        const content = try reader.expect(.bit_string);
        return if (content.len > 0 and content[0] == 0) content[1..] else error.InvalidKey;
    }
};
