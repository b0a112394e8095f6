//! The functions that the host lends, import module `arcrun`. A contract must declare the capability of each one used.
//!
//! A function takes a JSON request and returns the length of the reply, or a negative error; `read_reply` copies the
//! reply: {"ok": true, "value"} or {"ok": false, "error": {"code", "message", "retriable"}}.
//! Shapes: core/arcrun/wasm/host.py.

const context = @import("context.zig");
const json = @import("json.zig");
const parse = @import("parse.zig");
const render = @import("render.zig");
const Context = context.Context;
const Error = context.Error;
const Value = json.Value;

const imported = struct {
    extern "arcrun" fn http_request(request: [*]const u8, length: usize) i32;
    extern "arcrun" fn sleep(request: [*]const u8, length: usize) i32;
    extern "arcrun" fn ai_run(request: [*]const u8, length: usize) i32;
    extern "arcrun" fn store(request: [*]const u8, length: usize) i32;
    extern "arcrun" fn blob(request: [*]const u8, length: usize) i32;
    extern "arcrun" fn log(message: [*]const u8, length: usize) i32;
    extern "arcrun" fn read_reply(target: [*]u8, capacity: usize) i32;
};

const reply_too_large = -2;

/// {"method", "url", "headers", "body" | "body_base64" | "body_parts", "timeout_ms", "follow_redirects", "as_base64",
/// "as_blob"} -> {"status", "headers", "body" | "body_base64" | "body_blob"}. Needs the network, and for `body_parts` and
/// `as_blob` the capability `blob`.
pub fn httpRequest(ctx: *Context, request: Value) Error!Value {
    return call(ctx, imported.http_request, request);
}

/// Waits, at most 30 s. Needs the capability `sleep`.
pub fn sleep(ctx: *Context, duration_ms: i64) Error!void {
    _ = try call(ctx, imported.sleep, try ctx.value(.{ .ms = duration_ms }));
}

/// Needs the capability `ai`.
pub fn aiRun(ctx: *Context, request: Value) Error!Value {
    return call(ctx, imported.ai_run, request);
}

/// {"op", "key", ...} -> what the operation answers (core/arcrun/store/operations.py). Needs the capability `store`.
pub fn store(ctx: *Context, request: Value) Error!Value {
    return call(ctx, imported.store, request);
}

/// {"op", ...} -> what the operation answers (core/arcrun/blobs/access.py). Needs the capability `blob`.
pub fn blob(ctx: *Context, request: Value) Error!Value {
    return call(ctx, imported.blob, request);
}

/// One line in the component's log.
pub fn log(message: []const u8) void {
    _ = imported.log(message.ptr, message.len);
}

/// The reply's value. An error of the host ends the call with the host's own code and message.
fn call(ctx: *Context, function: fn ([*]const u8, usize) callconv(.c) i32, request: Value) Error!Value {
    const sent = try render.render(ctx.allocator, request);
    const length = function(sent.ptr, sent.len);
    if (length == reply_too_large) {
        return ctx.fail("RESPONSE_TOO_LARGE", "The host's reply is larger than a component can take (8 MiB).");
    }
    if (length < 0) return ctx.fail("HOST_CALL_FAILED", "The host did not understand the request.");
    ctx.has_reply = true;
    const received = try ctx.allocator.alloc(u8, @intCast(length));
    _ = imported.read_reply(received.ptr, received.len);
    var parser: parse.Parser = .init(ctx.allocator, received);
    const reply = parser.parse() catch |failure| switch (failure) {
        error.OutOfMemory => return error.OutOfMemory,
        error.InvalidJson, error.TooDeep => return ctx.fail("HOST_CALL_FAILED", "The host's reply is not JSON."),
    };
    if (reply.get("value")) |value| return value;
    const refusal = reply.get("error") orelse .null;
    const retriable = refusal.get("retriable") orelse .null;
    return ctx.failWith(.{
        .code = textOf(refusal, "code") orelse "HOST_CALL_FAILED",
        .message = textOf(refusal, "message") orelse "The host gave no reason.",
        .retriable = retriable == .boolean and retriable.boolean,
    });
}

fn textOf(value: Value, name: []const u8) ?[]const u8 {
    const found = value.get(name) orelse return null;
    return if (found == .string) found.string else null;
}
