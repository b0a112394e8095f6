//! A reference in a page or a feed, such as "/a?b=1", as the URL that it leads to (RFC 3986, section 5.2).

const std = @import("std");
const Allocator = std.mem.Allocator;

const Parts = struct {
    scheme: []const u8 = "",
    authority: ?[]const u8 = null,
    path: []const u8 = "",
    query: ?[]const u8 = null,
    fragment: ?[]const u8 = null,
};

/// Whether others can be resolved against it: "https://example.com".
pub fn isBase(url: []const u8) bool {
    const parts = split(url);
    const authority = parts.authority orelse return false;
    return parts.scheme.len > 0 and authority.len > 0;
}

/// `base` is one that `isBase`. What is a URL already stays as it is; spaces are percent-encoded.
pub fn resolve(allocator: Allocator, base: []const u8, reference: []const u8) Allocator.Error![]const u8 {
    const trimmed = std.mem.trim(u8, reference, " \t\r\n\x0c");
    var target = split(trimmed);
    if (target.scheme.len > 0) return trimmed;
    const from = split(base);
    target.scheme = from.scheme;
    if (target.authority == null) {
        target.authority = from.authority;
        if (target.path.len == 0) {
            target.path = from.path;
            target.query = target.query orelse from.query;
        } else if (target.path[0] != '/') {
            const folder = if (std.mem.lastIndexOfScalar(u8, from.path, '/')) |at| from.path[0 .. at + 1] else "/";
            target.path = try std.mem.concat(allocator, u8, &.{ folder, target.path });
        }
    }
    target.path = try removeDots(allocator, target.path);
    return join(allocator, target);
}

fn split(text: []const u8) Parts {
    var parts: Parts = .{};
    var rest = text;
    if (std.mem.indexOfScalar(u8, rest, '#')) |at| {
        parts.fragment = rest[at + 1 ..];
        rest = rest[0..at];
    }
    if (std.mem.indexOfScalar(u8, rest, '?')) |at| {
        parts.query = rest[at + 1 ..];
        rest = rest[0..at];
    }
    if (std.mem.indexOfScalar(u8, rest, ':')) |at| {
        if (isScheme(rest[0..at])) {
            parts.scheme = rest[0..at];
            rest = rest[at + 1 ..];
        }
    }
    if (std.mem.startsWith(u8, rest, "//")) {
        const end = std.mem.indexOfScalarPos(u8, rest, 2, '/') orelse rest.len;
        parts.authority = rest[2..end];
        rest = rest[end..];
    }
    parts.path = rest;
    return parts;
}

fn isScheme(text: []const u8) bool {
    if (text.len == 0 or !std.ascii.isAlphabetic(text[0])) return false;
    for (text) |char| {
        if (!std.ascii.isAlphanumeric(char) and std.mem.indexOfScalar(u8, "+-.", char) == null) return false;
    }
    return true;
}

/// RFC 3986, section 5.2.4, by segments.
fn removeDots(allocator: Allocator, path: []const u8) Allocator.Error![]const u8 {
    if (std.mem.indexOf(u8, path, "/.") == null) return path;
    var kept: std.ArrayList([]const u8) = .empty;
    var segments = std.mem.splitScalar(u8, path[1..], '/');
    while (segments.next()) |segment| {
        const is_last = segments.peek() == null;
        if (std.mem.eql(u8, segment, "..")) _ = kept.pop();
        if (!std.mem.eql(u8, segment, ".") and !std.mem.eql(u8, segment, "..")) {
            try kept.append(allocator, segment);
        } else if (is_last) try kept.append(allocator, "");
    }
    return std.mem.concat(allocator, u8, &.{ "/", try std.mem.join(allocator, "/", kept.items) });
}

fn join(allocator: Allocator, parts: Parts) Allocator.Error![]const u8 {
    var url: std.ArrayList(u8) = .empty;
    try url.print(allocator, "{s}://{s}", .{ parts.scheme, parts.authority.? });
    if (parts.path.len > 0 and parts.path[0] != '/') try url.append(allocator, '/');
    try appendEncoded(&url, allocator, parts.path);
    if (parts.query) |query| {
        try url.append(allocator, '?');
        try appendEncoded(&url, allocator, query);
    }
    if (parts.fragment) |fragment| {
        try url.append(allocator, '#');
        try appendEncoded(&url, allocator, fragment);
    }
    return url.items;
}

fn appendEncoded(url: *std.ArrayList(u8), allocator: Allocator, text: []const u8) Allocator.Error!void {
    for (text) |char| {
        if (char == ' ') try url.appendSlice(allocator, "%20") else try url.append(allocator, char);
    }
}

test "the examples of RFC 3986, section 5.4" {
    const cases = [_][2][]const u8{
        .{ "g:h", "g:h" },
        .{ "g", "http://a/b/c/g" },
        .{ "./g", "http://a/b/c/g" },
        .{ "g/", "http://a/b/c/g/" },
        .{ "/g", "http://a/g" },
        .{ "//g", "http://g" },
        .{ "?y", "http://a/b/c/d;p?y" },
        .{ "g?y", "http://a/b/c/g?y" },
        .{ "#s", "http://a/b/c/d;p?q#s" },
        .{ "g#s", "http://a/b/c/g#s" },
        .{ "g?y#s", "http://a/b/c/g?y#s" },
        .{ ";x", "http://a/b/c/;x" },
        .{ "", "http://a/b/c/d;p?q" },
        .{ ".", "http://a/b/c/" },
        .{ "./", "http://a/b/c/" },
        .{ "..", "http://a/b/" },
        .{ "../", "http://a/b/" },
        .{ "../g", "http://a/b/g" },
        .{ "../..", "http://a/" },
        .{ "../../g", "http://a/g" },
        .{ "../../../g", "http://a/g" },
        .{ "/./g", "http://a/g" },
        .{ "/../g", "http://a/g" },
        .{ "g.", "http://a/b/c/g." },
        .{ "..g", "http://a/b/c/..g" },
        .{ "./../g", "http://a/b/g" },
        .{ "./g/.", "http://a/b/c/g/" },
        .{ "g/../h", "http://a/b/c/h" },
        .{ "g;x=1/../y", "http://a/b/c/y" },
        .{ "g?y/../x", "http://a/b/c/g?y/../x" },
        .{ "a b?c d", "http://a/b/c/a%20b?c%20d" },
    };
    var arena: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer arena.deinit();
    for (cases) |case| {
        try std.testing.expectEqualStrings(case[1], try resolve(arena.allocator(), "http://a/b/c/d;p?q", case[0]));
    }
    try std.testing.expectEqualStrings("http://a/x", try resolve(arena.allocator(), "http://a", "x"));
    try std.testing.expect(isBase("http://a") and !isBase("/a") and !isBase("mailto:a@b") and !isBase("a.b"));
}
