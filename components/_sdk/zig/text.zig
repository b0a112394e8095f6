//! Texts as code points. They are WTF-8 (see `Value.string`) and well-formed, because they come from the parser.

const std = @import("std");
const Allocator = std.mem.Allocator;
const case = @import("case.zig");
const tables = @import("unicode_tables.zig");

pub const upper = case.upper;
pub const lower = case.lower;
pub const capitalize = case.capitalize;

/// `nextCodepoint` gives numbers, `nextCodepointSlice` bytes; `i` is the offset of the next one.
pub fn codePoints(source: []const u8) std.unicode.Wtf8Iterator {
    return .{ .bytes = source, .i = 0 };
}

/// How many code points there are.
pub fn count(source: []const u8) usize {
    var total: usize = 0;
    for (source) |byte| total += @intFromBool(byte & 0xC0 != 0x80);
    return total;
}

/// The first `limit` code points.
pub fn prefix(source: []const u8, limit: usize) []const u8 {
    var seen: usize = 0;
    for (source, 0..) |byte, offset| {
        if (byte & 0xC0 == 0x80) continue;
        if (seen == limit) return source[0..offset];
        seen += 1;
    }
    return source;
}

pub fn append(target: *std.ArrayList(u8), allocator: Allocator, code_point: u21) Allocator.Error!void {
    var bytes: [4]u8 = undefined;
    const length = std.unicode.wtf8Encode(code_point, &bytes) catch unreachable;
    try target.appendSlice(allocator, bytes[0..length]);
}

/// White space as Python's str.isspace has it.
pub fn isSpace(code_point: u21) bool {
    return switch (code_point) {
        0x09...0x0D, 0x1C...0x20, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000 => true,
        else => false,
    };
}

pub fn trimStart(source: []const u8) []const u8 {
    var iterator = codePoints(source);
    while (true) {
        const offset = iterator.i;
        const code_point = iterator.nextCodepoint() orelse return "";
        if (!isSpace(code_point)) return source[offset..];
    }
}

pub fn trimEnd(source: []const u8) []const u8 {
    var end: usize = 0;
    var iterator = codePoints(source);
    while (iterator.nextCodepoint()) |code_point| {
        if (!isSpace(code_point)) end = iterator.i;
    }
    return source[0..end];
}

/// Whether it is UTF-8 proper, without a lone surrogate.
pub fn isUtf8(source: []const u8) bool {
    return std.unicode.utf8ValidateSlice(source);
}

/// A letter, a digit, or a mark that belongs to a letter.
pub fn isWord(code_point: u21) bool {
    return case.contains(&tables.word_bounds, code_point);
}

/// Append the ASCII letters that a lower-case Latin letter is commonly spelled with ("é" as "e", "ß" as "ss"); any
/// other code point as it is.
pub fn appendPlain(target: *std.ArrayList(u8), allocator: Allocator, code_point: u21) Allocator.Error!void {
    const at = std.sort.binarySearch(tables.Spelling, &tables.spellings, code_point, orderSpelling) orelse {
        return append(target, allocator, code_point);
    };
    const letters = &tables.spellings[at].to;
    try target.appendSlice(allocator, letters[0 .. std.mem.indexOfScalar(u8, letters, 0) orelse letters.len]);
}

fn orderSpelling(code_point: u21, spelling: tables.Spelling) std.math.Order {
    return std.math.order(code_point, spelling.from);
}
