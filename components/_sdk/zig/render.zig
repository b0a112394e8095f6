//! Value -> JSON text.

const std = @import("std");
const Allocator = std.mem.Allocator;
const Value = @import("json.zig").Value;

/// Compact JSON, in UTF-8 whatever the strings hold: lone surrogates come out as escapes.
pub fn render(allocator: Allocator, value: Value) Allocator.Error![]const u8 {
    var out: std.ArrayList(u8) = .empty;
    try append(&out, allocator, value);
    return out.items;
}

fn append(out: *std.ArrayList(u8), allocator: Allocator, value: Value) Allocator.Error!void {
    switch (value) {
        .null => try out.appendSlice(allocator, "null"),
        .boolean => |flag| try out.appendSlice(allocator, if (flag) "true" else "false"),
        .number => |lexeme| try out.appendSlice(allocator, lexeme),
        .string => |text| try appendString(out, allocator, text),
        .array => |items| {
            try out.append(allocator, '[');
            for (items, 0..) |item, i| {
                if (i > 0) try out.append(allocator, ',');
                try append(out, allocator, item);
            }
            try out.append(allocator, ']');
        },
        .object => |object| {
            try out.append(allocator, '{');
            for (object.members(), 0..) |member, i| {
                if (i > 0) try out.append(allocator, ',');
                try appendString(out, allocator, member.name);
                try out.append(allocator, ':');
                try append(out, allocator, member.value);
            }
            try out.append(allocator, '}');
        },
    }
}

fn appendString(out: *std.ArrayList(u8), allocator: Allocator, text: []const u8) Allocator.Error!void {
    try out.append(allocator, '"');
    var copied: usize = 0;
    var at: usize = 0;
    while (at < text.len) {
        const length = escapedLength(text[at..]);
        if (length == 0) {
            at += 1;
            continue;
        }
        try out.appendSlice(allocator, text[copied..at]);
        try appendEscape(out, allocator, text[at..][0..length]);
        at += length;
        copied = at;
    }
    try out.appendSlice(allocator, text[copied..]);
    try out.append(allocator, '"');
}

/// How many bytes at the start of `text` must be written as an escape: 0, 1, or the 3 of a surrogate.
fn escapedLength(text: []const u8) usize {
    return switch (text[0]) {
        0...0x1F, '"', '\\' => 1,
        0xED => if (text[1] >= 0xA0) 3 else 0,
        else => 0,
    };
}

fn appendEscape(out: *std.ArrayList(u8), allocator: Allocator, bytes: []const u8) Allocator.Error!void {
    switch (bytes[0]) {
        '"' => try out.appendSlice(allocator, "\\\""),
        '\\' => try out.appendSlice(allocator, "\\\\"),
        '\n' => try out.appendSlice(allocator, "\\n"),
        '\r' => try out.appendSlice(allocator, "\\r"),
        '\t' => try out.appendSlice(allocator, "\\t"),
        0xED => try appendUnit(out, allocator, 0xD000 | (@as(u16, bytes[1] & 0x3F) << 6) | (bytes[2] & 0x3F)),
        else => try appendUnit(out, allocator, bytes[0]),
    }
}

fn appendUnit(out: *std.ArrayList(u8), allocator: Allocator, unit: u16) Allocator.Error!void {
    const hex = std.fmt.bytesToHex(std.mem.toBytes(std.mem.nativeToBig(u16, unit)), .lower);
    try out.appendSlice(allocator, "\\u");
    try out.appendSlice(allocator, &hex);
}

test "strings" {
    var arena = std.heap.ArenaAllocator.init(std.testing.allocator);
    defer arena.deinit();
    const cases = [_][2][]const u8{
        .{ "a\"b\\c/d", "\"a\\\"b\\\\c/d\"" },
        .{ "\x00\x1f\n\x7f", "\"\\u0000\\u001f\\n\x7f\"" },
        .{ "é漢😀", "\"é漢😀\"" },
        .{ "\xED\xA0\x80x\xED\x9F\xBF", "\"\\ud800x\u{D7FF}\"" },
    };
    for (cases) |case| {
        try std.testing.expectEqualStrings(case[1], try render(arena.allocator(), .{ .string = case[0] }));
    }
}
