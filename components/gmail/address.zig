//! Addresses: `ada@example.com` or `Ada Lovelace <ada@example.com>` (RFC 5322, section 3.4, without its oddities).

const std = @import("std");
const sdk = @import("sdk");
const header = @import("header.zig");
const Context = sdk.Context;
const Error = sdk.Error;
const Input = sdk.Input;
const Value = sdk.Value;

pub const Address = struct { name: []const u8, mailbox: []const u8 };

const max_mailbox_bytes = 254;
/// A longer name becomes encoded words, which can be folded.
const max_quoted_bytes = 60;

/// The field `name`: a list with one address an item, or a text with commas between them.
pub fn readAll(ctx: *Context, input: Input, name: []const u8) Error![]const Address {
    const given = input.optionalValue(name) orelse return &.{};
    var addresses: std.ArrayList(Address) = .empty;
    switch (given) {
        .string => |text| {
            var rest = text;
            while (rest.len > 0) {
                const length = itemLength(rest);
                try addresses.append(ctx.allocator, try parse(ctx, name, rest[0..length]));
                rest = rest[@min(length + 1, rest.len)..];
            }
        },
        .array => |items| for (items, 0..) |item, i| {
            const place = try ctx.print("{s}[{d}]", .{ name, i });
            if (item != .string) return input.mistyped(place, "a text", item);
            try addresses.append(ctx.allocator, try parse(ctx, place, item.string));
        },
        else => return input.mistyped(name, "an address or a list of addresses", given),
    }
    return addresses.items;
}

pub fn readOne(ctx: *Context, input: Input, name: []const u8) Error!?Address {
    const text = try input.optionalText(name) orelse return null;
    return try parse(ctx, name, text);
}

/// Up to a comma that is not in quotes.
fn itemLength(text: []const u8) usize {
    var is_quoted = false;
    var at: usize = 0;
    while (at < text.len) : (at += 1) {
        switch (text[at]) {
            '\\' => at += @intFromBool(is_quoted),
            '"' => is_quoted = !is_quoted,
            ',' => if (!is_quoted) return at,
            else => {},
        }
    }
    return text.len;
}

fn parse(ctx: *Context, place: []const u8, source: []const u8) Error!Address {
    try header.validate(ctx, place, source);
    const text = std.mem.trim(u8, source, " ");
    const open = std.mem.lastIndexOfScalar(u8, text, '<');
    const is_named = open != null and std.mem.endsWith(u8, text, ">");
    const mailbox = if (is_named) text[open.? + 1 .. text.len - 1] else text;
    const name = if (is_named) std.mem.trim(u8, text[0..open.?], " ") else "";
    if (!isMailbox(mailbox) or !isName(name)) {
        return ctx.failInput("`{s}` must be an address like ada@example.com or Ada <ada@example.com>.", .{place});
    }
    return .{ .name = try unquote(ctx, name), .mailbox = mailbox };
}

/// Quoted, or without the characters that would hide another address in it.
fn isName(name: []const u8) bool {
    return isQuoted(name) or std.mem.indexOfAny(u8, name, "<>@\"") == null;
}

/// Whether the quotes at both ends belong together.
fn isQuoted(name: []const u8) bool {
    if (name.len < 2 or name[0] != '"') return false;
    var at: usize = 1;
    while (at < name.len) : (at += 1) {
        if (name[at] == '"') return at == name.len - 1;
        if (name[at] == '\\') at += 1;
    }
    return false;
}

fn unquote(ctx: *Context, name: []const u8) Error![]const u8 {
    if (!isQuoted(name)) return name;
    var plain: std.ArrayList(u8) = .empty;
    var at: usize = 1;
    while (at < name.len - 1) : (at += 1) {
        if (name[at] == '\\' and at + 1 < name.len - 1) at += 1;
        try plain.append(ctx.allocator, name[at]);
    }
    return plain.items;
}

/// A dot-atom, an @ and a domain name, all ASCII.
fn isMailbox(text: []const u8) bool {
    const at = std.mem.lastIndexOfScalar(u8, text, '@') orelse return false;
    if (text.len > max_mailbox_bytes) return false;
    return isDotted(text[0..at], isAtomByte) and isDotted(text[at + 1 ..], isDomainByte);
}

fn isDotted(text: []const u8, isAllowed: *const fn (u8) bool) bool {
    var parts = std.mem.splitScalar(u8, text, '.');
    while (parts.next()) |part| {
        if (part.len == 0) return false;
        for (part) |byte| {
            if (!isAllowed(byte)) return false;
        }
    }
    return true;
}

fn isAtomByte(byte: u8) bool {
    return std.ascii.isAlphanumeric(byte) or std.mem.indexOfScalar(u8, "!#$%&'*+-/=?^_`{|}~", byte) != null;
}

fn isDomainByte(byte: u8) bool {
    return std.ascii.isAlphanumeric(byte) or byte == '-';
}

pub fn write(writer: *header.Writer, field: []const u8, addresses: []const Address) Error!void {
    if (addresses.len == 0) return;
    try writer.begin(field);
    for (addresses, 0..) |address, i| {
        if (address.name.len > 0) {
            try addName(writer, address.name);
            try writer.add(try writer.ctx.print("<{s}>", .{address.mailbox}));
        } else try writer.add(address.mailbox);
        if (i + 1 < addresses.len) try writer.append(",");
    }
    try writer.end();
}

/// A display name: a quoted string if it is plain, else encoded words.
fn addName(writer: *header.Writer, name: []const u8) Error!void {
    if (!header.isPlain(name) or name.len > max_quoted_bytes) return writer.addEncoded(name);
    var quoted: std.ArrayList(u8) = .empty;
    try quoted.append(writer.ctx.allocator, '"');
    for (name) |byte| {
        if (byte == '"' or byte == '\\') try quoted.append(writer.ctx.allocator, '\\');
        try quoted.append(writer.ctx.allocator, byte);
    }
    try quoted.append(writer.ctx.allocator, '"');
    try writer.add(quoted.items);
}
