//! `query` and `form`: objects of names and values, as the lists of pairs that they stand for.

const std = @import("std");
const sdk = @import("sdk");
const Context = sdk.Context;
const Error = sdk.Error;
const Input = sdk.Input;
const Value = sdk.Value;

pub const Parameter = struct { name: []const u8, value: []const u8 };

/// The members of the object `field`, in order: a list gives its name once for each of its values, null is left out.
/// Null if the field is absent.
pub fn read(ctx: *Context, input: Input, field: []const u8) Error!?[]const Parameter {
    const given = try input.optionalObject(field) orelse return null;
    var parameters: std.ArrayList(Parameter) = .empty;
    for (given.fields.members()) |member| {
        const values: []const Value = if (member.value == .array) member.value.array else &.{member.value};
        for (values) |value| {
            if (value == .null) continue;
            const text = value.scalarText() orelse {
                return given.mistyped(member.name, "a text, a number, true, false or a list of these", value);
            };
            if (!sdk.text.isUtf8(member.name) or !sdk.text.isUtf8(text)) {
                return ctx.failInput("`{s}` must not hold lone surrogates.", .{field});
            }
            try parameters.append(ctx.allocator, .{ .name = member.name, .value = text });
        }
    }
    return parameters.items;
}

/// application/x-www-form-urlencoded (WHATWG URL, section 5.2).
pub fn renderForm(ctx: *Context, parameters: []const Parameter) Error![]const u8 {
    var out: std.ArrayList(u8) = .empty;
    for (parameters, 0..) |parameter, i| {
        if (i > 0) try out.append(ctx.allocator, '&');
        try appendFormText(&out, ctx, parameter.name);
        try out.append(ctx.allocator, '=');
        try appendFormText(&out, ctx, parameter.value);
    }
    return out.items;
}

fn appendFormText(out: *std.ArrayList(u8), ctx: *Context, text: []const u8) Error!void {
    for (text) |byte| switch (byte) {
        'A'...'Z', 'a'...'z', '0'...'9', '*', '-', '.', '_' => try out.append(ctx.allocator, byte),
        ' ' => try out.append(ctx.allocator, '+'),
        else => {
            try out.append(ctx.allocator, '%');
            try out.appendSlice(ctx.allocator, &std.fmt.bytesToHex([1]u8{byte}, .upper));
        },
    };
}
