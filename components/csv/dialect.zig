//! What the fields of both operations mean.

const std = @import("std");
const sdk = @import("sdk");
const Context = sdk.Context;
const Error = sdk.Error;
const Input = sdk.Input;

/// The sign between two values.
pub fn delimiterOf(input: Input) Error!u8 {
    const given = try input.optionalText("delimiter") orelse return ',';
    if (given.len == 1 and std.mem.indexOfScalar(u8, "\"\r\n", given[0]) == null) return given[0];
    return input.mistyped("delimiter", "one ASCII character, such as \";\" or a tab, but no quote or line break", .{ .string = given });
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
