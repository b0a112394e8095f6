//! `multipart` -> multipart/form-data (RFC 7578; names and file names are escaped as WHATWG HTML has it).
//!
//! The parts are an object {name: part or list of parts} or a list of parts that have a `name`. A part is a scalar, or
//! {"text" or "base64", "filename", "content_type"}.

const std = @import("std");
const wasi = std.os.wasi;
const sdk = @import("sdk");
const isHeaderValue = @import("headers.zig").isHeaderValue;
const Context = sdk.Context;
const Error = sdk.Error;
const Input = sdk.Input;
const Value = sdk.Value;

const boundary_prefix = "arcrun-";

const part_fields = [_][]const u8{ "text", "base64", "filename", "content_type" };
const listed_part_fields = [_][]const u8{"name"} ++ part_fields;

const Part = struct {
    name: []const u8,
    content: []const u8,
    filename: ?[]const u8 = null,
    content_type: ?[]const u8 = null,
};

pub const Multipart = struct { content: []const u8, content_type: []const u8 };

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
    return .{
        .content = try render(ctx, parts.items, boundary),
        .content_type = try ctx.print("multipart/form-data; boundary={s}", .{boundary}),
    };
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
    if (encoded) |digits| {
        const bytes = try sdk.base64.decode(ctx.allocator, digits) orelse {
            return fields.mistyped("base64", "base64", .{ .string = digits });
        };
        _ = try checkTexts(ctx, place, .{ .name = name, .content = "", .filename = filename });
        const kind = content_type orelse "application/octet-stream";
        return .{ .name = name, .content = bytes, .filename = filename, .content_type = kind };
    }
    const content = text orelse return ctx.failInput("`{s}` must have `text` or `base64`.", .{place});
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
        var random: [16]u8 = @splat(0);
        _ = wasi.random_get(&random, random.len);
        const boundary = try ctx.print(boundary_prefix ++ "{s}", .{std.fmt.bytesToHex(random, .lower)});
        const is_free = for (parts) |part| {
            if (std.mem.indexOf(u8, part.content, boundary) != null) break false;
        } else true;
        if (is_free) return boundary;
    }
}

fn render(ctx: *Context, parts: []const Part, boundary: []const u8) Error![]const u8 {
    const allocator = ctx.allocator;
    var out: std.ArrayList(u8) = .empty;
    for (parts) |part| {
        try out.appendSlice(allocator, try ctx.print("--{s}\r\n", .{boundary}));
        try out.appendSlice(allocator, "Content-Disposition: form-data; name=\"");
        try appendName(&out, ctx, part.name);
        if (part.filename) |filename| {
            try out.appendSlice(allocator, "\"; filename=\"");
            try appendName(&out, ctx, filename);
        }
        try out.appendSlice(allocator, "\"\r\n");
        if (part.content_type) |kind| {
            try out.appendSlice(allocator, try ctx.print("Content-Type: {s}\r\n", .{kind}));
        }
        try out.appendSlice(allocator, "\r\n");
        try out.appendSlice(allocator, part.content);
        try out.appendSlice(allocator, "\r\n");
    }
    try out.appendSlice(allocator, try ctx.print("--{s}--\r\n", .{boundary}));
    return out.items;
}

fn appendName(out: *std.ArrayList(u8), ctx: *Context, name: []const u8) Error!void {
    for (name) |byte| switch (byte) {
        '"' => try out.appendSlice(ctx.allocator, "%22"),
        '\r' => try out.appendSlice(ctx.allocator, "%0D"),
        '\n' => try out.appendSlice(ctx.allocator, "%0A"),
        else => try out.append(ctx.allocator, byte),
    };
}
