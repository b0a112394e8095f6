//! Calls of a service's JSON API: a request, its answer read, and a refusal as a failure that never shows a secret.

const std = @import("std");
const context = @import("context.zig");
const host = @import("host.zig");
const json = @import("json.zig");
const number = @import("number.zig");
const parse = @import("parse.zig");
const retry_after = @import("retry_after.zig");
const status_code = @import("status.zig");
const text = @import("text.zig");
const Context = context.Context;
const Error = context.Error;
const Input = @import("input.zig").Input;
const Value = json.Value;

/// A service's own words are cut to this many code points.
const max_explanation = 500;

/// A credential's text. Unlike those of `Input.text`, the messages do not show it.
pub fn readSecret(input: Input, name: []const u8) Error![]const u8 {
    const found = input.optionalValue(name) orelse return input.missing(name, "a text");
    const secret = if (found == .string) std.mem.trim(u8, found.string, " \t\r\n") else "";
    const is_usable = secret.len > 0 and for (secret) |byte| {
        if (std.ascii.isControl(byte)) break false;
    } else true;
    if (!is_usable) {
        const wanted = "a text of one line that is not empty";
        return input.ctx.failInput("`{s}{s}` must be {s}.", .{ input.prefix, name, wanted });
    }
    return secret;
}

pub const Request = struct {
    method: enum { GET, POST, PUT } = .POST,
    url: []const u8,
    /// A JSON object of texts.
    headers: Value,
    body: ?[]const u8 = null,
    /// Instead of a body: one with blobs in it.
    parts: ?Value = null,
    /// Null leaves it to the host.
    timeout_ms: ?i64 = null,
};

pub const Reply = struct {
    status: i64,
    headers: Value,
    /// Null if it is not JSON.
    body: Value,

    pub fn isSuccess(reply: Reply) bool {
        return status_code.isSuccess(reply.status);
    }

    /// The text at a path of member names: `reply.textAt(&.{ "error", "message" })`.
    pub fn textAt(reply: Reply, path: []const []const u8) ?[]const u8 {
        const found = valueAt(reply.body, path) orelse return null;
        return if (found == .string and found.string.len > 0) found.string else null;
    }
};

pub fn valueAt(value: Value, path: []const []const u8) ?Value {
    var found = value;
    for (path) |name| found = found.get(name) orelse return null;
    return found;
}

/// What a service says when it refuses; what is null is made from the answer's status and headers.
pub const Refusal = struct {
    code: ?[]const u8 = null,
    message: ?[]const u8 = null,
    /// The service's own word for the cause.
    reason: ?[]const u8 = null,
    /// Whether the same request may succeed later.
    retriable: ?bool = null,
    retry_after_s: ?i64 = null,
};

pub const Service = struct {
    ctx: *Context,
    name: []const u8,
    /// What no message may show.
    secrets: []const []const u8,

    pub fn send(service: Service, request: Request) Error!Reply {
        const ctx = service.ctx;
        const method = @tagName(request.method);
        const wanted = try ctx.value(.{ .method = method, .url = request.url, .headers = request.headers });
        if (request.body) |body| try wanted.object.put(ctx.allocator, "body", .{ .string = body });
        if (request.parts) |parts| try wanted.object.put(ctx.allocator, "body_parts", parts);
        if (request.timeout_ms) |timeout_ms| {
            try wanted.object.put(ctx.allocator, "timeout_ms", try ctx.value(timeout_ms));
        }
        // A service's API does not redirect, and a credential must not follow it.
        try wanted.object.put(ctx.allocator, "follow_redirects", .{ .boolean = false });
        const response = host.httpRequest(ctx, wanted) catch |failure| {
            if (failure == error.Failed) ctx.failure.?.message = try service.hideSecrets(ctx.failure.?.message);
            return failure;
        };
        const status = response.get("status") orelse .null;
        return .{
            .status = if (status == .number) number.toInteger(status.number) orelse 0 else 0,
            .headers = response.get("headers") orelse .null,
            .body = try readJson(ctx, response.get("body") orelse .null),
        };
    }

    /// Ends the call: {"code", "message", "retriable", "retry_after_s", "status", "reason"}, the waiting time and the
    /// reason where they are known.
    pub fn refuse(service: Service, reply: Reply, refusal: Refusal) Error {
        const ctx = service.ctx;
        const details = try ctx.value(.{ .status = reply.status });
        if (refusal.reason) |reason| {
            const shown = try service.hideSecrets(reason);
            try details.object.put(ctx.allocator, "reason", .{ .string = shown });
        }
        return ctx.failWith(.{
            .code = refusal.code orelse codeOf(reply.status),
            .message = try service.explain(reply.status, refusal.message),
            .retriable = refusal.retriable orelse status_code.isRetriable(reply.status),
            .retry_after_s = refusal.retry_after_s orelse retry_after.find(reply.headers),
            .details = details.object,
        });
    }

    /// Ends the call because a success is not what the service documents.
    pub fn misunderstand(service: Service, reply: Reply) Error {
        const ctx = service.ctx;
        const message = try ctx.print("{s} answered with something that it does not document.", .{service.name});
        const details = try ctx.value(.{ .status = reply.status });
        return ctx.failWith(.{ .code = "INVALID_RESPONSE", .message = message, .details = details.object });
    }

    fn explain(service: Service, status: i64, message: ?[]const u8) Error![]const u8 {
        const said = std.mem.trimEnd(u8, message orelse "", " .\r\n");
        if (said.len == 0) return service.ctx.print("{s} answered with status {d}.", .{ service.name, status });
        const shown = text.prefix(try service.hideSecrets(said), max_explanation);
        return service.ctx.print("{s} answered with status {d}: {s}.", .{ service.name, status, shown });
    }

    fn hideSecrets(service: Service, message: []const u8) Error![]const u8 {
        const allocator = service.ctx.allocator;
        var shown = message;
        for (service.secrets) |secret| {
            if (secret.len == 0 or std.mem.indexOf(u8, shown, secret) == null) continue;
            shown = try std.mem.replaceOwned(u8, allocator, shown, secret, "[secret]");
        }
        return shown;
    }
};

fn readJson(ctx: *Context, body: Value) Error!Value {
    if (body != .string) return .null;
    var parser: parse.Parser = .initForeign(ctx.allocator, body.string);
    return parser.parse() catch |failure| switch (failure) {
        error.OutOfMemory => error.OutOfMemory,
        error.InvalidJson, error.TooDeep => .null,
    };
}

fn codeOf(status: i64) []const u8 {
    return switch (status) {
        400, 422 => "BAD_REQUEST",
        401 => "UNAUTHORIZED",
        403 => "FORBIDDEN",
        404 => "NOT_FOUND",
        409 => "CONFLICT",
        413 => "TOO_LARGE",
        429 => "RATE_LIMITED",
        500...599 => "SERVICE_UNAVAILABLE",
        else => "UNEXPECTED_STATUS",
    };
}
