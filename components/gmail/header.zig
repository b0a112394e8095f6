//! The lines of a message's header (RFC 5322, section 2.2), with other than ASCII as encoded words (RFC 2047).

const std = @import("std");
const sdk = @import("sdk");
const Context = sdk.Context;
const Error = sdk.Error;

const max_line = 76;
/// 52 characters of base64 and 12 around them, and room for the longest field's name before it.
const max_word_bytes = 39;

/// Refuses what could end a line, and what is no character. `place` is the field of the input.
pub fn validate(ctx: *Context, place: []const u8, value: []const u8) Error!void {
    for (value) |byte| {
        if (!std.ascii.isControl(byte)) continue;
        return ctx.failInput("`{s}` must not hold line breaks or other control characters.", .{place});
    }
    if (!sdk.text.isUtf8(value)) return ctx.failInput("`{s}` must not hold lone surrogates.", .{place});
}

/// Whether a text needs no encoding: printable ASCII that a reader takes for what it is.
pub fn isPlain(value: []const u8) bool {
    for (value) |byte| {
        if (byte < ' ' or byte > '~') return false;
    }
    return std.mem.indexOf(u8, value, "=?") == null and std.mem.trim(u8, value, " ").len == value.len;
}

pub const Writer = struct {
    ctx: *Context,
    out: *std.ArrayList(u8),
    column: usize = 0,

    /// `Name:`, after which each `add` brings its own space.
    pub fn begin(writer: *Writer, name: []const u8) Error!void {
        try writer.append(name);
        try writer.append(":");
    }

    /// A part that must not be broken, on a line of its own if it no longer fits.
    pub fn add(writer: *Writer, part: []const u8) Error!void {
        if (writer.column + 1 + part.len > max_line and writer.column > 0) try writer.end();
        try writer.append(" ");
        try writer.append(part);
    }

    /// A comma or semicolon right after what was added.
    pub fn append(writer: *Writer, text: []const u8) Error!void {
        try writer.out.appendSlice(writer.ctx.allocator, text);
        writer.column += text.len;
    }

    /// A text, plain if it can be.
    pub fn addText(writer: *Writer, value: []const u8) Error!void {
        if (isPlain(value) and writer.column + 1 + value.len <= max_line) return writer.add(value);
        try writer.addEncoded(value);
    }

    pub fn addEncoded(writer: *Writer, value: []const u8) Error!void {
        var rest = value;
        while (rest.len > 0) {
            const length = wordLength(rest);
            const encoded = try sdk.base64.encode(writer.ctx.allocator, rest[0..length]);
            try writer.add(try writer.ctx.print("=?UTF-8?B?{s}?=", .{encoded}));
            rest = rest[length..];
        }
    }

    /// Ends the line: what is added next continues it (folding), what begins next is another field.
    pub fn end(writer: *Writer) Error!void {
        try writer.append("\r\n");
        writer.column = 0;
    }
};

/// As many bytes as an encoded word holds, up to the end of a code point.
fn wordLength(text: []const u8) usize {
    if (text.len <= max_word_bytes) return text.len;
    var length: usize = max_word_bytes;
    while (text[length] & 0xC0 == 0x80) length -= 1;
    return length;
}
