//! Paths into values: `input.orders[0].name`, `item["first name"]`, `input.orders[-1]`.

const std = @import("std");
const json = @import("../json.zig");
const number = @import("../number.zig");
const Allocator = std.mem.Allocator;
const Value = json.Value;

pub const Path = struct {
    /// What it begins with: the name of a variable.
    root: []const u8,
    /// Names and positions, the latter as numbers.
    steps: []const Value,

    /// Null if the text is no path.
    pub fn parse(allocator: Allocator, text: []const u8) Allocator.Error!?Path {
        const root = scanName(text);
        if (root.len == 0) return null;
        var steps: std.ArrayList(Value) = .empty;
        var rest = text[root.len..];
        while (rest.len > 0) {
            if (rest[0] == '.') {
                const name = scanName(rest[1..]);
                if (name.len == 0) return null;
                try steps.append(allocator, .{ .string = name });
                rest = rest[1 + name.len ..];
            } else {
                const end = findBracket(rest) orelse return null;
                try steps.append(allocator, parseBracket(rest[1..end]) orelse return null);
                rest = rest[end + 1 ..];
            }
        }
        return .{ .root = root, .steps = steps.items };
    }

    /// Null where there is nothing.
    pub fn follow(path: Path, start: Value) Value {
        var found = start;
        for (path.steps) |step| switch (step) {
            .string => |name| found = found.get(name) orelse return .null,
            else => {
                const index = number.toInteger(step.number) orelse return .null;
                if (found != .array) return .null;
                const length: i64 = @intCast(found.array.len);
                const at = if (index < 0) index +| length else index;
                if (at < 0 or at >= length) return .null;
                found = found.array[@intCast(at)];
            },
        };
        return found;
    }
};

/// Any characters but those that end a name.
fn scanName(text: []const u8) []const u8 {
    return text[0 .. std.mem.indexOfAny(u8, text, ".[]\"' ") orelse text.len];
}

/// The `]` that closes, which may also stand in quotes before.
fn findBracket(text: []const u8) ?usize {
    if (text.len < 3 or text[0] != '[') return null;
    if (text[1] != '"') return std.mem.indexOfScalar(u8, text, ']');
    const quote = std.mem.indexOfPos(u8, text, 2, "\"]") orelse return null;
    return quote + 1;
}

fn parseBracket(text: []const u8) ?Value {
    if (text.len >= 2 and text[0] == '"') return .{ .string = text[1 .. text.len - 1] };
    for (text, 0..) |char, at| {
        if (!std.ascii.isDigit(char) and !(at == 0 and char == '-' and text.len > 1)) return null;
    }
    return if (text.len > 0) .{ .number = text } else null;
}

test "paths" {
    var arena = std.heap.ArenaAllocator.init(std.testing.allocator);
    defer arena.deinit();
    const path = (try Path.parse(arena.allocator(), "a.b[0][-1][\"c.]d\"].é")).?;
    try std.testing.expectEqualStrings("a", path.root);
    try std.testing.expectEqual(5, path.steps.len);
    try std.testing.expectEqualStrings("c.]d", path.steps[3].string);
    for ([_][]const u8{
        "", ".", "a.", "a..b", "a[", "a[]", "a[x]", "a[1", "a[\"b\"", "a b", "[0]", "a[--1]", "a[1.5]", "a]b",
    }) |text| try std.testing.expectEqual(null, try Path.parse(arena.allocator(), text));
}
