//! Where a value lies within another: `a.b[0]["any name"]`, the paths that templates have.

const std = @import("std");
const sdk = @import("sdk.zig");
const Allocator = std.mem.Allocator;
const Value = sdk.Value;

/// What a step names in an object, or, if it is made of digits, in a list.
pub const Path = []const []const u8;

/// Which characters a name may have outside of quotes.
pub const Names = enum {
    /// Letters, digits, `_` and `-`: what a path within a longer text has.
    words,
    /// All but `.`, `[` and `]`.
    any,
};

/// A text that is a path; null if it is none.
pub fn parse(allocator: Allocator, text: []const u8) Allocator.Error!?Path {
    var at: usize = 0;
    const path = try read(allocator, text, &at, .any);
    return if (at == text.len) path else null;
}

/// The path that begins at `at.*`, which is moved behind it. Null if there is none; then `at.*` is where it fails.
pub fn read(allocator: Allocator, text: []const u8, at: *usize, names: Names) Allocator.Error!?Path {
    var steps: std.ArrayList([]const u8) = .empty;
    while (at.* < text.len) {
        const step = if (text[at.*] == '[') readBracket(text, at) orelse return null else blk: {
            if (steps.items.len > 0) {
                if (text[at.*] != '.') break;
                at.* += 1;
            }
            break :blk readName(text, at, names) orelse if (steps.items.len > 0) return null else break;
        };
        try steps.append(allocator, step);
    }
    return if (steps.items.len > 0) steps.items else null;
}

fn readName(text: []const u8, at: *usize, names: Names) ?[]const u8 {
    const start = at.*;
    var code_points = sdk.text.codePoints(text);
    code_points.i = start;
    while (code_points.nextCodepoint()) |code_point| {
        const belongs = switch (names) {
            .words => isNameCharacter(code_point),
            .any => code_point != '.' and code_point != '[' and code_point != ']',
        };
        if (!belongs) break;
        at.* = code_points.i;
    }
    return if (at.* > start) text[start..at.*] else null;
}

pub fn isNameCharacter(code_point: u21) bool {
    return code_point == '_' or code_point == '-' or sdk.text.isWord(code_point);
}

/// `[0]`, `["any name"]` or `['any name']`.
fn readBracket(text: []const u8, at: *usize) ?[]const u8 {
    at.* += 1;
    const quote = if (at.* < text.len) text[at.*] else return null;
    const quoted = quote == '"' or quote == '\'';
    at.* += @intFromBool(quoted);
    const start = at.*;
    while (at.* < text.len and (if (quoted) text[at.*] != quote else std.ascii.isDigit(text[at.*]))) at.* += 1;
    const step = text[start..at.*];
    if (!quoted and step.len == 0) return null;
    if (quoted and !take(text, at, quote)) return null;
    return if (take(text, at, ']')) step else null;
}

fn take(text: []const u8, at: *usize, wanted: u8) bool {
    if (at.* == text.len or text[at.*] != wanted) return false;
    at.* += 1;
    return true;
}

/// Null if there is nothing.
pub fn follow(root: Value, path: Path) ?Value {
    var value = root;
    for (path) |step| {
        value = switch (value) {
            .object => |object| object.get(step) orelse return null,
            .array => |items| items[position(step, items.len) orelse return null],
            else => return null,
        };
    }
    return value;
}

/// The element of a list of `count` that a step names.
pub fn position(step: []const u8, count: usize) ?usize {
    if (step.len == 0) return null;
    var at: usize = 0;
    for (step) |char| {
        if (!std.ascii.isDigit(char)) return null;
        at = at *| 10 +| (char - '0');
    }
    return if (at < count) at else null;
}
