//! The input -> what the host's `http_request` takes.

const std = @import("std");
const sdk = @import("sdk");
const body_ = @import("body.zig");
const headers_ = @import("headers.zig");
const parameters = @import("parameters.zig");
const Body = body_.Body;
const Context = sdk.Context;
const Error = sdk.Error;
const Input = sdk.Input;
const Object = sdk.Object;
const Value = sdk.Value;

const max_timeout_ms = 60_000;
const user_agent = "arcrun";

const Method = enum { GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS };

pub fn build(ctx: *Context, input: Input) Error!*Object {
    const body = try body_.read(ctx, input);
    const method = try input.optionalChoice(Method, "method") orelse if (body == null) Method.GET else Method.POST;
    const wanted = try sdk.newObject(ctx.allocator);
    try wanted.put(ctx.allocator, "method", .{ .string = @tagName(method) });
    try wanted.put(ctx.allocator, "url", .{ .string = try buildUrl(ctx, input) });
    try wanted.put(ctx.allocator, "headers", .{ .object = try buildHeaders(ctx, input, body) });
    if (body) |given| {
        if (method == .GET or method == .HEAD) {
            return ctx.failInput("`{s}` cannot be sent with the method {s}.", .{ given.field, @tagName(method) });
        }
        try putContent(ctx, wanted, given);
    }
    if (try input.optionalInteger("timeout_ms", .{ .min = 1, .max = max_timeout_ms })) |timeout_ms| {
        try wanted.put(ctx.allocator, "timeout_ms", try ctx.value(timeout_ms));
    }
    const follow_redirects = try input.optionalBoolean("follow_redirects") orelse true;
    try wanted.put(ctx.allocator, "follow_redirects", .{ .boolean = follow_redirects });
    return wanted;
}

fn buildHeaders(ctx: *Context, input: Input, body: ?Body) Error!*Object {
    const given = try headers_.read(ctx, input);
    const is_fixed = if (body) |sent| sent.is_content_type_fixed else false;
    const headers = if (is_fixed) try headers_.without(ctx, given, "content-type") else given;
    if (body) |sent| {
        if (sent.content_type) |kind| try headers_.putDefault(ctx, headers, "content-type", kind);
    }
    try headers_.putDefault(ctx, headers, "user-agent", user_agent);
    return headers;
}

/// A text as it is, other bytes as base64.
fn putContent(ctx: *Context, wanted: *Object, body: Body) Error!void {
    if (body.parts) |parts| return wanted.put(ctx.allocator, "body_parts", parts);
    const is_text = std.mem.eql(u8, body.field, "body") or sdk.text.isUtf8(body.content);
    const field = if (is_text) "body" else "body_base64";
    const content = if (is_text) body.content else try sdk.base64.encode(ctx.allocator, body.content);
    try wanted.put(ctx.allocator, field, .{ .string = content });
}

/// `url` with the members of `query` added, before a fragment.
fn buildUrl(ctx: *Context, input: Input) Error![]const u8 {
    const url = try input.text("url");
    const query = try parameters.read(ctx, input, "query") orelse return url;
    const fragment_at = std.mem.indexOfScalar(u8, url, '#') orelse url.len;
    var built: std.ArrayList(u8) = .empty;
    try built.appendSlice(ctx.allocator, url[0..fragment_at]);
    for (query) |parameter| try appendParameter(ctx, &built, parameter);
    try built.appendSlice(ctx.allocator, url[fragment_at..]);
    return built.items;
}

fn appendParameter(ctx: *Context, url: *std.ArrayList(u8), parameter: parameters.Parameter) Error!void {
    if (std.mem.indexOfScalar(u8, url.items, '?') == null) {
        try url.append(ctx.allocator, '?');
    } else if (!std.mem.endsWith(u8, url.items, "?") and !std.mem.endsWith(u8, url.items, "&")) {
        try url.append(ctx.allocator, '&');
    }
    try url.appendSlice(ctx.allocator, try sdk.percent.encode(ctx.allocator, parameter.name));
    try url.append(ctx.allocator, '=');
    try url.appendSlice(ctx.allocator, try sdk.percent.encode(ctx.allocator, parameter.value));
}
