//! `attachments`: [{"filename", "content_base64" or "blob", "content_type"}].

const std = @import("std");
const sdk = @import("sdk");
const header = @import("header.zig");
const Context = sdk.Context;
const Error = sdk.Error;
const Input = sdk.Input;

pub const Attachment = struct {
    filename: []const u8,
    content_type: []const u8,
    content: []const u8 = "",
    blob: ?sdk.blob.Blob = null,
};

const max_filename_bytes = 255;
const max_type_bytes = 255;

const known_types = [_]struct { extension: []const u8, content_type: []const u8 }{
    .{ .extension = ".pdf", .content_type = "application/pdf" },
    .{ .extension = ".txt", .content_type = "text/plain; charset=\"utf-8\"" },
    .{ .extension = ".csv", .content_type = "text/csv; charset=\"utf-8\"" },
    .{ .extension = ".html", .content_type = "text/html; charset=\"utf-8\"" },
    .{ .extension = ".ics", .content_type = "text/calendar; charset=\"utf-8\"" },
    .{ .extension = ".json", .content_type = "application/json" },
    .{ .extension = ".xml", .content_type = "application/xml" },
    .{ .extension = ".png", .content_type = "image/png" },
    .{ .extension = ".jpg", .content_type = "image/jpeg" },
    .{ .extension = ".jpeg", .content_type = "image/jpeg" },
    .{ .extension = ".gif", .content_type = "image/gif" },
    .{ .extension = ".webp", .content_type = "image/webp" },
    .{ .extension = ".svg", .content_type = "image/svg+xml" },
    .{ .extension = ".zip", .content_type = "application/zip" },
    .{
        .extension = ".xlsx",
        .content_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    },
    .{
        .extension = ".docx",
        .content_type = "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    },
};

pub fn readAll(ctx: *Context, input: Input) Error![]const Attachment {
    const listed = try input.optionalList("attachments") orelse return &.{};
    const attachments = try ctx.allocator.alloc(Attachment, listed.len);
    for (listed, attachments, 0..) |item, *attached, i| {
        const place = try ctx.print("attachments[{d}]", .{i});
        if (item != .object) return input.mistyped(place, "an object", item);
        const prefix = try ctx.print("{s}.", .{place});
        attached.* = try readOne(ctx, .{ .ctx = ctx, .fields = item.object, .prefix = prefix });
    }
    return attachments;
}

fn readOne(ctx: *Context, input: Input) Error!Attachment {
    try input.allowOnly(&.{ "filename", "content_base64", "blob", "content_type" });
    const blob = try sdk.blob.readOptional(input, "blob");
    const own = if (blob) |sent| sent.filename else null;
    const filename = try input.optionalText("filename") orelse own orelse try input.text("filename");
    try header.validate(ctx, try ctx.print("{s}filename", .{input.prefix}), filename);
    const is_name = filename.len > 0 and std.mem.indexOfAny(u8, filename, "/\\") == null;
    if (!is_name or filename.len > max_filename_bytes) {
        return ctx.failInput("`{s}filename` must be a file's name, without folders, of at most {d} bytes.", .{
            input.prefix,
            max_filename_bytes,
        });
    }
    if (blob) |sent| {
        if (input.optionalValue("content_base64") != null) {
            return ctx.failInput("Only one of `{s}blob` and `{s}content_base64` can be given.", .{ input.prefix, input.prefix });
        }
        const content_type = try chooseType(ctx, input, filename, sent);
        if (sent.content) |content| return .{ .filename = filename, .content_type = content_type, .content = content };
        return .{ .filename = filename, .content_type = content_type, .blob = sent };
    }
    const encoded = try input.text("content_base64");
    const content = try sdk.base64.decode(ctx.allocator, encoded) orelse {
        return ctx.failInput("`{s}content_base64` must be a base64 text.", .{input.prefix});
    };
    return .{ .filename = filename, .content_type = try readType(ctx, input, filename), .content = content };
}

/// What the blob says that it is, unless the input or the name's ending says more.
fn chooseType(ctx: *Context, input: Input, filename: []const u8, blob: sdk.blob.Blob) Error![]const u8 {
    const said = blob.content_type orelse "";
    const is_known = isType(said) and !std.mem.startsWith(u8, said, "application/octet-stream");
    return if (is_known and input.optionalValue("content_type") == null) said else readType(ctx, input, filename);
}

fn readType(ctx: *Context, input: Input, filename: []const u8) Error![]const u8 {
    const given = try input.optionalText("content_type") orelse {
        for (known_types) |known| {
            if (std.ascii.endsWithIgnoreCase(filename, known.extension)) return known.content_type;
        }
        return "application/octet-stream";
    };
    if (isType(given)) return given;
    return ctx.failInput("`{s}content_type` must be of the form type/subtype; name=value, and neither multipart nor message.", .{
        input.prefix,
    });
}

/// A type and a subtype (RFC 6838, section 4.2), and parameters (RFC 2045, section 5.1).
fn isType(text: []const u8) bool {
    if (text.len > max_type_bytes) return false;
    var parts = std.mem.splitScalar(u8, text, ';');
    const media_type = parts.first();
    const slash = std.mem.indexOfScalar(u8, media_type, '/') orelse return false;
    if (!isName(media_type[0..slash]) or !isName(media_type[slash + 1 ..])) return false;
    while (parts.next()) |part| if (!isParameter(std.mem.trim(u8, part, " "))) return false;
    return !std.ascii.startsWithIgnoreCase(text, "multipart/") and !std.ascii.startsWithIgnoreCase(text, "message/");
}

fn isName(text: []const u8) bool {
    for (text) |byte| {
        if (!std.ascii.isAlphanumeric(byte) and std.mem.indexOfScalar(u8, "!#$&-^_.+", byte) == null) return false;
    }
    return text.len > 0;
}

/// charset=utf-8, or title="two words"; a quoted value has neither quotes nor backslashes in it.
fn isParameter(text: []const u8) bool {
    const equals = std.mem.indexOfScalar(u8, text, '=') orelse return false;
    const value = text[equals + 1 ..];
    if (!isName(text[0..equals])) return false;
    if (!std.mem.startsWith(u8, value, "\"")) return isName(value);
    if (value.len < 2 or value[value.len - 1] != '"') return false;
    for (value[1 .. value.len - 1]) |byte| if (!std.ascii.isPrint(byte) or byte == '"' or byte == '\\') return false;
    return true;
}

/// Up to the empty line. A name of other than plain ASCII is written as RFC 2231 has it.
pub fn writeHeader(ctx: *Context, out: *std.ArrayList(u8), attached: Attachment) Error!void {
    const form = "Content-Type: {s}\r\nContent-Transfer-Encoding: base64\r\n" ++
        "Content-Disposition: attachment;\r\n {s}\r\n\r\n";
    const name = if (isSimple(attached.filename))
        try ctx.print("filename=\"{s}\"", .{attached.filename})
    else
        try ctx.print("filename*=UTF-8''{s}", .{try sdk.percent.encode(ctx.allocator, attached.filename)});
    try out.appendSlice(ctx.allocator, try ctx.print(form, .{ attached.content_type, name }));
}

fn isSimple(filename: []const u8) bool {
    return header.isPlain(filename) and filename.len <= 60 and std.mem.indexOfAny(u8, filename, "\"%") == null;
}
