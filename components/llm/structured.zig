//! An answer that is to fit a schema: the JSON in it, checked as validate_json checks.

const std = @import("std");
const sdk = @import("sdk");
const Reply = @import("verdict.zig").Reply;
const Context = sdk.Context;
const Error = sdk.Error;
const Value = sdk.Value;

const max_reasons = 20;

/// `reasons` say why it is not: [{"path", "message"}].
pub const Reading = union(enum) { json: Value, reasons: []const Value };

pub fn read(ctx: *Context, schema: sdk.schema.Schema, reply: Reply) Error!Reading {
    const json = reply.json orelse switch (try parse(ctx, reply.text)) {
        .json => |json| json,
        .problem => |problem| {
            const reasons = try ctx.value(.{.{ .path = "", .message = try ctx.print("is not JSON: {s}", .{problem}) }});
            return .{ .reasons = reasons.array };
        },
    };
    const errors = try sdk.schema.findErrors(ctx, &schema, json);
    return if (errors.len == 0) .{ .json = json } else .{ .reasons = errors[0..@min(errors.len, max_reasons)] };
}

const Parsed = union(enum) { json: Value, problem: []const u8 };

/// The text, of which models put a fence around the JSON.
fn parse(ctx: *Context, text: []const u8) Error!Parsed {
    var parser: sdk.parse.Parser = .initForeign(ctx.allocator, unfence(text));
    return .{ .json = parser.parse() catch |failure| switch (failure) {
        error.OutOfMemory => return error.OutOfMemory,
        error.InvalidJson, error.TooDeep => |reason| return .{ .problem = try parser.explain(reason) },
    } };
}

fn unfence(text: []const u8) []const u8 {
    const bare = std.mem.trim(u8, text, " \t\r\n");
    if (!std.mem.startsWith(u8, bare, "```") or !std.mem.endsWith(u8, bare, "```")) return bare;
    const start = std.mem.indexOfScalar(u8, bare, '\n') orelse return bare;
    return if (start < bare.len - 3) bare[start .. bare.len - 3] else bare;
}

/// For the model.
pub fn explain(ctx: *Context, reasons: []const Value) Error![]const u8 {
    var said: std.ArrayList(u8) = .empty;
    try said.appendSlice(ctx.allocator, "Your answer does not fit the JSON Schema:");
    for (reasons) |reason| {
        const path = reason.get("path").?.string;
        const place = if (path.len == 0) "the whole" else path;
        try said.appendSlice(ctx.allocator, try ctx.print("\n- {s}: {s}", .{ place, reason.get("message").?.string }));
    }
    try said.appendSlice(ctx.allocator, "\nAnswer again with the whole object, corrected.");
    return said.items;
}
