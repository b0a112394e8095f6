//! What the host's `http_request` answers -> data {status, headers, body}.

const std = @import("std");
const sdk = @import("sdk");
const headers_ = @import("headers.zig");
const Context = sdk.Context;
const Error = sdk.Error;
const Value = sdk.Value;

pub const Form = enum { json, text, base64, blob };

/// A body, or why it cannot be read in the wanted form.
const Reading = union(enum) { body: Value, problem: []const u8 };

/// Without a `form`, JSON where the content type says so, else text.
///
/// Fails with HTTP_STATUS unless the status is 2xx, and with INVALID_RESPONSE_BODY if the body cannot be read in that
/// form. Both failures still carry the data, with the body as text (null where it is none).
pub fn read(ctx: *Context, response: Value, form: ?Form) Error!Value {
    const status = response.get("status") orelse .null;
    const headers = response.get("headers") orelse .null;
    const reading = try readBody(ctx, response, headers, form orelse if (isJson(headers)) .json else .text);
    const body = switch (reading) {
        .body => |body| body,
        .problem => response.get("body") orelse .null,
    };
    const data = try ctx.value(.{ .status = status, .headers = headers, .body = body });
    if (!sdk.status.isSuccess(codeOf(status))) {
        return ctx.failWith(.{
            .code = "HTTP_STATUS",
            .message = try ctx.print("The server answered with status {s}.", .{status.scalarText() orelse "unknown"}),
            .retriable = sdk.status.isRetriable(codeOf(status)),
            .retry_after_s = sdk.retry_after.find(headers),
            .details = (try ctx.value(.{ .status = status })).object,
            .data = data,
        });
    }
    if (reading == .problem) {
        const message = try ctx.print("The answer's body cannot be read: {s}.", .{reading.problem});
        return ctx.failWith(.{ .code = "INVALID_RESPONSE_BODY", .message = message, .data = data });
    }
    return data;
}

fn codeOf(status: Value) i64 {
    return if (status == .number) sdk.number.toInteger(status.number) orelse 0 else 0;
}

/// The content type, such as "text/html; charset=utf-8"; empty if there is none.
fn findContentType(headers: Value) []const u8 {
    if (headers != .object) return "";
    const content_type = headers_.find(headers.object, "content-type") orelse return "";
    return content_type.scalarText() orelse "";
}

/// application/json, text/json, or a type with the suffix +json (RFC 6839), whatever its parameters.
fn isJson(headers: Value) bool {
    const text = findContentType(headers);
    const essence = std.mem.trim(u8, text[0 .. std.mem.indexOfScalar(u8, text, ';') orelse text.len], " \t");
    return std.ascii.eqlIgnoreCase(essence, "application/json") or std.ascii.eqlIgnoreCase(essence, "text/json") or
        std.ascii.endsWithIgnoreCase(essence, "+json");
}

fn readBody(ctx: *Context, response: Value, headers: Value, form: Form) Error!Reading {
    if (response.get("body_blob")) |blob| return .{ .body = blob };
    const body = response.get("body") orelse {
        if (form == .base64) return .{ .body = response.get("body_base64") orelse .null };
        const names_charset = std.ascii.findIgnoreCase(findContentType(headers), "charset=") != null;
        return .{ .problem = if (names_charset)
            "it is not text in the charset that its content-type names; ask for `response: base64`"
        else
            "it is not UTF-8 text; ask for `response: base64`" };
    };
    if (body != .string) return .{ .body = .null };
    return switch (form) {
        .base64 => .{ .body = .{ .string = try sdk.base64.encode(ctx.allocator, body.string) } },
        .text, .blob => .{ .body = body },
        .json => readJson(ctx, body.string),
    };
}

/// An empty body, as of a 204, is null.
fn readJson(ctx: *Context, text: []const u8) Error!Reading {
    if (text.len == 0) return .{ .body = .null };
    var parser: sdk.parse.Parser = .initForeign(ctx.allocator, text);
    const body = parser.parse() catch |failure| switch (failure) {
        error.OutOfMemory => return error.OutOfMemory,
        error.InvalidJson, error.TooDeep => |reason| {
            const explained = try parser.explain(reason);
            return .{ .problem = try ctx.print("it is not JSON: {s}; ask for `response: text`", .{explained}) };
        },
    };
    return .{ .body = body };
}
