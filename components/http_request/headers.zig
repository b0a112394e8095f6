//! Headers: those of the input, and the search in an object of them.

const std = @import("std");
const sdk = @import("sdk");
const Context = sdk.Context;
const Error = sdk.Error;
const Input = sdk.Input;
const Object = sdk.Object;
const Value = sdk.Value;

/// Those that belong to the connection and not to the request (RFC 9110, section 7.6.1), and those that follow from the
/// URL and the body. workerd replaces or drops most of them without a word.
const reserved = [_][]const u8{
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
};

/// The object `headers`, its values as texts; those that are null are left out.
pub fn read(ctx: *Context, input: Input) Error!*Object {
    const headers = try sdk.newObject(ctx.allocator);
    const given = try input.optionalObject("headers") orelse return headers;
    for (given.fields.members()) |header| {
        if (header.value == .null) continue;
        if (!isHeaderName(header.name)) {
            return ctx.failInput("`headers` has the name \"{s}\", which no header can have.", .{header.name});
        }
        if (isReserved(header.name)) {
            return ctx.failInput("`headers.{s}` cannot be given: this header is the platform's own to set or leave out.", .{header.name});
        }
        const value = header.value.scalarText() orelse return given.mistyped(header.name, "a text", header.value);
        if (!isHeaderValue(value)) {
            return ctx.failInput("`headers.{s}` must not hold control characters.", .{header.name});
        }
        try headers.put(ctx.allocator, header.name, .{ .string = value });
    }
    return headers;
}

/// The header `name` of an object of headers, whose names may be in capitals.
pub fn find(headers: *const Object, name: []const u8) ?Value {
    return for (headers.members()) |header| {
        if (std.ascii.eqlIgnoreCase(header.name, name)) break header.value;
    } else null;
}

pub fn putDefault(ctx: *Context, headers: *Object, name: []const u8, value: []const u8) Error!void {
    if (find(headers, name) == null) try headers.put(ctx.allocator, name, .{ .string = value });
}

/// The same headers without `name`.
pub fn without(ctx: *Context, headers: *const Object, name: []const u8) Error!*Object {
    const others = try sdk.newObject(ctx.allocator);
    for (headers.members()) |header| {
        if (!std.ascii.eqlIgnoreCase(header.name, name)) try others.put(ctx.allocator, header.name, header.value);
    }
    return others;
}

fn isReserved(name: []const u8) bool {
    return for (reserved) |other| {
        if (std.ascii.eqlIgnoreCase(name, other)) break true;
    } else false;
}

/// A token of RFC 9110, section 5.6.2.
fn isHeaderName(name: []const u8) bool {
    for (name) |byte| switch (byte) {
        'A'...'Z', 'a'...'z', '0'...'9' => {},
        '!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~' => {},
        else => return false,
    };
    return name.len > 0;
}

pub fn isHeaderValue(value: []const u8) bool {
    return for (value) |byte| {
        if (std.ascii.isControl(byte) and byte != '\t') break false;
    } else true;
}
