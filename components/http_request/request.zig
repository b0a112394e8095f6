//! The input -> what the host's `http_request` takes.

const std = @import("std");
const sdk = @import("sdk");
const Context = sdk.Context;
const Error = sdk.Error;
const Input = sdk.Input;
const Object = sdk.Object;
const Value = sdk.Value;

const max_timeout_ms = 60_000;

const Method = enum { GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS };

const Body = struct { field: []const u8, text: []const u8, content_type: ?[]const u8 };

pub fn build(ctx: *Context, input: Input) Error!Value {
    const body = try readBody(ctx, input);
    const method = try input.optionalChoice(Method, "method") orelse if (body == null) Method.GET else Method.POST;
    const headers = try readHeaders(ctx, input);
    const wanted = try sdk.newObject(ctx.allocator);
    try wanted.put(ctx.allocator, "method", .{ .string = @tagName(method) });
    try wanted.put(ctx.allocator, "url", .{ .string = try buildUrl(ctx, input) });
    try wanted.put(ctx.allocator, "headers", .{ .object = headers });
    if (body) |given| {
        if (method == .GET or method == .HEAD) {
            return ctx.failInput("`{s}` cannot be sent with the method {s}.", .{ given.field, @tagName(method) });
        }
        try wanted.put(ctx.allocator, "body", .{ .string = given.text });
        if (given.content_type) |content_type| {
            if (findHeader(headers, "content-type") == null) {
                try headers.put(ctx.allocator, "content-type", .{ .string = content_type });
            }
        }
    }
    if (try input.optionalInteger("timeout_ms", .{ .min = 1, .max = max_timeout_ms })) |timeout_ms| {
        try wanted.put(ctx.allocator, "timeout_ms", try ctx.value(timeout_ms));
    }
    const follow_redirects = try input.optionalBoolean("follow_redirects") orelse true;
    try wanted.put(ctx.allocator, "follow_redirects", .{ .boolean = follow_redirects });
    return .{ .object = wanted };
}

fn readBody(ctx: *Context, input: Input) Error!?Body {
    const text = try input.optionalText("body");
    const json = input.optionalValue("body_json");
    if (text != null and json != null) return ctx.failInput("Only one of `body` and `body_json` can be given.", .{});
    if (text) |given| return .{ .field = "body", .text = given, .content_type = null };
    const rendered = try sdk.render(ctx.allocator, json orelse return null);
    return .{ .field = "body_json", .text = rendered, .content_type = "application/json" };
}

/// The header `name` (lower case) of an object of headers.
pub fn findHeader(headers: *const Object, name: []const u8) ?Value {
    return for (headers.members()) |header| {
        if (std.ascii.eqlIgnoreCase(header.name, name)) break header.value;
    } else null;
}

fn readHeaders(ctx: *Context, input: Input) Error!*Object {
    const headers = try sdk.newObject(ctx.allocator);
    const given = try input.optionalObject("headers") orelse return headers;
    for (given.fields.members()) |header| {
        if (header.value == .null) continue;
        if (!isHeaderName(header.name)) {
            return ctx.failInput("`headers` has the name \"{s}\", which no header can have.", .{header.name});
        }
        const value = header.value.scalarText() orelse return given.mistyped(header.name, "a text", header.value);
        if (!isHeaderValue(value)) {
            return ctx.failInput("`headers.{s}` must not hold control characters.", .{header.name});
        }
        try headers.put(ctx.allocator, header.name, .{ .string = value });
    }
    return headers;
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

fn isHeaderValue(value: []const u8) bool {
    return for (value) |byte| {
        if (std.ascii.isControl(byte) and byte != '\t') break false;
    } else true;
}

/// `url` with the members of `query` added, before a fragment.
fn buildUrl(ctx: *Context, input: Input) Error![]const u8 {
    const url = try input.text("url");
    const query = try input.optionalObject("query") orelse return url;
    const fragment_at = std.mem.indexOfScalar(u8, url, '#') orelse url.len;
    var built: std.ArrayList(u8) = .empty;
    try built.appendSlice(ctx.allocator, url[0..fragment_at]);
    for (query.fields.members()) |parameter| {
        const values: []const Value = if (parameter.value == .array) parameter.value.array else &.{parameter.value};
        for (values) |value| {
            if (value == .null) continue;
            const text = value.scalarText() orelse {
                return query.mistyped(parameter.name, "a text, a number, true, false or a list of these", value);
            };
            try appendParameter(ctx, &built, parameter.name, text);
        }
    }
    try built.appendSlice(ctx.allocator, url[fragment_at..]);
    return built.items;
}

fn appendParameter(ctx: *Context, url: *std.ArrayList(u8), name: []const u8, value: []const u8) Error!void {
    if (!sdk.text.isUtf8(name) or !sdk.text.isUtf8(value)) {
        return ctx.failInput("`query` must not hold lone surrogates.", .{});
    }
    if (std.mem.indexOfScalar(u8, url.items, '?') == null) {
        try url.append(ctx.allocator, '?');
    } else if (!std.mem.endsWith(u8, url.items, "?") and !std.mem.endsWith(u8, url.items, "&")) {
        try url.append(ctx.allocator, '&');
    }
    try url.appendSlice(ctx.allocator, try sdk.percent.encode(ctx.allocator, name));
    try url.append(ctx.allocator, '=');
    try url.appendSlice(ctx.allocator, try sdk.percent.encode(ctx.allocator, value));
}
