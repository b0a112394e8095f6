//! `multipart` -> multipart/form-data (RFC 7578; names and file names are escaped as WHATWG HTML has it).
//!
//! The parts are an object {name: part or list of parts} or a list of parts that have a `name`. A part is a scalar, or
//! {"text", "base64" or "blob", "filename", "content_type"}.

const std = @import("std");
const sdk = @import("sdk");
const isHeaderValue = @import("headers.zig").isHeaderValue;
const Context = sdk.Context;
const Error = sdk.Error;
const Input = sdk.Input;
const Value = sdk.Value;

const part_fields = [_][]const u8{ "text", "base64", "blob", "filename", "content_type" };
const listed_part_fields = [_][]const u8{"name"} ++ part_fields;

const Part = struct {
    name: []const u8,
    content: []const u8 = "",
    blob: ?sdk.blob.Blob = null,
    filename: ?[]const u8 = null,
    content_type: ?[]const u8 = null,
};

/// `parts` instead of the content, if there is a blob among them.
pub const Multipart = struct { content: []const u8 = "", parts: ?Value = null, content_type: []const u8 };

/// Null if the field `multipart` is absent.
pub fn read(ctx: *Context, input: Input) Error!?Multipart {
    const found = input.optionalValue("multipart") orelse return null;
    var parts: std.ArrayList(Part) = .empty;
    switch (found) {
        .object => |object| for (object.members()) |member| {
            const place = try ctx.print("multipart.{s}", .{member.name});
            const values: []const Value = if (member.value == .array) member.value.array else &.{member.value};
            for (values) |value| {
                if (value == .null) continue;
                if (value == .object) try (try fieldsOf(input, place, value)).allowOnly(&part_fields);
                try parts.append(ctx.allocator, try readPart(input, place, member.name, value));
            }
        },
        .array => |items| for (items, 0..) |item, i| {
            const place = try ctx.print("multipart[{d}]", .{i});
            if (item != .object) return input.mistyped(place, "an object with a name", item);
            const fields = try fieldsOf(input, place, item);
            try fields.allowOnly(&listed_part_fields);
            const name = try fields.text("name");
            try parts.append(ctx.allocator, try readPart(input, place, name, item));
        },
        else => return input.mistyped("multipart", "an object or a list of parts", found),
    }
    if (parts.items.len == 0) return ctx.failInput("`multipart` must have a part.", .{});
    const boundary = try chooseBoundary(ctx, parts.items);
    const content_type = try ctx.print("multipart/form-data; boundary={s}", .{boundary});
    var body: sdk.blob.Body = .{ .ctx = ctx };
    const has_blobs = try render(&body, parts.items, boundary);
    if (has_blobs) return .{ .parts = try body.finish(), .content_type = content_type };
    return .{ .content = body.held.items, .content_type = content_type };
}

fn fieldsOf(input: Input, place: []const u8, part: Value) Error!Input {
    const prefix = try input.ctx.print("{s}.", .{place});
    return .{ .ctx = input.ctx, .fields = part.object, .prefix = prefix };
}

fn readPart(input: Input, place: []const u8, name: []const u8, value: Value) Error!Part {
    const ctx = input.ctx;
    if (value != .object) {
        const content = value.scalarText() orelse {
            return input.mistyped(place, "a text, a number, true, false or an object", value);
        };
        return checkTexts(ctx, place, .{ .name = name, .content = content });
    }
    const fields = try fieldsOf(input, place, value);
    const filename = try fields.optionalText("filename");
    const content_type = try fields.optionalText("content_type");
    if (content_type) |given| {
        if (!isHeaderValue(given)) {
            return ctx.failInput("`{s}.content_type` must not hold control characters.", .{place});
        }
    }
    const text = try fields.optionalText("text");
    const encoded = try fields.optionalText("base64");
    if (text != null and encoded != null) {
        return ctx.failInput("Only one of `{s}.text` and `{s}.base64` can be given.", .{ place, place });
    }
    if (try sdk.blob.readOptional(fields, "blob")) |blob| {
        if (text != null or encoded != null) {
            return ctx.failInput("`{s}.blob` cannot be given with `text` or `base64`.", .{place});
        }
        _ = try checkTexts(ctx, place, .{ .name = name, .filename = filename });
        const kind = content_type orelse blob.content_type orelse "application/octet-stream";
        return .{ .name = name, .blob = blob, .filename = filename orelse blob.filename orelse "file", .content_type = kind };
    }
    if (encoded) |digits| {
        const bytes = try sdk.base64.decode(ctx.allocator, digits) orelse {
            return fields.mistyped("base64", "base64", .{ .string = digits });
        };
        _ = try checkTexts(ctx, place, .{ .name = name, .filename = filename });
        const kind = content_type orelse "application/octet-stream";
        return .{ .name = name, .content = bytes, .filename = filename, .content_type = kind };
    }
    const content = text orelse return ctx.failInput("`{s}` must have `text`, `base64` or `blob`.", .{place});
    const default: ?[]const u8 = if (filename == null) null else "text/plain; charset=utf-8";
    const kind = content_type orelse default;
    return checkTexts(ctx, place, .{ .name = name, .content = content, .filename = filename, .content_type = kind });
}

fn checkTexts(ctx: *Context, place: []const u8, part: Part) Error!Part {
    if (!sdk.text.isUtf8(part.name) or !sdk.text.isUtf8(part.content) or !sdk.text.isUtf8(part.filename orelse "")) {
        return ctx.failInput("`{s}` must not hold lone surrogates.", .{place});
    }
    return part;
}

/// One that occurs in no part: random, so that a guess is as good as impossible, and looked for all the same.
fn chooseBoundary(ctx: *Context, parts: []const Part) Error![]const u8 {
    while (true) {
        const boundary = try sdk.blob.makeBoundary(ctx);
        const is_free = for (parts) |part| {
            if (std.mem.indexOf(u8, part.content, boundary) != null) break false;
        } else true;
        if (is_free) return boundary;
    }
}

/// Whether there is a blob among the parts.
fn render(body: *sdk.blob.Body, parts: []const Part, boundary: []const u8) Error!bool {
    const ctx = body.ctx;
    var has_blobs = false;
    for (parts) |part| {
        try body.append(try ctx.print("--{s}\r\nContent-Disposition: form-data; ", .{boundary}));
        try sdk.blob.appendFormName(body, "name", part.name);
        if (part.filename) |filename| {
            try body.append("; ");
            try sdk.blob.appendFormName(body, "filename", filename);
        }
        try body.append("\r\n");
        if (part.content_type) |kind| try body.append(try ctx.print("Content-Type: {s}\r\n", .{kind}));
        try body.append("\r\n");
        if (part.blob) |blob| {
            has_blobs = true;
            try body.appendBlob(blob, .bytes);
        } else {
            try body.append(part.content);
        }
        try body.append("\r\n");
    }
    try body.append(try ctx.print("--{s}--\r\n", .{boundary}));
    return has_blobs;
}
