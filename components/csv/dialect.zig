//! What the fields of both operations mean.

const std = @import("std");
const sdk = @import("sdk");
const Context = sdk.Context;
const Error = sdk.Error;
const Input = sdk.Input;

const Delimiter = union(enum) { sign: u8, auto };

/// Null if the input does not say it.
fn readDelimiter(input: Input) Error!?Delimiter {
    const given = try input.optionalText("delimiter") orelse return null;
    if (std.mem.eql(u8, given, "auto")) return .auto;
    if (std.mem.eql(u8, given, "\\t")) return .{ .sign = '\t' }; // a tab in YAML without quotes
    if (given.len == 1 and std.ascii.isAscii(given[0]) and std.mem.indexOfScalar(u8, "\"\r\n", given[0]) == null) {
        return .{ .sign = given[0] };
    }
    const wanted = "one ASCII character, such as \";\" or \"\\t\", but no quote or line break, or \"auto\"";
    return input.mistyped("delimiter", wanted, .{ .string = given });
}

/// The sign between two values of a text that is written.
pub fn delimiterToWrite(input: Input) Error!u8 {
    return switch (try readDelimiter(input) orelse Delimiter{ .sign = ',' }) {
        .sign => |sign| sign,
        .auto => input.mistyped("delimiter", "one ASCII character for `write`", .{ .string = "auto" }),
    };
}

pub const Start = struct { delimiter: u8, rest: []const u8 };

/// The sign between two values of a text that is read, and what is behind the mark and the line "sep=;" with which Excel
/// says it.
pub fn startOf(input: Input, source: []const u8) Error!Start {
    const mark = "\u{FEFF}";
    var rest = if (std.mem.startsWith(u8, source, mark)) source[mark.len..] else source;
    var told: ?u8 = null;
    if (rest.len > 5 and std.ascii.startsWithIgnoreCase(rest, "sep=") and (rest[5] == '\r' or rest[5] == '\n')) {
        told = rest[4];
        rest = rest[5..];
    }
    return .{ .rest = rest, .delimiter = switch (try readDelimiter(input) orelse Delimiter{ .sign = told orelse ',' }) {
        .sign => |sign| sign,
        .auto => told orelse guess(rest),
    } };
}

/// The one that the first line has most often, outside of quotes.
fn guess(source: []const u8) u8 {
    const known = ",;\t|";
    var counts: [known.len]usize = @splat(0);
    var is_quoted = false;
    var has_begun = false;
    for (source) |char| {
        if (char == '"') is_quoted = !is_quoted;
        if (is_quoted) continue;
        if (char == '\n' or char == '\r') {
            if (has_begun) break;
            continue;
        }
        has_begun = true;
        if (std.mem.indexOfScalar(u8, known, char)) |at| counts[at] += 1;
    }
    var best: usize = 0;
    for (counts, 0..) |count, at| if (count > counts[best]) {
        best = at;
    };
    return known[best];
}

/// The names of the columns; null if the config has none.
pub fn columnsOf(ctx: *Context, input: Input) Error!?[]const []const u8 {
    const given = try input.optionalList("columns") orelse return null;
    const names = try ctx.allocator.alloc([]const u8, given.len);
    for (given, names, 0..) |value, *name, i| {
        name.* = if (value == .string) value.string else return input.mistyped(try ctx.print("columns[{d}]", .{i}), "a text", value);
    }
    if (try findTwice(ctx, names)) |twice| return ctx.failInput("`columns` has `{s}` twice.", .{twice});
    return names;
}

/// A name that is there twice.
pub fn findTwice(ctx: *Context, names: []const []const u8) Error!?[]const u8 {
    const seen = try sdk.newObject(ctx.allocator);
    for (names) |name| {
        if (seen.get(name) != null) return name;
        try seen.put(ctx.allocator, name, .null);
    }
    return null;
}
