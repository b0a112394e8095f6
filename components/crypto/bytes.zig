//! Bytes as texts: how a field's text stands for them, and how they are written.

const std = @import("std");
const sdk = @import("sdk");
const Error = sdk.Error;
const Input = sdk.Input;

pub const Encoding = enum { text, hex, base64, base64url };

pub fn encodingOf(input: Input, name: []const u8, default: Encoding) Error!Encoding {
    return try input.optionalChoice(Encoding, name) orelse default;
}

/// The bytes for which the field `name` stands; the field `encoding_name` says how.
pub fn read(input: Input, name: []const u8, encoding_name: []const u8) Error![]const u8 {
    return decode(input, name, try encodingOf(input, encoding_name, .text));
}

fn decode(input: Input, name: []const u8, encoding: Encoding) Error![]const u8 {
    return decodeGiven(input, name, try input.text(name), encoding);
}

/// The same of what the field `name` has been found to hold.
pub fn decodeGiven(input: Input, name: []const u8, text: []const u8, encoding: Encoding) Error![]const u8 {
    return try decodeText(input, text, encoding) orelse
        input.ctx.failInput("`{s}` must be {s}.", .{ name, wanted(encoding) });
}

/// The same for a field whose value no message may show.
pub fn readSecret(input: Input, name: []const u8, encoding_name: []const u8) Error![]const u8 {
    const found = input.optionalValue(name) orelse return input.missing(name, "a text");
    const encoding = try encodingOf(input, encoding_name, .text);
    const secret = if (found == .string) try decodeText(input, found.string, encoding) else null;
    if (secret) |present| {
        if (present.len > 0) return present;
    }
    return input.ctx.failInput("`{s}` must be {s} that is not empty.", .{ name, wanted(encoding) });
}

fn decodeText(input: Input, text: []const u8, encoding: Encoding) Error!?[]const u8 {
    return switch (encoding) {
        .text => if (sdk.text.isUtf8(text)) text else null,
        .hex => decodeHex(input, text),
        .base64, .base64url => sdk.base64.decode(input.ctx.allocator, text),
    };
}

fn decodeHex(input: Input, text: []const u8) Error!?[]const u8 {
    const decoded = try input.ctx.allocator.alloc(u8, text.len / 2);
    return std.fmt.hexToBytes(decoded, text) catch null;
}

fn wanted(encoding: Encoding) []const u8 {
    return switch (encoding) {
        .text => "a text without lone surrogates",
        .hex => "a text of hexadecimal digits, two a byte",
        .base64, .base64url => "a base64 text",
    };
}

/// Bytes in the encoding that the field `encoding` names.
pub fn encode(input: Input, source: []const u8, default: Encoding) Error![]const u8 {
    return encodeAs(input.ctx.allocator, source, switch (try encodingOf(input, "encoding", default)) {
        .text => return input.mistyped("encoding", "one of hex, base64, base64url", .{ .string = "text" }),
        else => |encoding| encoding,
    });
}

pub fn encodeAs(allocator: std.mem.Allocator, source: []const u8, encoding: Encoding) Error![]const u8 {
    if (encoding == .base64) return sdk.base64.encode(allocator, source);
    if (encoding == .base64url) {
        const encoder = std.base64.url_safe_no_pad.Encoder;
        return encoder.encode(try allocator.alloc(u8, encoder.calcSize(source.len)), source);
    }
    const encoded = try allocator.alloc(u8, source.len * 2);
    for (source, 0..) |byte, i| {
        encoded[2 * i] = "0123456789abcdef"[byte >> 4];
        encoded[2 * i + 1] = "0123456789abcdef"[byte & 15];
    }
    return encoded;
}

/// Takes as long whatever the first byte is that differs.
pub fn isEqual(a: []const u8, b: []const u8) bool {
    if (a.len != b.len) return false;
    var difference: u8 = 0;
    for (a, b) |left, right| difference |= left ^ right;
    return difference == 0;
}
