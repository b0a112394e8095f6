//! The input -> a message of RFC 5322 with MIME parts (RFC 2045, 2046).

const std = @import("std");
const sdk = @import("sdk");
const address = @import("address.zig");
const attachment = @import("attachment.zig");
const header = @import("header.zig");
const Context = sdk.Context;
const Error = sdk.Error;
const Input = sdk.Input;
const Value = sdk.Value;

/// Every part is base64, in which no "_" occurs, so no part can hold a boundary.
const mixed_boundary = "=_arcrun_mixed";
const alternative_boundary = "=_arcrun_alternative";
/// What is encoded in a second of computing.
const max_content_bytes = 3 << 20;
const line_bytes = 57;

const Body = struct { text: ?[]const u8, html: ?[]const u8 };

/// The message as a text, or the parts of which the host makes it, if there is a blob among them.
pub const Message = union(enum) { whole: []const u8, parts: Value };

/// `opening` and `closing` are sent around parts.
pub fn build(ctx: *Context, input: Input, opening: []const u8, closing: []const u8) Error!Message {
    var out: std.ArrayList(u8) = .empty;
    try writeHeader(ctx, input, &out);
    const body: Body = .{
        .text = try readContent(ctx, input, "text"),
        .html = try readContent(ctx, input, "html"),
    };
    const attachments = try attachment.readAll(ctx, input);
    try checkSize(ctx, body, attachments);
    if (attachments.len == 0) {
        try writeBody(ctx, &out, body);
        return .{ .whole = out.items };
    }
    try append(ctx, &out, "Content-Type: multipart/mixed; boundary=\"" ++ mixed_boundary ++ "\"\r\n\r\n");
    try append(ctx, &out, "--" ++ mixed_boundary ++ "\r\n");
    try writeBody(ctx, &out, body);
    var sent: sdk.blob.Body = .{ .ctx = ctx };
    try sent.append(opening);
    for (attachments) |attached| {
        try append(ctx, &out, "--" ++ mixed_boundary ++ "\r\n");
        try attachment.writeHeader(ctx, &out, attached);
        const blob = attached.blob orelse {
            try writeBase64(ctx, &out, attached.content);
            continue;
        };
        try sent.append(out.items);
        try sent.appendBlob(blob, .mime);
        out = .empty;
    }
    try append(ctx, &out, "--" ++ mixed_boundary ++ "--\r\n");
    if (sent.parts.items.len == 0) return .{ .whole = out.items };
    try sent.append(out.items);
    try sent.append(closing);
    return .{ .parts = try sent.finish() };
}

fn append(ctx: *Context, out: *std.ArrayList(u8), text: []const u8) Error!void {
    try out.appendSlice(ctx.allocator, text);
}

fn writeHeader(ctx: *Context, input: Input, out: *std.ArrayList(u8)) Error!void {
    var writer: header.Writer = .{ .ctx = ctx, .out = out };
    if (try address.readOne(ctx, input, "from")) |from| try address.write(&writer, "From", &.{from});
    const to = try address.readAll(ctx, input, "to");
    if (to.len == 0) return input.missing("to", "an address or a list of addresses");
    try address.write(&writer, "To", to);
    try address.write(&writer, "Cc", try address.readAll(ctx, input, "cc"));
    try address.write(&writer, "Bcc", try address.readAll(ctx, input, "bcc"));
    if (try address.readOne(ctx, input, "reply_to")) |reply_to| try address.write(&writer, "Reply-To", &.{reply_to});
    const subject = try input.text("subject");
    try header.validate(ctx, "subject", subject);
    try writer.begin("Subject");
    try writer.addText(subject);
    try writer.end();
    if (try input.optionalText("in_reply_to")) |id| {
        try validateMessageId(ctx, id);
        for ([_][]const u8{ "In-Reply-To", "References" }) |name| {
            try writer.begin(name);
            try writer.add(id);
            try writer.end();
        }
    }
    try append(ctx, out, "MIME-Version: 1.0\r\n");
}

fn validateMessageId(ctx: *Context, id: []const u8) Error!void {
    const is_id = id.len > 2 and id.len <= 900 and id[0] == '<' and id[id.len - 1] == '>' and for (id) |byte| {
        if (byte <= ' ' or byte > '~') break false;
    } else true;
    if (!is_id) return ctx.failInput("`in_reply_to` must be a Message-ID like <abc@example.com>.", .{});
}

/// A text with the line ends that MIME wants.
fn readContent(ctx: *Context, input: Input, name: []const u8) Error!?[]const u8 {
    const given = try input.optionalText(name) orelse return null;
    if (!sdk.text.isUtf8(given)) return ctx.failInput("`{s}` must not hold lone surrogates.", .{name});
    var content: std.ArrayList(u8) = try .initCapacity(ctx.allocator, given.len);
    for (given, 0..) |byte, at| {
        const is_bare = byte == '\n' and (at == 0 or given[at - 1] != '\r');
        try content.appendSlice(ctx.allocator, if (is_bare) "\r\n" else &.{byte});
    }
    return content.items;
}

fn checkSize(ctx: *Context, body: Body, attachments: []const attachment.Attachment) Error!void {
    var bytes: usize = 0;
    for ([_]?[]const u8{ body.text, body.html }) |content| bytes += if (content) |present| present.len else 0;
    for (attachments) |attached| bytes += attached.content.len;
    if (bytes <= max_content_bytes) return;
    const limit = max_content_bytes >> 20;
    return ctx.fail("MESSAGE_TOO_LARGE", try ctx.print("Texts and attachments together exceed {d} MiB.", .{limit}));
}

/// One part, or both the text and the HTML, of which a reader shows the last that it can.
fn writeBody(ctx: *Context, out: *std.ArrayList(u8), body: Body) Error!void {
    const html = body.html orelse return writeText(ctx, out, "plain", body.text orelse "");
    const text = body.text orelse return writeText(ctx, out, "html", html);
    try append(ctx, out, "Content-Type: multipart/alternative; boundary=\"" ++ alternative_boundary ++ "\"\r\n\r\n");
    try append(ctx, out, "--" ++ alternative_boundary ++ "\r\n");
    try writeText(ctx, out, "plain", text);
    try append(ctx, out, "--" ++ alternative_boundary ++ "\r\n");
    try writeText(ctx, out, "html", html);
    try append(ctx, out, "--" ++ alternative_boundary ++ "--\r\n");
}

fn writeText(ctx: *Context, out: *std.ArrayList(u8), subtype: []const u8, content: []const u8) Error!void {
    try append(ctx, out, try ctx.print("Content-Type: text/{s}; charset=\"utf-8\"\r\n", .{subtype}));
    try append(ctx, out, "Content-Transfer-Encoding: base64\r\n\r\n");
    try writeBase64(ctx, out, content);
}

fn writeBase64(ctx: *Context, out: *std.ArrayList(u8), content: []const u8) Error!void {
    const encoder = std.base64.standard.Encoder;
    try out.ensureUnusedCapacity(ctx.allocator, (content.len / line_bytes + 1) * (line_bytes / 3 * 4 + 2));
    var rest = content;
    while (rest.len > 0) {
        const length = @min(rest.len, line_bytes);
        const line = out.addManyAsSliceAssumeCapacity(encoder.calcSize(length));
        _ = encoder.encode(line, rest[0..length]);
        out.appendSliceAssumeCapacity("\r\n");
        rest = rest[length..];
    }
}
