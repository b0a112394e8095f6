//! Links between pages: the header Link (RFC 8288), references to URLs (RFC 3986, section 5), and parameters in a query.

const std = @import("std");
const sdk = @import("sdk");
const Context = sdk.Context;
const Error = sdk.Error;

/// The target of the first link with the relation `next` in the header's value; null if there is none.
pub fn findNext(ctx: *Context, header: []const u8) Error!?[]const u8 {
    var at: usize = 0;
    while (std.mem.indexOfScalarPos(u8, header, at, '<')) |open| {
        const close = std.mem.indexOfScalarPos(u8, header, open, '>') orelse return null;
        const end = endOfLink(header, close + 1);
        if (isNext(header[close + 1 .. end])) return try ctx.allocator.dupe(u8, std.mem.trim(u8, header[open + 1 .. close], " \t"));
        at = end;
    }
    return null;
}

/// Where the parameters end that begin at `start`: at a comma that is not within quotes.
fn endOfLink(header: []const u8, start: usize) usize {
    var is_quoted = false;
    var at = start;
    while (at < header.len) : (at += 1) {
        if (is_quoted and header[at] == '\\') {
            at += 1;
        } else if (header[at] == '"') {
            is_quoted = !is_quoted;
        } else if (!is_quoted and header[at] == ',') return at;
    }
    return header.len;
}

/// Whether the first `rel` among a link's parameters has `next` among its relations.
fn isNext(parameters: []const u8) bool {
    var rest = parameters;
    while (std.mem.indexOfScalar(u8, rest, ';')) |semicolon| {
        rest = std.mem.trimStart(u8, rest[semicolon + 1 ..], " \t");
        const equals = std.mem.indexOfAny(u8, rest, "=;") orelse return false;
        if (rest[equals] == ';') {
            rest = rest[equals..];
            continue;
        }
        const name = std.mem.trim(u8, rest[0..equals], " \t");
        rest = std.mem.trimStart(u8, rest[equals + 1 ..], " \t");
        const is_quoted = rest.len > 0 and rest[0] == '"';
        const start: usize = @intFromBool(is_quoted);
        const end = if (is_quoted) endOfQuoted(rest) else std.mem.indexOfAny(u8, rest, "; \t") orelse rest.len;
        const value = rest[start..end];
        rest = rest[end..];
        if (!std.ascii.eqlIgnoreCase(name, "rel")) continue;
        var relations = std.mem.tokenizeAny(u8, value, " \t");
        while (relations.next()) |relation| {
            if (std.ascii.eqlIgnoreCase(relation, "next")) return true;
        }
        return false;
    }
    return false;
}

fn endOfQuoted(text: []const u8) usize {
    var at: usize = 1;
    while (at < text.len and text[at] != '"') at += if (text[at] == '\\') 2 else 1;
    return @min(at, text.len);
}

/// `target` as it is meant on the page at `base`, without its fragment. Dots in a path stay: who sends it removes them.
pub fn resolve(ctx: *Context, base: []const u8, target: []const u8) Error![]const u8 {
    const wanted = try ctx.allocator.dupe(u8, target[0 .. std.mem.indexOfScalar(u8, target, '#') orelse target.len]);
    const query_at = std.mem.indexOfScalar(u8, wanted, '?') orelse wanted.len;
    std.mem.replaceScalar(u8, wanted[0..query_at], '\\', '/'); // as whoever sends it reads it
    if (schemeOf(wanted) != null) return wanted;
    const known = split(base);
    if (std.mem.startsWith(u8, wanted, "//")) return ctx.print("{s}:{s}", .{ known.scheme, wanted });
    const origin = try ctx.print("{s}://{s}", .{ known.scheme, known.authority });
    if (wanted.len == 0) return base;
    if (wanted[0] == '/') return ctx.print("{s}{s}", .{ origin, wanted });
    if (wanted[0] == '?') return ctx.print("{s}{s}{s}", .{ origin, known.path, wanted });
    const folder = known.path[0..if (std.mem.lastIndexOfScalar(u8, known.path, '/')) |slash| slash + 1 else 0];
    return ctx.print("{s}{s}{s}", .{ origin, if (folder.len == 0) "/" else folder, wanted });
}

/// Whether scheme, host and port are the same.
pub fn isSameOrigin(ctx: *Context, one: []const u8, other: []const u8) Error!bool {
    return std.mem.eql(u8, try originOf(ctx, one), try originOf(ctx, other));
}

fn originOf(ctx: *Context, url: []const u8) Error![]const u8 {
    const parts = split(url);
    const at = std.mem.lastIndexOfScalar(u8, parts.authority, '@');
    const host = parts.authority[if (at) |position| position + 1 else 0..];
    const scheme = try lowered(ctx, parts.scheme);
    const default = if (std.mem.eql(u8, scheme, "https")) ":443" else ":80";
    const short = if (std.mem.endsWith(u8, host, default)) host[0 .. host.len - default.len] else host;
    return ctx.print("{s}://{s}", .{ scheme, try lowered(ctx, short) });
}

fn lowered(ctx: *Context, text: []const u8) Error![]const u8 {
    const copy = try ctx.allocator.dupe(u8, text);
    for (copy) |*char| char.* = std.ascii.toLower(char.*);
    return copy;
}

const Parts = struct { scheme: []const u8, authority: []const u8, path: []const u8 };

/// An absolute URL without its query.
fn split(url: []const u8) Parts {
    const scheme = schemeOf(url) orelse "";
    const after = url[@min(url.len, scheme.len + 3)..];
    const end = std.mem.indexOfAny(u8, after, "/\\?#") orelse after.len;
    const path_end = std.mem.indexOfAnyPos(u8, after, end, "?#") orelse after.len;
    return .{ .scheme = scheme, .authority = after[0..end], .path = after[end..path_end] };
}

fn schemeOf(url: []const u8) ?[]const u8 {
    const colon = std.mem.indexOfScalar(u8, url, ':') orelse return null;
    for (url[0..colon], 0..) |char, at| {
        const belongs = std.ascii.isAlphabetic(char) or (at > 0 and (std.ascii.isDigit(char) or char == '+' or char == '-' or char == '.'));
        if (!belongs) return null;
    }
    return if (colon > 0) url[0..colon] else null;
}

/// The URL with one parameter of this name in its query, in the place of those that it has.
pub fn withParameter(ctx: *Context, url: []const u8, name: []const u8, value: []const u8) Error![]const u8 {
    const encoded = try sdk.percent.encode(ctx.allocator, name);
    const base = url[0 .. std.mem.indexOfScalar(u8, url, '#') orelse url.len];
    const question = std.mem.indexOfScalar(u8, base, '?') orelse base.len;
    var built: std.ArrayList(u8) = .empty;
    try built.appendSlice(ctx.allocator, base[0..question]);
    var pairs = std.mem.tokenizeScalar(u8, base[@min(base.len, question + 1)..], '&');
    var separator: u8 = '?';
    while (pairs.next()) |pair| {
        const own = pair[0 .. std.mem.indexOfScalar(u8, pair, '=') orelse pair.len];
        if (std.mem.eql(u8, own, encoded) or std.mem.eql(u8, own, name)) continue;
        try built.append(ctx.allocator, separator);
        try built.appendSlice(ctx.allocator, pair);
        separator = '&';
    }
    try built.append(ctx.allocator, separator);
    try built.appendSlice(ctx.allocator, encoded);
    try built.append(ctx.allocator, '=');
    try built.appendSlice(ctx.allocator, try sdk.percent.encode(ctx.allocator, value));
    return built.items;
}
