//! Blobs: what an input names, and a body of texts and blobs, which the host sends without handing it over.

const std = @import("std");
const wasi = std.os.wasi;
const base64 = @import("base64.zig");
const context = @import("context.zig");
const json = @import("json.zig");
const text = @import("text.zig");
const Context = context.Context;
const Error = context.Error;
const Input = @import("input.zig").Input;
const Value = json.Value;

/// A blob as the run's values have it: {"blob", "bytes", "content_type", "name"}, or the name alone; or a message's
/// attachment, with `filename`, of which a small one has its `base64` instead. Whether there is one, only the host knows.
pub const Blob = struct {
    name: []const u8 = "",
    /// The bytes of a small attachment.
    content: ?[]const u8 = null,
    filename: ?[]const u8 = null,
    content_type: ?[]const u8 = null,
};

const wanted = "a blob, as another node has answered it, or a message's attachment";

/// Null if the field is absent.
pub fn readOptional(input: Input, field: []const u8) Error!?Blob {
    const found = input.optionalValue(field) orelse return null;
    if (found == .string and isName(found.string)) return .{ .name = found.string };
    const name = textOf(found, "blob") orelse "";
    const content = if (textOf(found, "base64")) |digits| try base64.decode(input.ctx.allocator, digits) else null;
    if (!isName(name) and content == null) return input.mistyped(field, wanted, found);
    const filename = textOf(found, "name") orelse textOf(found, "filename");
    return .{
        .name = name,
        .content = if (isName(name)) null else content,
        .filename = if (filename) |given| plain(given) else null,
        .content_type = if (textOf(found, "content_type")) |given| plain(given) else null,
    };
}

fn isName(name: []const u8) bool {
    return std.mem.startsWith(u8, name, "runs/");
}

fn textOf(value: Value, name: []const u8) ?[]const u8 {
    if (value != .object) return null;
    const found = value.get(name) orelse return null;
    return if (found == .string and found.string.len > 0) found.string else null;
}

/// Null of what no header may hold.
fn plain(given: []const u8) ?[]const u8 {
    if (!text.isUtf8(given)) return null;
    return for (given) |byte| {
        if (std.ascii.isControl(byte)) break null;
    } else given;
}

pub const Encoding = enum { bytes, base64, mime };

/// A body, as the host's `http_request` takes it in `body_parts`.
pub const Body = struct {
    ctx: *Context,
    parts: std.ArrayList(Value) = .empty,
    held: std.ArrayList(u8) = .empty,

    pub fn append(body: *Body, content: []const u8) Error!void {
        try body.held.appendSlice(body.ctx.allocator, content);
    }

    /// The bytes of a small attachment are sent as they are.
    pub fn appendBlob(body: *Body, blob: Blob, encoding: Encoding) Error!void {
        if (blob.content) |content| return body.append(content);
        try body.flush();
        const part = try body.ctx.value(.{ .blob = blob.name, .encoding = @tagName(encoding) });
        try body.parts.append(body.ctx.allocator, part);
    }

    pub fn finish(body: *Body) Error!Value {
        try body.flush();
        return .{ .array = body.parts.items };
    }

    fn flush(body: *Body) Error!void {
        const ctx = body.ctx;
        if (body.held.items.len == 0) return;
        const part = if (text.isUtf8(body.held.items))
            try ctx.value(.{ .text = body.held.items })
        else
            try ctx.value(.{ .base64 = try base64.encode(ctx.allocator, body.held.items) });
        try body.parts.append(ctx.allocator, part);
        body.held = .empty;
    }
};

/// A boundary that nobody who has made the parts can know.
pub fn makeBoundary(ctx: *Context) Error![]const u8 {
    var random: [16]u8 = @splat(0);
    _ = wasi.random_get(&random, random.len);
    return ctx.print("arcrun-{s}", .{std.fmt.bytesToHex(random, .lower)});
}

/// `name="value"` of a Content-Disposition in multipart/form-data, as WHATWG HTML escapes it.
pub fn appendFormName(body: *Body, name: []const u8, value: []const u8) Error!void {
    try body.append(name);
    try body.append("=\"");
    for (value) |byte| switch (byte) {
        '"' => try body.append("%22"),
        '\r' => try body.append("%0D"),
        '\n' => try body.append("%0A"),
        else => try body.append(&.{byte}),
    };
    try body.append("\"");
}
